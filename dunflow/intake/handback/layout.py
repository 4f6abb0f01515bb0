"""The layout of a receiver's file: a CSV with named columns, one row for one thing that happened.

UTF-8, with or without a byte-order mark, commas, a header. A row has a `ref` of its own, by which
it is known when it is delivered again, in whatever file and order.
"""

import csv
import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from dunflow.config.policy import CHANNELS
from dunflow.errors import SourceError
from dunflow.ledger.tables import HANDBACK_KINDS, HOLD_KINDS
from dunflow.money import CURRENCIES, decimals_of, parse_amount
from dunflow.place.cells import unguarded

MUST = ("ref", "kind", "at")
MAY = (
    "placement",
    "account",
    "amount",
    "currency",
    "commission",
    "remittance",
    "channel",
    "result",
    "reason",
)
RESULTS = {
    "talked": "the customer was spoken with",
    "delivered": "it arrived",
    "no_answer": "nobody was reached",
    "undelivered": "it did not arrive",
}
"""How an attempt to reach the customer ended."""

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_LONGEST = 100

Given = dict[str, Any]
"""A row as the ledger takes it, by the names of the layout's columns, and its `line`."""


@dataclass(frozen=True)
class Fault:
    """Why a row is of no use: its line, the column, and the reason; never what it says."""

    line: int
    column: str
    reason: str
    ref: str | None = None

    def __str__(self) -> str:
        return f"line {self.line}: {self.column}: {self.reason}"


class _Wrong(ValueError):
    """A cell of a row: its column, and why."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def read(path: Path, zone: dt.tzinfo, now: dt.datetime) -> Iterator[Given | Fault]:
    """Each row, or what is wrong with it. Raises SourceError for a wrong header."""
    try:
        stream = path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise SourceError(f"{path.name}: can't be opened ({error.strerror})") from None
    with stream:
        reader = csv.DictReader(stream, restkey="", restval="")
        try:
            _require_header(path, reader)
            for row in reader:
                yield _row(row, reader.line_num, zone, now)
        except (UnicodeDecodeError, csv.Error) as error:
            raise SourceError(
                f"{path.name}: is no CSV file in UTF-8 ({type(error).__name__} after line "
                f"{reader.line_num}); nothing of it was taken in"
            ) from None


def _require_header(path: Path, reader: "csv.DictReader[str]") -> None:
    header = [name.strip() for name in reader.fieldnames or []]
    missing = [name for name in MUST if name not in header]
    unknown = [name for name in header if name not in (*MUST, *MAY)]
    if missing or unknown or len(set(header)) != len(header):
        raise SourceError(
            f"{path.name}: the header lacks {missing} and has {unknown}; each of "
            f"{', '.join(MUST)} must be there once, and {', '.join(MAY)} may"
        )
    reader.fieldnames = header


def _row(row: dict[str, str], line: int, zone: dt.tzinfo, now: dt.datetime) -> Given | Fault:
    if "" in row:
        return Fault(line, "", "has more cells than the header")
    cells = {name: unguarded(cell.strip()) for name, cell in row.items()}
    ref = cells["ref"] or None
    try:
        return {"line": line, **_read(cells, zone, now)}
    except _Wrong as wrong:
        return Fault(line, wrong.column, wrong.reason, ref[:_LONGEST] if ref else None)


def _read(cells: dict[str, str], zone: dt.tzinfo, now: dt.datetime) -> Given:
    kind = _one_of(cells, "kind", HANDBACK_KINDS)
    given: Given = {
        "ref": _text(cells, "ref"),
        "kind": kind,
        "at": _instant(cells, zone, now),
        "account": cells.get("account") or None,
        "placement": _number(cells, "placement"),
        **dict.fromkeys(("amount", "currency", "commission", "remittance")),
        **dict.fromkeys(("channel", "result", "reason")),
    }
    if kind != "remittance" and not given["account"] and given["placement"] is None:
        raise _Wrong("placement", "is empty, and account too; one of them must say which it is")
    return given | _OF_KIND[kind](cells)


def _nothing_more(_: dict[str, str]) -> Given:
    return {}


def _with_reason(cells: dict[str, str]) -> Given:
    if not _CODE.fullmatch(_text(cells, "reason")):
        raise _Wrong("reason", "is no code of up to 40 letters, digits, '_', '.' and '-'")
    return {"reason": cells["reason"]}


def _payment(cells: dict[str, str]) -> Given:
    return _money(cells) | {"remittance": cells.get("remittance") or None}


def _money(cells: dict[str, str]) -> Given:
    currency = _text(cells, "currency")
    if currency not in CURRENCIES:
        raise _Wrong("currency", "is no currency of ISO 4217")
    amount = _amount(cells, "amount", currency)
    commission = _amount(cells, "commission", currency) if cells.get("commission") else Decimal(0)
    if not amount:
        raise _Wrong("amount", "is nothing")
    if commission * amount < 0 or abs(commission) > abs(amount):
        raise _Wrong("commission", "has another sign than the amount, or is more")
    return {"amount": amount, "currency": currency, "commission": commission}


def _contact(cells: dict[str, str]) -> Given:
    return {
        "channel": _one_of(cells, "channel", CHANNELS),
        "result": _one_of(cells, "result", RESULTS),
    }


def _hold(cells: dict[str, str]) -> Given:
    return {"result": _one_of(cells, "result", HOLD_KINDS)}


_OF_KIND: dict[str, Callable[[dict[str, str]], Given]] = {
    "accepted": _nothing_more,
    "refused": _with_reason,
    "payment": _payment,
    "remittance": _money,
    "contact": _contact,
    "hold": _hold,
    "returned": _with_reason,
    "closed": _with_reason,
}


def _text(cells: dict[str, str], name: str) -> str:
    text = cells.get(name, "")
    if not text:
        raise _Wrong(name, "is empty")
    if len(text) > _LONGEST:
        raise _Wrong(name, f"is longer than {_LONGEST} characters")
    return text


def _one_of(cells: dict[str, str], name: str, values: Any) -> str:
    text = _text(cells, name)
    if text not in values:
        raise _Wrong(name, f"is none of {', '.join(values)}")
    return text


def _number(cells: dict[str, str], name: str) -> int | None:
    text = cells.get(name)
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise _Wrong(name, "is no number")
    return int(text)


def _amount(cells: dict[str, str], name: str, currency: str) -> Decimal:
    text = _text(cells, name)
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]+)?", text):
        raise _Wrong(name, "is no amount like 1300.00")
    amount = parse_amount(text)
    # More decimals than the currency has would never add up to what was really paid.
    if amount != round(amount, decimals_of(currency)):
        raise _Wrong(name, f"has more decimals than {currency}")
    return amount


def _instant(cells: dict[str, str], zone: dt.tzinfo, now: dt.datetime) -> dt.datetime:
    try:
        at = dt.datetime.fromisoformat(_text(cells, "at"))
    except ValueError as error:
        if isinstance(error, _Wrong):
            raise
        raise _Wrong("at", "is no instant like 2026-03-02 15:00") from None
    whole = at if at.tzinfo else at.replace(tzinfo=zone)
    if whole > now:
        raise _Wrong("at", "lies ahead")
    return whole
