"""Instants as sources deliver them, at the ends of the calendar."""

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from dunflow.snapshot.instants import INSTANT, read_end, read_instant

SHANGHAI = ZoneInfo("Asia/Shanghai")
GOOD = dt.datetime(2026, 3, 2, 7, tzinfo=dt.UTC)
FIRST_MOMENT = dt.datetime(2026, 3, 1, 16, tzinfo=dt.UTC)
HOUR_S, DAY_S = 3600, 24 * 3600


BEFORE, AFTER = -800_000 * DAY_S, 4_000_000 * DAY_S
ON_THE_CLOCK = int(GOOD.timestamp()) + 8 * HOUR_S


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["0001-01-01", "2026-03-02 15:00", "9999-12-31T23:00-05:00", None]),
        pa.array([dt.date.min, dt.date(2026, 3, 2), dt.date.max, None]),
        pa.array([BEFORE, ON_THE_CLOCK, AFTER, None], pa.timestamp("s")),
        pa.array([BEFORE, int(GOOD.timestamp()), AFTER, None], pa.timestamp("s", "UTC")),
    ],
    ids=["text", "days", "naive", "in UTC"],
)
def test_what_is_off_the_calendar_is_a_fault_of_its_cell(column: pa.Array) -> None:
    read = read_instant(column, None, SHANGHAI)
    day = column.type == pa.date32()
    assert read.values.to_pylist() == [None, FIRST_MOMENT if day else GOOD, None, None]
    told = {fault.reason: fault.rows.to_pylist() for fault in read.faults}
    assert told == {
        "lies before 1901": [True, False, False, False],
        "lies after 9998": [False, False, True, False],
    }


def test_an_end_that_never_comes_is_none() -> None:
    column = pa.array(["9999-12-31", "2026-03-02 15:00", "0001-01-01", "soon"])
    read = read_end(column, None, SHANGHAI)
    assert read.values.to_pylist() == [None, GOOD, None, None]
    assert read.values.type == INSTANT
    assert [fault.reason for fault in read.faults] == [
        "is no instant such as 2026-03-02 15:00",
        "lies before 1901",
    ]
