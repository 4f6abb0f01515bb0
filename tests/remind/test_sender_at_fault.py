"""A sender that can't even be made stops its own channel, and nothing of it is in doubt."""

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from dunflow import day as stages
from dunflow.config.book import Book
from dunflow.errors import SenderDown
from dunflow.ledger.tables import contact
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
