"""A call bears no reference: which of the provider's calls is ours, and whose turn a number is."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine, select

from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import contact
from dunflow.remind import ask, lines
from dunflow.remind.senders.outcome import Absent, OneOf, Seen
from tests.remind.contacts import NOW, Outbox, outbox_of

NUMBER = "+8613800138009"


@pytest.fixture
def outbox(ledger: Engine) -> Outbox:
    return outbox_of(ledger)


def doubtful(outbox: Outbox) -> int:
    return outbox.put("in_doubt", channel="voice", address=NUMBER, ask_at=NOW)


def answer(outbox: Outbox, given: Any) -> None:
    with outbox.engine.begin() as conn:
        (asked,) = ask.take(conn, outbox.book, outbox.portfolio_id, "voice", NOW)
        ask.record(conn, outbox.book, [(asked, given)], NOW)


def test_a_call_that_belongs_to_another_contact_is_not_ours(outbox: Outbox) -> None:
    outbox.put("accepted", channel="voice", address=NUMBER, provider_id="CA1", accepted_at=NOW)
    mine = doubtful(outbox)
    answer(outbox, OneOf((Seen("CA1", NOW), Seen("CA2", NOW, "delivered", answered_by="human"))))
    row = outbox.row(mine)
    assert (row.state, row.provider_id, row.reason) == ("delivered", "CA2", None)


def test_where_every_call_belongs_to_others_ours_was_never_made(outbox: Outbox) -> None:
    outbox.put("accepted", channel="voice", address=NUMBER, provider_id="CA1", accepted_at=NOW)
    mine = doubtful(outbox)
    answer(outbox, OneOf((Seen("CA1", NOW),)))
    row = outbox.row(mine)
    assert (row.state, row.asked) == ("in_doubt", 1)


def test_two_calls_that_belong_to_nobody_are_one_too_many(outbox: Outbox) -> None:
    mine = doubtful(outbox)
    answer(outbox, OneOf((Seen("CA1", NOW), Seen("CA2", NOW))))
    row = outbox.row(mine)
    assert (row.state, row.reason) == ("accepted", "twice")


def test_an_answer_that_names_no_call_is_a_look(outbox: Outbox) -> None:
    mine = doubtful(outbox)
    answer(outbox, Absent())
    assert outbox.row(mine).asked == 1


def test_a_call_is_looked_for_from_its_own_attempt_on(outbox: Outbox) -> None:
    later = NOW + dt.timedelta(minutes=1)
    outbox.put("in_doubt", channel="voice", address=NUMBER, ask_at=NOW, claimed_at=later)
    with outbox.engine.begin() as conn:
        (asked,) = ask.take(conn, outbox.book, outbox.portfolio_id, "voice", NOW)
    assert asked.question.since == later


@pytest.mark.parametrize(
    ("state", "waits"),
    [("claimed", True), ("in_doubt", True), ("parked", True), ("accepted", False)],
)
def test_a_number_whose_call_is_open_has_to_wait(outbox: Outbox, state: str, waits: bool) -> None:
    outbox.put(state, channel="voice", address=NUMBER)
    mine = outbox.put("planned", channel="voice", address=NUMBER)
    with outbox.engine.begin() as conn:
        rows = list(conn.execute(select(contact).where(contact.c.contact_id == mine)))
        people = {row.contact_id: row for row in rows}
        assert lines.busy(conn, rows, people) == ([mine] if waits else [])


def test_a_number_is_one_whichever_portfolio_calls_it(outbox: Outbox) -> None:
    with outbox.engine.begin() as conn:
        other = Outbox(outbox.engine, outbox.book, portfolio_id_of(conn, "another"))
    other.put("in_doubt", channel="voice", address=NUMBER)
    mine = outbox.put("planned", channel="voice", address=NUMBER)
    with outbox.engine.begin() as conn:
        rows = list(conn.execute(select(contact).where(contact.c.contact_id == mine)))
        people = {row.contact_id: row for row in rows}
        assert lines.busy(conn, rows, people) == [mine]
