"""The scenario files: behaviour as stories with an exact ending, through the production code."""

import os
from pathlib import Path

import pytest
from sqlalchemy import URL

from dunflow.scenario.run import Story, find_stories, run_story

HERE = Path(__file__).parent
TOLD = [HERE, HERE / "own"]
RANDOM = [HERE / name for name in ("random-ladder", "random-people", "random-providers")]

ALL = "DUNFLOW_ALL_STORIES"
"""Set it to play all of the random stories, which takes a while; else one in thirty."""


def stories() -> list[Story]:
    every = 1 if os.environ.get(ALL) else 30
    return find_stories(TOLD) + [
        story for place in RANDOM for story in find_stories([place])[::every]
    ]


@pytest.mark.parametrize("story", stories(), ids=lambda story: story.name)
def test_story_ends_as_it_says(story: Story, server: URL, template: str) -> None:
    ending = run_story(story, server, template)
    assert not ending.failed, ending.differences or "it passes now: take its `xfail` away"
    if ending.differences:
        pytest.xfail(story.scenario.xfail)
