import datetime as dt
from collections.abc import Callable

import pytest
from sqlalchemy import select

from dunflow.errors import DunflowError
from dunflow.ledger.tables import acceptance, load
from dunflow.snapshot.gate import Verdict
from dunflow.snapshot.pull import Pull
from tests.snapshot.conftest import DATE, Room, Row, row

NEXT = DATE + dt.timedelta(days=1)


def many(count: int, **facts: str) -> list[Row]:
    return [row(f"A{n}", **facts) for n in range(count)]


def refused_for(verdict: Verdict) -> list[str]:
    return [finding.about for finding in verdict.findings if not finding.passed]


def test_an_ordinary_day_is_accepted_and_its_grounds_are_kept(room: Room) -> None:
    room.load(many(200))
    assert room.judge().state == "accepted"
    room.load(many(220, overdue="120.00"), NEXT)
    verdict = room.judge(NEXT)
    assert verdict.accepted
    ((state, kept),) = room.ask(
        select(load.c.state, load.c.gate).where(load.c.business_date == NEXT)
    )
    assert state == "accepted"
    assert kept["compared_with"] == "2026-03-10"
    assert len(kept["findings"]) == len(verdict.findings) == 5


def test_an_empty_snapshot_is_refused(room: Room) -> None:
    room.load(many(1))
    room.judge()
    room.load(many(1, overdue="unreadable"), NEXT)
    assert refused_for(room.judge(NEXT)) == ["rows that could be read"]


@pytest.mark.parametrize(("rejected", "accepted"), [(51, False), (49, True)])
def test_the_share_of_rejected_rows_is_limited(room: Room, rejected: int, accepted: bool) -> None:
    room.load(many(500 - rejected) + [row(f"B{n}", overdue="x") for n in range(rejected)])
    assert room.judge().accepted is accepted


@pytest.mark.parametrize(
    ("count", "accepted"), [(99, False), (100, True), (300, True), (301, False)]
)
def test_the_number_of_rows_may_change_by_half(room: Room, count: int, accepted: bool) -> None:
    room.load(many(200))
    room.judge()
    room.load(many(count, overdue=str(20000 // count)), NEXT)
    verdict = room.judge(NEXT)
    assert verdict.accepted is accepted
    assert refused_for(verdict) == ([] if accepted else ["number of rows"])


def test_an_overdue_total_may_change_by_half_in_each_currency(room: Room) -> None:
    dollars = [row(f"U{n}", currency="USD") for n in range(100)]
    room.load(many(1000) + dollars)
    room.judge()
    doubled = [each | {"overdue": "200.01"} for each in dollars]
    room.load(many(1000, overdue="100.01") + doubled, NEXT)
    verdict = room.judge(NEXT)
    assert refused_for(verdict) == ["overdue total in USD"]
    assert "seen 20001.00 after 10000.00 on 2026-03-10 (+100%)" in verdict.why()


def test_one_loan_in_a_small_currency_is_not_suspicious(room: Room) -> None:
    room.load([*many(1000), row("U1", currency="USD")])
    room.judge()
    room.load([*many(1000, overdue="101"), row("U1", currency="USD", overdue="900")], NEXT)
    assert room.judge(NEXT).accepted


def test_a_small_book_is_never_suspicious(room: Room) -> None:
    room.load(many(3))
    room.judge()
    room.load(many(40, overdue="999999"), NEXT)
    assert room.judge(NEXT).accepted


def test_a_source_that_stands_still_is_refused_in_the_end(room: Room) -> None:
    states = []
    for days in range(9):
        date = DATE + dt.timedelta(days=days)
        room.load(many(60), date)
        states.append(room.judge(date).state)
    assert states == ["accepted"] * 7 + ["refused"] * 2
    date = DATE + dt.timedelta(days=9)
    room.load([*many(59), row("A59", overdue="99.99")], date)
    assert room.judge(date).accepted


def test_the_nearest_accepted_date_is_what_counts(room: Room) -> None:
    room.load(many(1000))
    room.judge()
    room.load(many(100), NEXT)
    assert not room.judge(NEXT).accepted
    third = NEXT + dt.timedelta(days=1)
    room.load(many(110), third)
    verdict = room.judge(third)
    assert "110 after 1,000 on 2026-03-10" in verdict.why()


def test_a_refusal_says_how_to_accept_and_a_person_can(room: Room) -> None:
    room.load(many(1000))
    room.judge()
    room.load(many(100), NEXT)
    why = room.judge(NEXT).why()
    assert 'dunflow accept shore 2026-03-11 --reason "…"' in why
    assert "number of rows: seen 100 after 1,000" in why
    room.accept(NEXT)
    assert room.ask(select(load.c.state).where(load.c.business_date == NEXT)) == [("accepted",)]
    assert room.ask(select(acceptance.c.reason, acceptance.c.accepted_by)) == [
        ("the book was sold", "an engineer")
    ]
    room.load(many(100), NEXT)
    assert room.judge(NEXT).accepted
    assert "by a person, knowing: number of rows" in room.judge(NEXT).why()


def test_what_is_not_there_can_be_neither_judged_nor_accepted(room: Room) -> None:
    with pytest.raises(DunflowError, match="nothing is loaded"):
        room.judge()
    with pytest.raises(DunflowError, match="nothing is loaded"):
        room.accept()
    room.load(many(1))
    with pytest.raises(DunflowError, match="reason is empty"):
        room.accept(reason=" ")


def test_a_source_without_history_is_pulled_until_the_next_close(
    furnish: Callable[..., Room],
) -> None:
    room = furnish({"history": "current_only", "path": "now.csv"})
    (room.book.folder / "now.csv").write_text(
        "account,customer,due_on,overdue\nA,C,2026-03-01,100.00\n"
    )
    pulled_at = dt.datetime(2026, 3, 11, 15, 59, tzinfo=dt.UTC)
    first = room.pull(now=pulled_at)
    assert (first.accounts, first.as_of) == (1, pulled_at)
    room.judge()
    (room.book.folder / "now.csv").write_text("account,customer,due_on,overdue\n")
    again = room.pull(now=pulled_at + dt.timedelta(minutes=1))
    assert (again.state, again.accounts, again.as_of) == ("accepted", 1, pulled_at)
    assert room.amounts() == {"A": "100"}


def test_a_past_date_that_was_never_pulled_is_a_gap(furnish: Callable[..., Room]) -> None:
    room = furnish({"history": "current_only", "path": "now.csv"})
    closed_again = dt.datetime(2026, 3, 11, 16, 0, tzinfo=dt.UTC)
    for _ in range(2):
        assert room.pull(now=closed_again).state == "gap"
    verdict = room.judge()
    assert (verdict.state, verdict.accepted) == ("gap", False)
    assert "a gap" in verdict.why()
    with pytest.raises(DunflowError, match="the source kept nothing"):
        room.accept()


def test_a_gap_is_filled_when_the_source_delivers_after_all(room: Room) -> None:
    room.load_pull(Pull(None, room.usual(DATE)))
    assert room.load(many(2)).state == "loaded"
    assert room.judge().accepted
