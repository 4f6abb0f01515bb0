"""Takes a receiver's file in: each row once, bad ones aside, and what follows from them at once."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Numeric,
    ScalarSelect,
    Table,
    Text,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert

from dunflow.assess.progress import local_day
from dunflow.config.book import Book
from dunflow.intake.handback.effects import apply
from dunflow.intake.handback.rejects import Fault, keep_faults
from dunflow.ledger.tables import Instant, account, handback, placement

BATCH = 2_000

_staged = Table(
    "staged_handback",
    MetaData(),
    Column("line", Integer, primary_key=True),
    Column("ref", Text),
    Column("kind", Text),
    Column("at", Instant),
    Column("placement", BigInteger),
    Column("account", Text),
    Column("amount", Numeric),
    Column("currency", Text),
    Column("commission", Numeric),
    Column("remittance", Text),
    Column("channel", Text),
    Column("result", Text),
    Column("reason", Text),
    Column("placement_id", BigInteger),  # which it is about, once that is known
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)
_KEPT = {
    "handback_ref": _staged.c.ref,
    "kind": _staged.c.kind,
    "placement_id": _staged.c.placement_id,
    "happened_at": _staged.c.at,
    "amount": _staged.c.amount,
    "currency": _staged.c.currency,
    "commission_amount": _staged.c.commission,
    "remittance_ref": _staged.c.remittance,
    "channel": _staged.c.channel,
    "result": _staged.c.result,
    "reason": _staged.c.reason,
}
"""Column of the ledger → that of the row."""
_LOST = and_(_staged.c.placement_id.is_(None), _staged.c.kind != "remittance")


@dataclass(frozen=True)
class Taken:
    """`new` rows were kept, `known` ones had been before; `rejected`: what is wrong, by line.

    `late`: new ones that no longer changed anything, as the placement had ended otherwise.
    """

    new: dict[str, int]
    known: int
    late: int
    rejected: list[Fault]

    def figures(self) -> dict[str, Any]:
        """Counts only."""
        counts = {"known": self.known, "late": self.late, "rejected": len(self.rejected)}
        return {"new": self.new, **counts}


def take_handback(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    destination: str,
    path: Path,
    by: str,
    now: dt.datetime,
) -> Taken:
    """Take a file of `destination` in. Raises SourceError, with nothing written, if it is no such
    file. The caller holds the placements' lock.
    """
    # Imported late: it brings pandas along, and whoever only works on placements needs none.
    from dunflow.intake.handback.layout import read

    _staged.create(conn)
    faults: list[Fault] = []
    written = book.portfolio.destination(destination).handback
    rows = _good(read(path, written, book.portfolio.zone, now), faults)
    while batch := list(islice(rows, BATCH)):
        conn.execute(_staged.insert(), batch)
    _find_placements(conn, book, portfolio_id, destination)
    faults += _turn_down(conn, _LOST, "placement", "was never given to you")
    faults += _turn_down(conn, _other_currency(), "currency", "is not that of the account")
    before = conn.execute(select(func.coalesce(func.max(handback.c.handback_id), 0))).scalar_one()
    _keep(conn, portfolio_id, destination, path.name, by, now)
    others = _told_otherwise(portfolio_id, destination)
    faults += _turn_down(conn, others, "ref", "was delivered before and said something else")
    new = and_(
        handback.c.handback_id > before,
        handback.c.portfolio_id == portfolio_id,
        handback.c.destination == destination,
    )
    counts: dict[str, int] = dict(
        conn.execute(
            select(handback.c.kind, func.count())
            .where(new)
            .group_by(handback.c.kind)
            .order_by(handback.c.kind)
        ).all()
    )
    late = apply(conn, book, portfolio_id, destination, new, by, now)
    read_well = conn.execute(select(func.count()).select_from(_staged)).scalar_one()
    keep_faults(conn, portfolio_id, destination, path, faults, by, now)
    _staged.drop(conn)
    faults.sort(key=lambda fault: fault.line)
    return Taken(counts, read_well - sum(counts.values()), late, faults)


def _good(rows: Iterable[dict[str, Any] | Fault], faults: list[Fault]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if isinstance(row, Fault):
            faults.append(row)
        else:
            yield row


def _find_placements(conn: Connection, book: Book, portfolio_id: int, destination: str) -> None:
    """By its number (the account, if given, must be its own), or the one under which the receiver
    had the account on the row's day: it may have been placed there again since."""
    s, p = _staged.alias("s"), placement.c
    given_away = and_(
        p.portfolio_id == portfolio_id, p.destination == destination, p.exported_at.is_not(None)
    )
    asked = s.c.kind != "remittance"
    by_number = (
        select(s.c.line, p.placement_id)
        .join(placement, p.placement_id == s.c.placement)
        .join(account, account.c.account_id == p.account_id)
        .where(asked, given_away, func.coalesce(s.c.account == account.c.account_ref, True))
        .subquery("found")
    )
    of_portfolio = account.c.portfolio_id == portfolio_id
    # By days: a row that says no more than its day happened at the day's first moment.
    had_it = local_day(book, p.exported_at) <= local_day(book, s.c.at)
    by_account = (
        select(s.c.line, p.placement_id)
        .ext(distinct_on(s.c.line))
        .join(account, and_(of_portfolio, account.c.account_ref == s.c.account))
        .join(placement, p.account_id == account.c.account_id)
        .where(asked, given_away, s.c.placement.is_(None))
        .order_by(s.c.line, had_it.desc(), case((had_it, -p.placement_id), else_=p.placement_id))
        .subquery("found")
    )
    for found in (by_number, by_account):
        conn.execute(
            update(_staged)
            .where(_staged.c.line == found.c.line)
            .values(placement_id=found.c.placement_id)
        )


def _other_currency() -> ColumnElement[bool]:
    return exists().where(
        placement.c.placement_id == _staged.c.placement_id,
        placement.c.currency != _staged.c.currency,
    )


def _told_otherwise(portfolio_id: int, destination: str) -> ColumnElement[bool]:
    """The ledger has a row of that name, and it says something else."""
    said = {name: told for name, told in _KEPT.items() if name != "placement_id"}
    differs = or_(
        _account_of(handback.c.placement_id).is_distinct_from(_account_of(_staged.c.placement_id)),
        # A row that names no placement may be taken for a newer one of its account by now.
        and_(
            _staged.c.placement.is_not(None),
            handback.c.placement_id.is_distinct_from(_staged.c.placement_id),
        ),
        *[handback.c[name].is_distinct_from(told) for name, told in said.items()],
    )
    return exists().where(
        handback.c.portfolio_id == portfolio_id,
        handback.c.destination == destination,
        handback.c.handback_ref == _staged.c.ref,
        differs,
    )


def _account_of(placement_id: ColumnElement[int]) -> ScalarSelect[int]:
    of = placement.alias("of")
    found = select(of.c.account_id).where(of.c.placement_id == placement_id)
    return found.scalar_subquery().correlate_except(of)


def _turn_down(
    conn: Connection, which: ColumnElement[bool], column: str, reason: str
) -> list[Fault]:
    gone = delete(_staged).where(which).returning(_staged.c.line, _staged.c.ref)
    return [Fault(line, column, reason, ref) for line, ref in conn.execute(gone)]


def _keep(
    conn: Connection, portfolio_id: int, destination: str, file: str, by: str, now: dt.datetime
) -> None:
    same: dict[str, ColumnElement[Any]] = {
        "portfolio_id": literal(portfolio_id),
        "destination": literal(destination),
        "file": literal(file),
        "line": _staged.c.line,
        "received_at": literal(now),
        "told_by": literal(by),
    }
    columns = same | _KEPT
    rows = (select(*columns.values()).ext(distinct_on(_staged.c.ref))).order_by(
        _staged.c.ref, _staged.c.line
    )
    conn.execute(insert(handback).from_select(list(columns), rows).on_conflict_do_nothing())
