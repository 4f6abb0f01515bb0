"""Instants as a source writes them: typed ones as they are, text as it is declared."""

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from dunflow.errors import SourceError
from dunflow.snapshot.cells import Cells, damage, narrow, settle, trimmed

INSTANT = pa.timestamp("us", "UTC")


def read_instant(column: pa.Array, declared: str | None, zone: ZoneInfo) -> Cells:
    """What carries no offset is of `zone`, and a day alone is its first moment.

    `declared`: a strptime format; None: ISO 8601.
    """
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return Cells(pc.cast(column, INSTANT, safe=False))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        naive = pc.cast(column, pa.timestamp("us"), safe=False)
        placed = [value and _placed(value, zone) for value in naive.to_pylist()]
        return Cells(pa.array(placed, INSTANT))
    if not pa.types.is_string(kind):
        raise SourceError(f"holds values of type {kind}; cast it to a timestamp in the query")
    text = narrow(trimmed(column))
    written = text.dictionary_encode()
    parse = _parser(declared, zone)
    instants = pa.array([parse(value) for value in written.dictionary.to_pylist()], INSTANT)
    values = pc.take(instants, written.indices)
    odd = pc.and_(pc.is_valid(text), pc.is_null(values))
    shape = f"of the format {declared}" if declared else "such as 2026-03-02 15:00"
    return settle(values, *damage(text), (odd, f"is no instant {shape}"))


def _parser(declared: str | None, zone: ZoneInfo) -> Callable[[str], dt.datetime | None]:
    def parse(text: str) -> dt.datetime | None:
        try:
            if declared is None:
                instant = dt.datetime.fromisoformat(text)
            else:
                instant = dt.datetime.strptime(text, declared)  # noqa: DTZ007 - the zone follows
        except ValueError:
            return None
        return _placed(instant, zone) if instant.tzinfo is None else instant

    return parse


def _placed(naive: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return naive.replace(tzinfo=zone).astimezone(dt.UTC)
