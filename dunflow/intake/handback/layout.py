"""The layout of a receiver's file: named columns, one row for one thing that happened.

A row has a `ref` of its own, by which it is known when it is delivered again, in whatever file and
order. How its cells are written is the destination's to say.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dunflow.config.destination import HANDBACK, Handback
from dunflow.config.policy import CHANNELS
from dunflow.errors import SourceError
from dunflow.intake.handback.rejects import Fault
from dunflow.ledger.tables import HANDBACK_KINDS, HOLD_KINDS
from dunflow.money import decimals_of
from dunflow.place.cells import unguarded
from dunflow.snapshot import cells
from dunflow.snapshot.columns import read_frames
from dunflow.snapshot.files import read_stream
from dunflow.snapshot.instants import INSTANT, read_instant
from dunflow.snapshot.layout import Field, Heads, Layout, find_header, shown_headers

RESULTS: Final = {
    "talked": "the customer was spoken with",
    "delivered": "it arrived",
    "no_answer": "nobody was reached",
    "undelivered": "it did not arrive",
}
"""How an attempt to reach the customer ended."""

_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}")

Given = dict[str, Any]
"""A row as the ledger takes it, by the names of the layout's columns, and its `line`."""


class _Wrong(ValueError):
    """A cell of a row: its column, and why."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def read(
    path: Path, written: Handback, zone: ZoneInfo, now: dt.datetime
) -> Iterator[Given | Fault]:
    """Each row, or what is wrong with it. Raises SourceError for a wrong header."""
    layout, nothing = partial(_layout, written, zone), dict.fromkeys(HANDBACK)
    for chunk in read_frames(_frames(path, written), layout, None, path.name):
        for row in chunk.rows.to_pylist():
            yield _checked(nothing | row, chunk.layout, now)
        for told in chunk.rejected.to_pylist():
            yield Fault(told["line"], told["column_name"], told["reason"], told["account"])


def _frames(path: Path, written: Handback) -> Iterator[pd.DataFrame]:
    try:
        with path.open("rb") as stream:
            yield from read_stream(stream, written, _heads(written))
    except OSError as error:
        raise SourceError(f"{path.name}: can't be opened ({error.strerror})") from None
    except SourceError as error:
        raise SourceError(f"{path.name}: {error}") from None


def _heads(written: Handback) -> Heads:
    def headers(*names: str) -> frozenset[str]:
        return frozenset(written.columns.get(name, name) for name in names)

    refs = headers("ref", "account", "placement", "remittance")
    return Heads(headers("ref"), refs, {}, dict.fromkeys(headers("at"), written.instants))


def _layout(written: Handback, zone: ZoneInfo, headers: list[str]) -> Layout:
    known = {name: written.columns.get(name, name) for name in HANDBACK}
    shown = shown_headers(known, headers)
    if not shown:
        raise SourceError(
            f"the first row has {len(headers)} cells and none of our columns; write "
            f"{', '.join(known.values())} above them. Nothing of it was taken in"
        )
    if unknown := [header for header in shown if header not in known.values()]:
        raise SourceError(
            f"the header has {unknown}, and only {', '.join(known.values())} are asked for; "
            "nothing of it was taken in"
        )
    readers = _readers(written, zone)
    fields = []
    for name, needed in HANDBACK.items():
        must = needed or name in written.columns
        header = find_header(known, name, headers, needed=must)
        if header is not None:
            kind, reader = readers[name]
            fields.append(Field(name, header, kind, reader, needed))
    return Layout(tuple(fields), cells.Numerals(written.decimal, written.grouping), key="ref")


def _readers(
    written: Handback, zone: ZoneInfo
) -> dict[str, tuple[pa.DataType, cells.Reader | None]]:
    text = pa.string()
    return {
        "ref": (text, _unguarded(cells.read_ref)),
        "kind": (text, _one_of(HANDBACK_KINDS)),
        "at": (INSTANT, partial(read_instant, declared=written.instants, zone=zone)),
        "placement": (pa.int64(), _read_number),
        "account": (text, _unguarded(cells.read_ref)),
        "amount": (cells.AMOUNT, None),
        "currency": (text, cells.read_currency),
        "commission": (cells.AMOUNT, None),
        "remittance": (text, _unguarded(cells.read_ref)),
        "channel": (text, _one_of(CHANNELS)),
        "result": (text, _one_of((*RESULTS, *HOLD_KINDS))),
        "reason": (text, cells.read_text),
    }


def _one_of(known: Collection[str]) -> cells.Reader:
    reason = f"is none of {', '.join(known)}"
    return partial(cells.read_choice, known=known, reason=reason)


def _unguarded(read: cells.Reader) -> cells.Reader:
    """Without what keeps a spreadsheet from taking a text for a formula, as in our own files."""

    def read_bare(column: pa.Array) -> cells.Cells:
        given = cells.trimmed(cells.as_text(column)).to_pylist()
        return read(pa.array([each and unguarded(each) for each in given], pa.string()))

    return read_bare


def _read_number(column: pa.Array) -> cells.Cells:
    text = cells.narrow(cells.trimmed(cells.as_text(column)))
    odd = pc.invert(pc.match_substring_regex(text, r"^[0-9]{1,18}$"))
    values = pc.cast(pc.if_else(cells.true_in(odd), None, text), pa.int64())
    return cells.settle(values, *cells.damage(text), (odd, "is no number"))


def _checked(row: Given, layout: Layout, now: dt.datetime) -> Given | Fault:
    """The row, if it has what its kind needs; of the other columns nothing is kept."""
    try:
        return {**row, **_NOT_OF_ALL, **_of_kind(row, now)}
    except _Wrong as wrong:
        return Fault(row["line"], layout.header_of(wrong.column), wrong.reason, row["ref"])


_NOT_OF_ALL: Final = dict.fromkeys(
    ("amount", "currency", "commission", "remittance", "channel", "result", "reason")
)


def _of_kind(row: Given, now: dt.datetime) -> Given:
    if row["at"] > now:
        raise _Wrong("at", "lies ahead")
    if row["kind"] != "remittance" and row["account"] is None and row["placement"] is None:
        raise _Wrong("placement", "is empty, and account too; one of them must say which it is")
    return _OF_KIND[row["kind"]](row)


def _nothing_more(_: Given) -> Given:
    return {}


def _with_reason(row: Given) -> Given:
    if not _CODE.fullmatch(_filled(row, "reason")):
        raise _Wrong("reason", "is no code of up to 40 letters, digits, '_', '.' and '-'")
    return {"reason": row["reason"]}


def _payment(row: Given) -> Given:
    return _money(row) | {"remittance": row["remittance"]}


def _money(row: Given) -> Given:
    currency = _filled(row, "currency")
    decimals = decimals_of(currency)  # more than these were turned down already
    amount = round(_filled(row, "amount"), decimals)
    commission = round(row["commission"] or Decimal(0), decimals)
    if not amount:
        raise _Wrong("amount", "is nothing")
    if commission * amount < 0 or abs(commission) > abs(amount):
        raise _Wrong("commission", "has another sign than the amount, or is more")
    return {"amount": amount, "currency": currency, "commission": commission}


def _contact(row: Given) -> Given:
    return {"channel": _filled(row, "channel"), "result": _among(row, "result", RESULTS)}


def _hold(row: Given) -> Given:
    return {"result": _among(row, "result", HOLD_KINDS)}


_OF_KIND: Final[dict[str, Callable[[Given], Given]]] = {
    "accepted": _nothing_more,
    "refused": _with_reason,
    "payment": _payment,
    "remittance": _money,
    "contact": _contact,
    "hold": _hold,
    "returned": _with_reason,
    "closed": _with_reason,
}


def _filled(row: Given, name: str) -> Any:
    if row[name] is None:
        raise _Wrong(name, "is empty")
    return row[name]


def _among(row: Given, name: str, values: Collection[str]) -> Any:
    if _filled(row, name) not in values:
        raise _Wrong(name, f"is none of {', '.join(values)}")
    return row[name]
