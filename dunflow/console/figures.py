"""The figures of each portfolio's latest business dates: counts and amounts, nobody's data."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, func, select

from dunflow.ledger.tables import ACTIONS, CONTACT_STATES, contact, decision, load, portfolio, run

DATES = 14


@dataclass(frozen=True)
class Date:
    """One business date of one portfolio."""

    business_date: dt.date
    state: str
    """Of its snapshot: loaded, accepted or refused."""
    late: bool
    """Whether every run of the date came too late, so that nobody was contacted by it."""
    accounts: int
    customers: int
    quarantined: int
    overdue: dict[str, str]
    actions: dict[str, int] = field(default_factory=dict)
    contacts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Dates:
    """A portfolio's latest business dates, the newest first."""

    portfolio: str
    dates: list[Date]


def latest(conn: Connection) -> list[Dates]:
    """Every portfolio that the ledger knows, by name."""
    known = select(portfolio.c.portfolio_id, portfolio.c.name).order_by(portfolio.c.name)
    return [Dates(row.name, _dates(conn, row.portfolio_id)) for row in conn.execute(known)]


def _dates(conn: Connection, portfolio_id: int) -> list[Date]:
    loads = conn.execute(
        select(load)
        .where(load.c.portfolio_id == portfolio_id)
        .order_by(load.c.business_date.desc())
        .limit(DATES)
    ).all()
    if not loads:
        return []
    dates = [row.business_date for row in loads]
    actions = _counts(conn, _per_date(decision, decision.c.action, portfolio_id, dates))
    contacts = _counts(conn, _per_date(contact, contact.c.state, portfolio_id, dates))
    late = _late(conn, portfolio_id, dates)
    return [
        Date(
            business_date=row.business_date,
            state=row.state,
            late=late.get(row.business_date, False),
            accounts=row.accounts,
            customers=row.customers,
            quarantined=row.quarantined,
            overdue=row.overdue,
            actions=_in_order(ACTIONS, actions.get(row.business_date, {})),
            contacts=_in_order(CONTACT_STATES, contacts.get(row.business_date, {})),
        )
        for row in loads
    ]


def _per_date(table: Any, what: Any, portfolio_id: int, dates: list[dt.date]) -> Select[Any]:
    return (
        select(table.c.business_date, what.label("what"), func.count().label("n"))
        .where(table.c.portfolio_id == portfolio_id, table.c.business_date.in_(dates))
        .group_by(table.c.business_date, what)
    )


def _counts(conn: Connection, query: Select[Any]) -> dict[dt.date, dict[str, int]]:
    counts: dict[dt.date, dict[str, int]] = {}
    for row in conn.execute(query):
        counts.setdefault(row.business_date, {})[row.what] = row.n
    return counts


def _late(conn: Connection, portfolio_id: int, dates: list[dt.date]) -> dict[dt.date, bool]:
    runs = (
        select(run.c.business_date, func.bool_and(run.c.late).label("late"))
        .where(run.c.portfolio_id == portfolio_id, run.c.business_date.in_(dates))
        .group_by(run.c.business_date)
    )
    return {row.business_date: row.late for row in conn.execute(runs)}


def _in_order(names: Iterable[str], counts: dict[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in names if name in counts}
