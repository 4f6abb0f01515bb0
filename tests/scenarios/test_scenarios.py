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
LONG, ONE_LONG_IN = 7, 4
"""Of our own stories over so many dates: a third of them, and three quarters of the dates."""
ALL = "DUNFLOW_ALL_STORIES"
"""Set it to play all of them, which takes a while."""


def stories() -> list[Story]:
    if os.environ.get(ALL):
        return find_stories(list(ONE_IN))
    some = [each for place, one_in in ONE_IN.items() for each in find_stories([place])[::one_in]]
    long = [each for each in some if each.file.parent == HERE / "own" and dates_of(each) > LONG]
    left_out = {each.name for number, each in enumerate(long) if number % ONE_LONG_IN}
    return [each for each in some if each.name not in left_out]


def dates_of(story: Story) -> int:
    """How many business dates a story runs."""
    spans = [entry.run for entry in story.scenario.timeline if entry.run]
    return sum((last - first).days + 1 for first, last in spans)


@pytest.mark.parametrize("story", stories(), ids=lambda story: story.name)
def test_story_ends_as_it_says(story: Story, server: URL, template: str) -> None:
    ending = run_story(story, server, template)
    assert not ending.failed, ending.differences or "it passes now: take its `xfail` away"
    if ending.differences:
        pytest.xfail(story.scenario.xfail)
