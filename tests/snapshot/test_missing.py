"""Whoever is missing beside rows that name nobody may be one of them."""

import datetime as dt

from dunflow.snapshot.missing import REASON
from tests.snapshot.conftest import DATE, Room, row

NEXT = DATE + dt.timedelta(days=1)
THIRD = DATE + dt.timedelta(days=2)
NAMELESS = (2, "account", "is empty", None)


def test_beside_a_row_that_names_nobody_a_missing_account_is_unknown(room: Room) -> None:
    room.load([row("A"), row("B"), row("C")])
    room.judge()
    loaded = room.load([row("A"), row("")], NEXT)
    assert loaded.quarantined == 1  # row of the source
    assert sorted(room.rejections(NEXT), key=str) == [
        (0, "account", REASON, "B"),
        (0, "account", REASON, "C"),
        NAMELESS,
    ]


def test_a_total_in_the_last_line_keeps_nobody_for_ever(room: Room) -> None:
    room.load([row("A"), row("B")])
    room.judge()
    for date in (NEXT, THIRD):
        room.load([row("A"), row("")], date)
        room.judge(date)
    assert len(room.rejections(NEXT)) == 2
    assert room.rejections(THIRD) == [NAMELESS]


def test_an_account_with_a_faulty_row_of_its_own_is_told_once(room: Room) -> None:
    room.load([row("A"), row("B")])
    room.judge()
    room.load([row("A"), row("B", overdue="x"), row("")], NEXT)
    assert [account for *_, account in room.rejections(NEXT)] == ["B", None]


def test_without_such_rows_a_missing_account_is_gone(room: Room) -> None:
    room.load([row("A"), row("B")])
    room.judge()
    room.load([row("A"), row("D", overdue="x")], NEXT)
    assert [account for *_, account in room.rejections(NEXT)] == ["D"]


def test_an_account_that_could_not_be_read_the_day_before_may_be_on_such_a_row(room: Room) -> None:
    room.load([row("A"), row("B")])
    room.judge()
    room.load([row("A"), row("B", overdue="x")], NEXT)
    room.judge(NEXT)
    room.load([row("A"), row("")], THIRD)
    assert [account for *_, account in room.rejections(THIRD)] == ["B", None]
