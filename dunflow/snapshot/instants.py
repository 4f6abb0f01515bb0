"""Instants as a source writes them: typed ones as they are, text as it is declared."""

import datetime as dt
from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from dunflow.errors import SourceError
from dunflow.snapshot.cells import EARLIEST, Cells, damage, narrow, settle, trimmed

INSTANT = pa.timestamp("us", "UTC")

# Between them no zone leads over an end of the calendar.
_FIRST: Final = dt.datetime(EARLIEST, 1, 1, tzinfo=dt.UTC)
_END: Final = dt.datetime(dt.MAXYEAR, 1, 1, tzinfo=dt.UTC)
_MIN: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
_MAX: Final = dt.datetime.max.replace(tzinfo=dt.UTC)


def read_instant(column: pa.Array, declared: str | None, zone: ZoneInfo) -> Cells:
    """What carries no offset is of `zone`, and a day alone is its first moment.

    `declared`: a strptime format; None: ISO 8601. What lies before 1901 or after 9998 is a fault:
    that is how programs write that they know none.
    """
    return _plausible(_read(column, declared, zone))


def read_end(column: pa.Array, declared: str | None, zone: ZoneInfo) -> Cells:
    """When something ended. After 9998, as programs write "never", it did not."""
    read = _read(column, declared, zone)
    never = pc.greater_equal(read.values, pa.scalar(_END, INSTANT))
    ended = pc.if_else(never, pa.scalar(None, INSTANT), read.values)
    return _plausible(Cells(ended, read.faults))


def _read(column: pa.Array, declared: str | None, zone: ZoneInfo) -> Cells:
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return Cells(pc.cast(column, INSTANT, safe=False))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        naive = _in_the_calendar(pc.cast(pc.cast(column, pa.timestamp("us"), safe=False), INSTANT))
        placed = [
            value and _placed(value.replace(tzinfo=None), zone) for value in naive.to_pylist()
        ]
        return Cells(pa.array(placed, INSTANT))
    if not pa.types.is_string(kind):
        raise SourceError(f"holds values of type {kind}; cast it to a timestamp at the source")
    text = narrow(trimmed(column))
    written = text.dictionary_encode()
    parse = _parser(declared, zone)
    instants = pa.array([parse(value) for value in written.dictionary.to_pylist()], INSTANT)
    values = pc.take(instants, written.indices)
    odd = pc.and_(pc.is_valid(text), pc.is_null(values))
    shape = f"of the format {declared}" if declared else "such as 2026-03-02 15:00"
    return settle(values, *damage(text), (odd, f"is no instant {shape}"))


def _plausible(read: Cells) -> Cells:
    early = pc.less(read.values, pa.scalar(_FIRST, INSTANT))
    late = pc.greater_equal(read.values, pa.scalar(_END, INSTANT))
    return settle(
        read.values,
        *((fault.rows, fault.reason) for fault in read.faults),
        (early, f"lies before {_FIRST.year}"),
        (late, f"lies after {_END.year - 1}"),
    )


def _in_the_calendar(instants: pa.Array) -> pa.Array:
    """With what Python has no year for put at its first or last moment."""
    first, last = pa.scalar(_MIN, INSTANT), pa.scalar(_MAX, INSTANT)
    not_later = pc.if_else(pc.greater(instants, last), last, instants)
    return pc.if_else(pc.less(not_later, first), first, not_later)


def _parser(declared: str | None, zone: ZoneInfo) -> Callable[[str], dt.datetime | None]:
    def parse(text: str) -> dt.datetime | None:
        try:
            if declared is None:
                instant = dt.datetime.fromisoformat(text)
            else:
                instant = dt.datetime.strptime(text, declared)  # noqa: DTZ007 - the zone follows
        except ValueError:
            return None
        return _placed(instant, zone)

    return parse


def _placed(written: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """In UTC; what that takes over an end of the calendar stays at that end."""
    try:
        return written.replace(tzinfo=written.tzinfo or zone).astimezone(dt.UTC)
    except OverflowError:
        return _MIN if written.year == dt.MINYEAR else _MAX
