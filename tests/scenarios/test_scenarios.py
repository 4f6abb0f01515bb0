"""The scenario files: behaviour as stories with an exact ending, through the production code."""

import os
from pathlib import Path

import pytest
from sqlalchemy import URL

from dunflow.scenario.run import Story, find_stories, run_story

HERE = Path(__file__).parent
ONE_IN = {HERE: 1, HERE / "own": 1} | {
    HERE / name: 30 for name in ("random-ladder", "random-people", "random-providers")
}
"""How many of a folder's stories a test run plays, which has its limits."""
ALL = "DUNFLOW_ALL_STORIES"
"""Set it to play all of them, which takes a while."""


def stories() -> list[Story]:
    whole = bool(os.environ.get(ALL))
    return [
        story
        for place, one_in in ONE_IN.items()
        for story in find_stories([place])[:: 1 if whole else one_in]
    ]


@pytest.mark.parametrize("story", stories(), ids=lambda story: story.name)
def test_story_ends_as_it_says(story: Story, server: URL, template: str) -> None:
    ending = run_story(story, server, template)
    assert not ending.failed, ending.differences or "it passes now: take its `xfail` away"
    if ending.differences:
        pytest.xfail(story.scenario.xfail)
