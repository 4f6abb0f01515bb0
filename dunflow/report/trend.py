"""One line per business date: how the figures went over the latest dates."""

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from dunflow.assess.printed import was_made
from dunflow.ledger.loads import state_shown
from dunflow.ledger.tables import (
    ACTIONS,
    CONTACT_STATES,
    contact,
    decision_replaced,
    load,
    run,
)
from dunflow.report.figures import in_order


@dataclass(frozen=True)
class Line:
    """One business date: its snapshot, and what came of it. See `Figures` for the words."""

    business_date: dt.date
    state: str
    late: bool
    accounts: int
    customers: int
    quarantined: int
    overdue: dict[str, str]
    decide: dict[str, int]
    remind: dict[str, int]
    sent: int
    """Contacts that were sent, or listed for people or the printer."""


def trend(
    conn: Connection, portfolio_id: int, dates: int, until: dt.date = dt.date.max
) -> list[Line]:
    """The latest dates that were loaded, up to `until`; the newest first."""
    loads = conn.execute(
        select(
            load.c.business_date,
            state_shown(),
            load.c.accounts,
            load.c.customers,
            load.c.quarantined,
            load.c.overdue,
        )
        .where(load.c.portfolio_id == portfolio_id, load.c.business_date <= until)
        .order_by(load.c.business_date.desc())
        .limit(dates)
    ).all()
    known = [row.business_date for row in loads]
    late, decided = _runs(conn, portfolio_id, known)
    reminded, sent = _contacts(conn, portfolio_id, known)
    return [
        Line(
            **row._mapping,
            late=late.get(row.business_date, False),
            decide=in_order(ACTIONS, decided[row.business_date]),
            remind=in_order(CONTACT_STATES, reminded[row.business_date]),
            sent=sent[row.business_date],
        )
        for row in loads
    ]


def _runs(
    conn: Connection, portfolio_id: int, dates: list[dt.date]
) -> tuple[dict[dt.date, bool], dict[dt.date, Counter[str]]]:
    """Whether each date was late, and its decision rows by action.

    What the runs wrote, less what later ones replaced, is what stands: so that a page over weeks of
    a large portfolio need not count its rows.
    """
    late: dict[dt.date, bool] = {}
    decided: dict[dt.date, Counter[str]] = defaultdict(Counter)
    runs = conn.execute(
        select(run.c.business_date, run.c.late, run.c.decided).where(
            run.c.portfolio_id == portfolio_id, run.c.business_date.in_(dates)
        )
    )
    for row in runs:
        late[row.business_date] = row.late and late.get(row.business_date, True)
        decided[row.business_date].update(row.decided)
    r = decision_replaced.c
    replaced = conn.execute(
        select(r.business_date, r.action, func.count())
        .where(r.portfolio_id == portfolio_id, r.business_date.in_(dates))
        .group_by(r.business_date, r.action)
    )
    for date, action, count in replaced:
        decided[date][action] -= count
    return late, decided


def _contacts(
    conn: Connection, portfolio_id: int, dates: list[dt.date]
) -> tuple[dict[dt.date, Counter[str]], Counter[dt.date]]:
    """Each date's contacts by state, and how many of them were sent or listed."""
    c = contact.c
    rows = conn.execute(
        select(c.business_date, c.state, func.count(), func.count().filter(was_made()))
        .where(c.portfolio_id == portfolio_id, c.business_date.in_(dates))
        .where(c.run_id.is_not(None))  # not those of agencies, or of the system before
        .group_by(c.business_date, c.state)
    )
    states: dict[dt.date, Counter[str]] = defaultdict(Counter)
    sent: Counter[dt.date] = Counter()
    for date, state, count, made in rows:
        states[date][state] = count
        sent[date] += made
    return states, sent
