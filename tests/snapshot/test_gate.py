import datetime as dt
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from dunflow.errors import DunflowError
from dunflow.ledger.tables import acceptance, customer, load
from dunflow.snapshot.gate import Verdict
from dunflow.snapshot.pull import Pull
from tests.snapshot.conftest import DATE, Room, Row, row

DAY = dt.timedelta(days=1)
NEXT = DATE + DAY


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
    assert len(kept["findings"]) == len(verdict.findings) == 6


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


def test_a_column_that_is_gone_is_noticed(room: Room) -> None:
    dollars = [row("U", currency="USD", segment="gold")]
    room.load(dollars)
    assert room.judge().accepted
    room.load([row("U", segment="gold")], NEXT)
    verdict = room.judge(NEXT)
    assert refused_for(verdict) == ["column 'currency'"]
    assert "column 'currency': seen missing, allowed there, as on 2026-03-10" in verdict.why()
    # Whoever accepts one that is gone says nothing of another.
    room.accept(NEXT)
    assert room.judge(NEXT).accepted
    room.load([row("U", segment="gold")], NEXT + DAY)
    assert room.judge(NEXT + DAY).accepted
    room.load([row("U")], NEXT)
    assert not room.judge(NEXT).accepted


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


@pytest.mark.parametrize(("next_file", "accepted"), [(104, True), (97, True), (90, False)])
def test_a_person_vouches_for_what_they_saw_and_no_worse(
    room: Room, next_file: int, accepted: bool
) -> None:
    room.load(many(1000))
    room.judge()
    room.load(many(100), NEXT)
    room.judge(NEXT)
    room.accept(NEXT)
    room.load(many(next_file), NEXT)  # a tenth was seen; a source that is asked again may move
    assert room.judge(NEXT).accepted is accepted


def test_a_person_vouches_for_one_fault_and_not_for_another(room: Room) -> None:
    room.load(many(200))
    room.judge()
    room.load(many(60), NEXT)
    room.judge(NEXT)
    room.accept(NEXT)
    room.load(many(600), NEXT)
    assert "600 after 200" in room.judge(NEXT).why()
    assert not room.judge(NEXT).accepted


def test_nobody_vouches_for_what_they_have_not_seen(room: Room) -> None:
    room.load(many(200))
    with pytest.raises(DunflowError, match="nothing to accept"):
        room.accept()  # not judged yet
    room.judge()
    with pytest.raises(DunflowError, match="nothing to accept"):
        room.accept()


def phones(room: Room) -> set[str]:
    return {phone for (phone,) in room.ask(select(customer.c.phone))}


@pytest.mark.parametrize(("changed", "taken"), [(40, True), (49, True), (50, False), (100, False)])
def test_many_other_phones_are_not_used_before_a_person_accepts_them(
    room: Room, changed: int, taken: bool
) -> None:
    def rows(prefix: str) -> list[Row]:
        """A fifth may change, and fewer than 50 always."""
        old = [row(f"A{n}", phone=f"+861380013{n:04}") for n in range(changed, 220)]
        return old + [row(f"A{n}", phone=f"{prefix}{n:04}") for n in range(changed)]

    room.load(rows("+861380013"))
    room.judge()
    before = phones(room)
    room.load(rows("+861390013"), NEXT)
    verdict = room.judge(NEXT)
    assert verdict.accepted is taken
    assert (phones(room) == before) is not taken
    if not taken:
        assert refused_for(verdict) == ["customers with another phone or email"]
        room.load(rows("+861380013"), NEXT)  # mended, and nothing is to be accepted
        assert room.judge(NEXT).accepted
        room.load(rows("+861390013"), NEXT)
        room.judge(NEXT)
        room.accept(NEXT)
        room.load(rows("+861390013"), NEXT)
        assert room.judge(NEXT).accepted
    assert len(phones(room) - before) == changed


def test_a_phone_that_is_written_in_another_way_is_the_same(room: Room) -> None:
    room.load([row(f"A{n}", phone=f"+861380013{n:04}") for n in range(100)])
    room.judge()
    before = phones(room)
    room.load([row(f"A{n}", phone=f"1380013{n:04}") for n in range(100)], NEXT)
    assert room.judge(NEXT).accepted
    assert phones(room) == before


def test_several_accounts_of_a_customer_hide_no_change(room: Room) -> None:
    def rows(prefix: str) -> list[Row]:
        return [
            row(f"A{n}-{nth}", customer=f"C{n}", phone=f"{prefix}{n:04}")
            for n in range(60)
            for nth in range(6)
        ]

    room.load(rows("+861380013"))
    room.judge()
    room.load(rows("+861390013"), NEXT)
    assert refused_for(room.judge(NEXT)) == ["customers with another phone or email"]


def test_a_first_date_may_be_mended_without_a_word(room: Room) -> None:
    room.load([row(f"A{n}", phone=f"+861380013{n:04}") for n in range(100)])
    room.judge()
    room.load([row(f"A{n}", phone=f"+861390013{n:04}") for n in range(100)])
    assert room.judge().accepted
    assert all(phone.startswith("+861390013") for phone in phones(room))


def test_what_an_older_version_saw_is_to_be_seen_again(room: Room) -> None:
    room.load([row("A", overdue="x")])
    room.judge()
    kept = [{"about": "rows", "seen": "0", "allowed": "1", "passed": False}]
    with room.engine.begin() as conn:
        conn.execute(update(load).values(gate={"findings": kept}))
    with pytest.raises(DunflowError, match="run the date again"):
        room.accept()


def test_phones_that_come_where_none_were_are_not_suspicious(room: Room) -> None:
    room.load(many(100))
    room.judge()
    room.load([row(f"A{n}", phone=f"+861380013{n:04}") for n in range(100)], NEXT)
    assert room.judge(NEXT).accepted
    assert len(phones(room) - {None}) == 100


def test_what_is_not_there_can_be_neither_judged_nor_accepted(room: Room) -> None:
    with pytest.raises(DunflowError, match="nothing is loaded"):
        room.judge()
    with pytest.raises(DunflowError, match="nothing is loaded"):
        room.accept()
    room.load([row("A", overdue="x")])
    room.judge()
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
