"""The scenario files: behaviour as stories with an exact ending, through the production code."""

from pathlib import Path

import pytest
from sqlalchemy import URL

from dunflow.scenario.run import Story, find_stories, run_story

HERE = Path(__file__).parent
FOLDERS = [
    HERE,
    HERE / "own",
    HERE / "random-ladder",
    HERE / "random-people",
    HERE / "random-providers",
]


@pytest.mark.parametrize("story", find_stories(FOLDERS), ids=lambda story: story.name)
def test_story_ends_as_it_says(story: Story, server: URL, template: str) -> None:
    if story.scenario.xfail:
        pytest.xfail(story.scenario.xfail)
    assert run_story(story, server, template).differences == []
