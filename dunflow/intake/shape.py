"""What the rows of each kind look like: their columns, and how the cells are to be read."""

from collections.abc import Callable
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from dunflow.config.feeds import KINDS, Feed
from dunflow.config.policy import CHANNELS
from dunflow.ledger.tables import HOLD_KINDS, POINTS
from dunflow.snapshot import cells
from dunflow.snapshot.instants import INSTANT, read_end, read_instant
from dunflow.snapshot.layout import Field, Heads, Layout, find_header

PLACED_AS: Final = ("exported", "acknowledged", "refused", "recalled", "returned", "closed")

REFS: Final = ("ref", "account", "customer", "into")
DATES: Final = ("from", "to", "by", "due_on")
INSTANTS: Final = tuple(
    name for name in {name: None for kind in KINDS.values() for name in kind} if name[-3:] == "_at"
)
_ENDS: Final = ("released_at", "cancelled_at", "revoked_at", "ended_at")
_FLAGS: Final = ("cancelled", "bad", "arrived")
_CHOICES: Final = {
    ("holds", "kind"): HOLD_KINDS,
    ("contact_points", "point"): tuple(POINTS),
    ("earlier_placements", "state"): PLACED_AS,
}


def layout_of(kind: str, feed: Feed, zone: ZoneInfo, headers: list[str]) -> Layout:
    """Which header is which column. Raises SourceError if one is missing or was renamed."""
    numerals = cells.Numerals(feed.decimal, feed.grouping)
    fields = []
    wanted = {name: feed.columns.get(name, name) for name in KINDS[kind]}
    for name, needed in KINDS[kind].items():
        must = needed or name in feed.columns
        header = find_header(wanted, name, headers, needed=must)
        if header is not None:
            read = None if name == "amount" else _reader(kind, name, feed, zone)
            fields.append(Field(name, header, type_of(name), read, needed))
    names = [field.name for field in fields]
    key = next(name for name in ("ref", "account", "customer") if name in names)
    return Layout(tuple(fields), numerals, key)


def heads_of(kind: str, feed: Feed) -> Heads:
    def headers(*names: str) -> frozenset[str]:
        return frozenset(feed.columns.get(name, name) for name in names if name in KINDS[kind])

    dates = dict.fromkeys(headers(*DATES), feed.dates)
    instants = dict.fromkeys(headers(*INSTANTS), feed.instants)
    return Heads(headers("ref"), headers(*REFS), dates, instants)


def type_of(name: str) -> pa.DataType:
    if name == "amount":
        return cells.AMOUNT
    if name in INSTANTS:
        return INSTANT
    if name in DATES:
        return pa.date32()
    if name in _FLAGS:
        return pa.bool_()
    return pa.int32() if name == "grace_days" else pa.string()


def _reader(kind: str, name: str, feed: Feed, zone: ZoneInfo) -> cells.Reader:
    if name in REFS:
        return cells.read_ref
    if name in INSTANTS:
        read = read_end if name in _ENDS else read_instant
        return partial(read, declared=feed.instants, zone=zone)
    if name in DATES:
        return partial(cells.read_date, declared=feed.dates)
    if name in _FLAGS:
        return cells.read_flag
    choices = CHANNELS if name == "channel" else _CHOICES.get((kind, name))
    if choices:
        reason = f"is none of {', '.join(choices)}"
        return partial(cells.read_choice, known=choices, reason=reason)
    plain: dict[str, Callable[[pa.Array], cells.Cells]] = {
        "currency": cells.read_currency,
        "grace_days": cells.read_count,
    }
    return plain.get(name, cells.read_text)
