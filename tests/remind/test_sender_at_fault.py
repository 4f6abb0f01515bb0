"""A sender that can't even be made stops its own channel, and nothing of it is in doubt."""

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from dunflow import day as stages
from dunflow.config.book import Book
from dunflow.errors import SenderDown
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import contact
from dunflow.remind import faults, opt_outs
from dunflow.remind.claim import claim
from dunflow.remind.senders.outcome import Down
from tests.test_at_once import DATE, PEOPLE, day  # noqa: F401 - a fixture


def test_credentials_that_are_nowhere_stop_their_channel_alone(
    day: tuple[stages.Day, Path],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SENDGRID_API_KEY", raising=False)
    opened, _ = day
    given = opened.book.portfolio
    email = given.senders.email.model_copy(update={"provider": "sendgrid"})
    senders = given.senders.model_copy(update={"email": email})
    portfolio = given.model_copy(update={"senders": senders})
    book = Book(portfolio, opened.book.policy, opened.book.floor, opened.book.folder)
    morning = stages.Day(opened.engine, book, DATE, opened.clock, opened.environ)
    stages.snapshot(morning)
    stages.gate(morning)
    stages.decide(morning)
    with pytest.raises(SenderDown, match="SENDGRID_API_KEY"):
        stages.remind(morning)
    with opened.engine.connect() as conn:
        states = Counter(conn.execute(select(contact.c.channel, contact.c.state)).all())
    assert states["email", "planned"] == PEOPLE // 2
    assert states["sms", "accepted"] > PEOPLE // 4
    assert not any(state == "claimed" for _, state in states)


def test_a_trial_is_not_spent_on_a_contact_that_may_not_go(
    day: tuple[stages.Day, Path],  # noqa: F811
) -> None:
    opened, _ = day
    for stage in (stages.snapshot, stages.gate, stages.decide):
        stage(opened)
    now = opened.clock.now() + dt.timedelta(hours=6)
    with opened.engine.begin() as conn:
        number = portfolio_id_of(conn, opened.book.name)
        due = select(contact.c.contact_id, contact.c.customer_id).where(contact.c.channel == "sms")
        first, second = conn.execute(
            due.order_by(contact.c.severity.desc(), contact.c.contact_id).limit(2)
        )
        opt_outs.bind(conn, number, ["sms"], [first.customer_id], [], "desk", now)
        faults.note(conn, number, {"sms": Down("20003", "no credentials")}, now)
        later = faults.known(conn, number)["sms"].try_at
        batch = claim(conn, opened.book, number, ["sms"], later, 100)
    assert [each.contact_id for each in batch.claimed] == [second.contact_id]
