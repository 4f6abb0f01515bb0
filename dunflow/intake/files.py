"""Files of what happened elsewhere: payments, holds, promises and opt-outs, each row taken in once.

UTF-8 (with or without a byte-order mark), commas, a header. Each row has a `ref` of its own, by
which it is known when it is delivered again, in whatever file and order. A row that can't be read
is told with its line and stops no other.
"""

import csv
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from dunflow.clock import DAY
from dunflow.config.book import Book
from dunflow.config.policy import CHANNELS
from dunflow.errors import DunflowError, SourceError
from dunflow.intake.holders import currency_of, ensure_account, ensure_customer
from dunflow.intake.holds import Hold, Holder, record_hold
from dunflow.intake.payments import Payment, record_payments
from dunflow.intake.promises import Promise, record_promise
from dunflow.money import parse_amount
from dunflow.remind import opt_outs

Row = dict[str, str]
T = TypeVar("T")
BATCH = 1_000

COLUMNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "payments": (("ref", "account", "amount", "booked_at"), ("currency",)),
    "holds": (("ref", "kind", "from"), ("account", "customer", "to", "reason")),
    "promises": (("ref", "account", "amount", "by", "made_at"), ("currency", "reason")),
    "opt_outs": (("customer", "channel"), ("address", "reason")),
}
"""Kind of file → the columns that it must have, and those that it may have."""


@dataclass
class Taken:
    """`new` rows were kept, `known` ones had been before; `rejected`: what is wrong, by line."""

    new: int = 0
    known: int = 0
    rejected: list[str] = field(default_factory=list)


def take_file(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    kind: str,
    path: Path,
    by: str,
    now: dt.datetime,
) -> Taken:
    """Take a file in. Raises SourceError, before anything is written, for a wrong header."""
    desk = _Desk(conn, book, portfolio_id, by, now)
    taken = Taken()
    rows = _rows(kind, path)
    if kind == "payments":
        read = _read(rows, desk.payment, taken)
        while batch := list(islice(read, BATCH)):
            new = record_payments(conn, portfolio_id, batch)
            taken.new += new
            taken.known += len(batch) - new
        return taken
    one: dict[str, Callable[[Row], bool]] = {
        "holds": desk.hold,
        "promises": desk.promise,
        "opt_outs": desk.opt_out,
    }
    for new in _read(rows, one[kind], taken):
        taken.new += new
        taken.known += not new
    return taken


def _rows(kind: str, path: Path) -> Iterator[tuple[int, Row]]:
    must, may = COLUMNS[kind]
    try:
        stream = path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise SourceError(f"{path}: can't be opened ({error.strerror})") from None
    with stream:
        reader = csv.DictReader(stream, restkey="", restval="")
        header = [name.strip() for name in reader.fieldnames or []]
        missing = [name for name in must if name not in header]
        unknown = [name for name in header if name not in (*must, *may)]
        if missing or unknown:
            raise SourceError(
                f"{path}: the header lacks {missing} and has {unknown}; {kind} need "
                f"{', '.join(must)} and may have {', '.join(may)}"
            )
        reader.fieldnames = header
        for row in reader:
            yield (
                reader.line_num,
                {key: str(value).strip() for key, value in row.items() if key},
            )


def _read(rows: Iterator[tuple[int, Row]], read: Callable[[Row], T], taken: Taken) -> Iterator[T]:
    for line, row in rows:
        try:
            made = read(row)
        except DunflowError as error:
            taken.rejected.append(f"line {line}: {error}")
        else:
            yield made


@dataclass(frozen=True)
class _Desk:
    conn: Connection
    book: Book
    portfolio_id: int
    by: str
    now: dt.datetime

    def payment(self, row: Row) -> Payment:
        """A negative amount takes a payment back; it has a `ref` of its own."""
        return Payment(
            ref=_text(row, "ref"),
            account_ref=_text(row, "account"),
            amount=_amount(row),
            currency=row.get("currency") or self.book.portfolio.currency,
            booked_at=self._instant(row, "booked_at"),
        )

    def hold(self, row: Row) -> bool:
        account, customer = row.get("account"), row.get("customer")
        if bool(account) == bool(customer):
            raise DunflowError("names no account and no customer, or both; name one of them")
        calendar = self.book.portfolio.calendar
        last = _date(row, "to") if row.get("to") else None
        first = calendar.start_of(_date(row, "from"))
        until = calendar.start_of(last + DAY) if last else None
        ref, kind = _text(row, "ref"), _text(row, "kind")
        holder = (
            Holder(account_id=ensure_account(self.conn, self.portfolio_id, account))
            if account
            else Holder(customer_id=ensure_customer(self.conn, self.portfolio_id, str(customer)))
        )
        given = Hold(holder, kind, first, until, self.now, self.by, row.get("reason"), ref)
        return record_hold(self.conn, self.portfolio_id, given) is not None

    def promise(self, row: Row) -> bool:
        ref, amount, by = _text(row, "ref"), _amount(row), _date(row, "by")
        made_at = self._instant(row, "made_at")
        account_id = ensure_account(self.conn, self.portfolio_id, _text(row, "account"))
        currency = (
            row.get("currency")
            or currency_of(self.conn, self.portfolio_id, account_id)
            or self.book.portfolio.currency
        )
        given = Promise(account_id, amount, currency, by, made_at, self.by, row.get("reason"), ref)
        return record_promise(self.conn, self.portfolio_id, given, self.now) is not None

    def opt_out(self, row: Row) -> bool:
        """Known by customer, channel and address: one that stands already stays as it is."""
        channel = _text(row, "channel")
        if channel not in CHANNELS:
            raise DunflowError(f"channel is {channel!r}; use one of {', '.join(CHANNELS)}")
        number = ensure_customer(self.conn, self.portfolio_id, _text(row, "customer"))
        address = row.get("address") or opt_outs.point_of(self.conn, number, channel)
        points = [address] if address else []
        source = f"file: {row.get('reason') or self.by}"
        bound = opt_outs.bind(
            self.conn, self.portfolio_id, [channel], [number], points, source, self.now
        )
        return bound > 0

    def _instant(self, row: Row, name: str) -> dt.datetime:
        """Without an offset it is of the portfolio's zone."""
        try:
            instant = dt.datetime.fromisoformat(_text(row, name))
        except ValueError:
            raise DunflowError(f"{name} is no instant; write 2026-03-02 15:00") from None
        return instant if instant.tzinfo else instant.replace(tzinfo=self.book.portfolio.zone)


def _text(row: Row, name: str) -> str:
    if not row.get(name):
        raise DunflowError(f"{name} is empty")
    return row[name]


def _amount(row: Row) -> Decimal:
    try:
        return parse_amount(_text(row, "amount"))
    except ValueError:
        raise DunflowError("amount is no amount; write it like 1300.00") from None


def _date(row: Row, name: str) -> dt.date:
    try:
        return dt.date.fromisoformat(_text(row, name))
    except ValueError:
        raise DunflowError(f"{name} is no date; write it like 2026-03-02") from None
