"""One line per business date: how the figures went over the latest dates."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, func, select

from dunflow.ledger.loads import state_shown
from dunflow.ledger.tables import (
    ACTIONS,
    ACTUAL,
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

    @property
    def sent(self) -> int:
        """Contacts that a provider took."""
        return sum(self.remind.get(state, 0) for state in ACTUAL)


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
    ours = contact.c.run_id.is_not(None)  # not those of agencies, or of the system before
    reminded = _per_date(conn, contact, "state", portfolio_id, known, ours)
    return [
        Line(
            **row._mapping,
            late=late.get(row.business_date, False),
            decide=in_order(ACTIONS, decided[row.business_date]),
            remind=in_order(CONTACT_STATES, reminded[row.business_date]),
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
    replaced = _per_date(conn, decision_replaced, "action", portfolio_id, dates)
    for date, counts in replaced.items():
        decided[date].subtract(counts)
    return late, decided


def _per_date(
    conn: Connection,
    table: Table,
    what: str,
    portfolio_id: int,
    dates: Iterable[dt.date],
    *which: ColumnElement[bool],
) -> dict[dt.date, Counter[str]]:
    rows = conn.execute(
        select(table.c.business_date, table.c[what], func.count())
        .where(table.c.portfolio_id == portfolio_id, table.c.business_date.in_(dates), *which)
        .group_by(table.c.business_date, table.c[what])
    )
    counts: dict[dt.date, Counter[str]] = defaultdict(Counter)
    for date, name, count in rows:
        counts[date][name] = count
    return counts
