"""A template that can't be used holds up the contacts that are worded by it, and no others."""

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from dunflow import day as stages
from dunflow.clock import VirtualClock
from dunflow.errors import ConfigError
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import contact
from dunflow.remind import faults, wording
from dunflow.remind.claim import claim
from dunflow.remind.senders.outcome import Down
from tests.test_at_once import DATE, MORNING, PEOPLE, day  # noqa: F401 - a fixture

NOON = MORNING + dt.timedelta(hours=3)
GONE = "renamed_since"


def _planned(opened: stages.Day, gone: int = 1) -> None:
    """A day that is decided, whose most severe contacts name a template that is not there."""
    for stage in (stages.snapshot, stages.gate, stages.decide):
        stage(opened)
    first = (
        select(contact.c.contact_id)
        .where(contact.c.channel == "sms")
        .order_by(contact.c.severity.desc(), contact.c.contact_id)
        .limit(gone)
    )
    with opened.engine.begin() as conn:
        conn.execute(update(contact).where(contact.c.contact_id.in_(first)).values(template=GONE))
    assert isinstance(opened.clock, VirtualClock)
    opened.clock.move_to(NOON)


def _states(engine: Engine) -> Counter[tuple[str, str, str]]:
    with engine.connect() as conn:
        found = select(contact.c.channel, contact.c.template, contact.c.state)
        return Counter(tuple(row) for row in conn.execute(found))


def test_it_holds_up_its_own_contacts_alone_and_the_task_says_which(
    day: tuple[stages.Day, Path],  # noqa: F811
) -> None:
    opened, _ = day
    _planned(opened)
    with pytest.raises(ConfigError, match=f"zh/{GONE}/sms.txt: there is no such file.* 1 planned"):
        stages.remind(opened)
    states = _states(opened.engine)
    assert states["sms", GONE, "planned"] == 1
    assert states["sms", "courtesy", "planned"] < states["sms", "courtesy", "accepted"]
    assert states["email", "courtesy", "accepted"] > PEOPLE // 4


def test_more_of_them_than_a_claim_takes_keep_nobody_back(
    day: tuple[stages.Day, Path],  # noqa: F811
) -> None:
    opened, _ = day
    _planned(opened, gone=PEOPLE // 2 - 1)
    with opened.engine.begin() as conn:
        number = portfolio_id_of(conn, opened.book.name)
        seen = [claim(conn, opened.book, number, ["sms"], NOON, 20) for _ in range(8)]
    assert sum(len(batch.claimed) for batch in seen) == 1


def test_it_is_told_by_each_dispatch_until_it_is_mended_and_then_they_go_out(
    day: tuple[stages.Day, Path],  # noqa: F811
) -> None:
    opened, home = day
    _planned(opened)
    assert isinstance(opened.clock, VirtualClock)
    for _ in range(2):
        with pytest.raises(ConfigError, match=f"1 planned by template {GONE!r}"):
            stages.remind(opened, ["sms"])
    mended = home / "portfolios" / "shop" / "templates" / "zh" / GONE / "sms.txt"
    mended.parent.mkdir(parents=True)
    mended.write_text((Path("include/templates/zh/courtesy/sms.txt")).read_text("utf-8"), "utf-8")
    opened.clock.move_to(NOON + wording.AGAIN)
    stages.remind(opened, ["sms"])
    assert _states(opened.engine)["sms", GONE, "planned"] == 0


def test_a_trial_of_a_sender_is_not_spent_on_it(
    day: tuple[stages.Day, Path],  # noqa: F811
) -> None:
    opened, _ = day
    _planned(opened)
    with opened.engine.begin() as conn:
        number = portfolio_id_of(conn, opened.book.name)
        faults.note(conn, number, {"sms": Down("20003", "no credentials")}, NOON)
        later = faults.known(conn, number)["sms"].try_at
        batch = claim(conn, opened.book, number, ["sms"], later, 100)
    assert len(batch.claimed) == 1


def test_a_text_that_lacks_what_a_pack_asks_for_waits_as_one_that_can_not_be_written(
    day: tuple[stages.Day, Path],  # noqa: F811
) -> None:
    opened, home = day
    lacking = home / "portfolios" / "shop" / "templates" / "zh" / "courtesy" / "sms.txt"
    lacking.parent.mkdir(parents=True)
    lacking.write_text("{{ lender.name }}：{{ customer }}，请还款{{ total }}", "utf-8")
    _planned(opened, gone=0)
    slot = "opt_out_instruction"
    told = f"template zh/courtesy by sms: does not say {slot}, .* planned by template 'courtesy'"
    with pytest.raises(ConfigError, match=told):
        stages.remind(opened)
    states = _states(opened.engine)
    assert states["sms", "courtesy", "planned"] == PEOPLE // 2
    assert states["sms", "courtesy", "accepted"] == 0
    assert states["email", "courtesy", "accepted"] > PEOPLE // 4


def test_what_waits_for_it_to_the_end_expires_under_that_reason(
    day: tuple[stages.Day, Path],  # noqa: F811
) -> None:
    opened, _ = day
    _planned(opened)
    with pytest.raises(ConfigError):
        stages.remind(opened, ["sms"])
    assert isinstance(opened.clock, VirtualClock)
    opened.clock.move_to(opened.book.portfolio.calendar.lives_until(DATE))
    stages.remind(opened, ["sms"])
    with opened.engine.connect() as conn:
        ended = select(contact.c.state, contact.c.reason).where(contact.c.template == GONE)
        assert conn.execute(ended).all() == [("expired", wording.UNWORDED)]
