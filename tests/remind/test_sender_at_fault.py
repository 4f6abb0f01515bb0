"""A sender that can't even be made stops its own channel, and nothing of it is in doubt."""

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from dunflow import day as stages
from dunflow.clock import VirtualClock
from dunflow.config.book import Book
from dunflow.errors import SenderDown
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import contact
from dunflow.remind import faults, opt_outs, receipts
from dunflow.remind.claim import claim
from dunflow.remind.dispatch import Dispatcher
from dunflow.remind.senders.outcome import Down, Seen
from tests.remind.contacts import NOW, Outbox, outbox_of
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


BLOCKED = Seen(None, None, "undelivered", "30034", "sender")
WHY = "the sender is not registered with the carriers"


def _tell(box: Outbox, contact_id: int, seen: Seen, now: dt.datetime) -> None:
    with box.engine.begin() as conn:
        receipts.take(conn, box.book, [(contact_id, seen)], now)


def _known(box: Outbox) -> dict[str, faults.Fault]:
    with box.engine.connect() as conn:
        return faults.known(conn, box.portfolio_id)


def test_what_was_accepted_and_blocked_stops_its_channel_and_is_said(ledger: Engine) -> None:
    box = outbox_of(ledger)
    _tell(box, box.put("accepted", accepted_at=NOW), BLOCKED, NOW)
    assert _known(box)["sms"].why == WHY
    with Dispatcher(ledger, box.book, box.portfolio_id, VirtualClock(NOW), {}) as dispatcher:
        drained = dispatcher.drain(["sms", "email"])
    assert drained.down == {"sms": WHY}
    with pytest.raises(SenderDown, match="sms: the sender is not registered"):
        drained.raise_if_held_up()


def test_nothing_but_an_arrival_of_later_ends_what_only_came_out_later(ledger: Engine) -> None:
    box, later = outbox_of(ledger), NOW + dt.timedelta(minutes=1)
    _tell(box, box.put("accepted", accepted_at=NOW), BLOCKED, NOW)
    with ledger.begin() as conn:
        faults.note(conn, box.portfolio_id, {"sms": None}, NOW)  # another was accepted
    _tell(box, box.put("accepted", accepted_at=NOW), Seen(None, None, "delivered"), later)
    assert "sms" in _known(box)
    trial = box.put("accepted", claimed_at=later, accepted_at=later)
    _tell(box, trial, Seen(None, None, "delivered"), later)
    assert _known(box) == {}


def test_what_a_sender_is_to_blame_for_says_nothing_against_the_step(ledger: Engine) -> None:
    box = outbox_of(ledger)
    sent = box.put("accepted", accepted_at=NOW)
    _tell(box, sent, BLOCKED, NOW)
    row = box.row(sent)
    assert (row.state, row.reason, row.occupies, row.progress) == (
        *("undelivered", "sender", False),
        None,
    )
