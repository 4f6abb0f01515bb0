"""What every portfolio has given away, and what came back: counts and amounts, nobody's data."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, func, select

from dunflow.config.book import Book, read_book
from dunflow.errors import DunflowError
from dunflow.intake.handback.reconcile import Reconciled, reconciled
from dunflow.intake.handback.rejects import open_faults
from dunflow.ledger.tables import handback, placement, portfolio


@dataclass(frozen=True)
class Line:
    """The placements of one destination, state and currency."""

    destination: str
    state: str
    currency: str
    accounts: int
    amount: Decimal


@dataclass(frozen=True)
class Told:
    """What one destination has told of one kind."""

    destination: str
    kind: str
    rows: int


@dataclass(frozen=True)
class HandedOver:
    """One portfolio's. `money` is None where the portfolio can't be read, and `why` says so.

    `checks`: receiver of proposals → what who approves them must have checked.
    """

    portfolio: str
    lines: list[Line]
    told: list[Told]
    rejected: int
    checks: dict[str, list[str]]
    money: Reconciled | None
    why: str | None = None


def handed_over(conn: Connection, books: Callable[[str], Book] = read_book) -> list[HandedOver]:
    """Every portfolio that ever proposed an account to anybody, by name."""
    known = select(portfolio.c.portfolio_id, portfolio.c.name).order_by(portfolio.c.name)
    found = []
    for number, name in conn.execute(known).all():
        if not (lines := _lines(conn, number)):
            continue
        told, rejected = _told(conn, number), len(open_faults(conn, number))
        checks: dict[str, list[str]] = {}
        try:
            book = books(name)
            checks = {
                each.destination: asked
                for each in lines
                if each.state == "proposed" and (asked := book.checks(each.destination))
            }
            money, why = reconciled(conn, book, number, None), None
        except DunflowError as error:
            money, why = None, str(error)
        found.append(HandedOver(name, lines, told, rejected, checks, money, why))
    return found


def _lines(conn: Connection, portfolio_id: int) -> list[Line]:
    p = placement.c
    by = (p.destination, p.state, p.currency)
    rows = conn.execute(
        select(*by, func.count(), func.sum(p.amount))
        .where(p.portfolio_id == portfolio_id)
        .group_by(*by)
        .order_by(p.destination, func.count().desc(), p.state, p.currency)
    )
    return [Line(*row) for row in rows]


def _told(conn: Connection, portfolio_id: int) -> list[Told]:
    by = (handback.c.destination, handback.c.kind)
    rows = conn.execute(
        select(*by, func.count())
        .where(handback.c.portfolio_id == portfolio_id)
        .group_by(*by)
        .order_by(*by)
    )
    return [Told(*row) for row in rows]
