"""Our own stories, for what the given ones leave open."""

from pathlib import Path

import pytest
from sqlalchemy import URL

from dunflow.scenario.run import Story, find_stories, run_story

STORIES = find_stories([Path(__file__).parent])


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_ends_as_it_must(story: Story, server: URL, template: str) -> None:
    differences = run_story(story, server, template).differences
    if story.scenario.xfail:
        assert differences, f"{story.name} passes now; take its xfail out"
        pytest.xfail(story.scenario.xfail)
    assert differences == []
