"""A dry run before each run of many stories: it leaves nothing behind, and tells what then is."""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Engine, func, select, text, true

from dunflow import day as stages
from dunflow.day import Day, Figures
from dunflow.dry_run.rehearse import rehearse
from dunflow.errors import BreakerTripped
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import contact, metadata, placement
from dunflow.scenario.run import Story, find_stories, run_story

STORIES = Path(__file__).parents[1] / "scenarios"
FOLDERS = (".", "own", "random-ladder", "random-people", "random-providers")
ONE_IN = int(os.environ.get("DUNFLOW_REHEARSED_ONE_IN", "80"))
"""Set it to 1 to have all of them, which takes a while."""


def stories() -> list[Story]:
    return [each for name in FOLDERS for each in find_stories([STORIES / name])][::ONE_IN]


@pytest.mark.parametrize("story", stories(), ids=lambda story: story.name)
def test_a_run_does_what_was_said_and_nothing_is_left_of_the_saying(
    story: Story, server: URL, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = stages.decide

    def told_before(day: Day) -> Figures:
        before = _content(day.engine)
        said = rehearse(day)
        assert _content(day.engine) == before
        planned, waiting, placed = _planned(day), _planned(day, "planned"), _placed(day)
        usual = day.book.portfolio.calendar.usual_time_of(day.business_date)
        if day.clock.now() < usual:  # and the dry run looks from that
            return decide(day)
        if said["breaker"]:
            with pytest.raises(BreakerTripped, match=re.escape(said["breaker"])) as tripped:
                decide(day)
            raise tripped.value
        did = decide(day)
        assert (said["late"], said["decide"]) == (did["late"], did["decide"])
        assert _told(said) == _planned(day) - planned + waiting
        assert Counter(said["placed"]) == _placed(day)
        assert placed <= _placed(day)
        return did

    monkeypatch.setattr(stages, "decide", told_before)
    ending = run_story(story, server, template)
    assert not ending.failed, ending.differences


def _content(engine: Engine) -> dict[str, Any]:
    with engine.connect() as conn:
        return {
            each.name: conn.execute(
                text(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {each.name} t")
            ).scalar()
            for each in metadata.sorted_tables
        }


def _told(said: Figures) -> Counter[tuple[str, str]]:
    return Counter(
        {
            (each["step"], each["channel"]): each["goes_out"] + sum(each["held_back"].values())
            for each in said["contacts"]
        }
    )


def _planned(day: Day, *states: str) -> Counter[tuple[str, str]]:
    """Contacts of the date, in these states or in any."""
    with day.engine.begin() as conn:
        number = portfolio_id_of(conn, day.book.name)
        rows = conn.execute(
            select(contact.c.step, contact.c.channel, func.count())
            .where(contact.c.portfolio_id == number, contact.c.run_id.is_not(None))
            .where(contact.c.business_date == day.business_date)
            .where(contact.c.state.in_(states) if states else true())
            .group_by(contact.c.step, contact.c.channel)
        ).all()
    return Counter({(step, channel): count for step, channel, count in rows})


def _placed(day: Day) -> Counter[str]:
    with day.engine.begin() as conn:
        number = portfolio_id_of(conn, day.book.name)
        rows = conn.execute(
            select(placement.c.destination, func.count())
            .where(placement.c.portfolio_id == number, placement.c.run_id.is_not(None))
            .where(placement.c.business_date == day.business_date)
            .group_by(placement.c.destination)
        ).all()
    return Counter(dict(rows))
