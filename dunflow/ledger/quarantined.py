"""The rows of a source that could not be read: where, and why; never the value itself."""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from dunflow.ledger.tables import account, quarantine


def unreadable(portfolio_id: int) -> Select[Any]:
    """One per faulty cell, in the order of dates and rows. `row` is counted from 1 below the
    header, None where it is about no row; `account`: None where it could not be read or is new."""
    q = quarantine.c
    return (
        select(
            q.business_date.label("date"),
            _row().label("row"),
            q.column_name.label("column"),
            q.value_kind.label("looks_like"),
            q.reason.label("why"),
            account.c.account_ref.label("account"),
            q.rejects_account,
        )
        .outerjoin_from(quarantine, account, account.c.account_id == q.account_id)
        .where(q.portfolio_id == portfolio_id)
        .order_by(q.business_date, _row().nulls_last(), q.quarantine_id)
    )


def _row() -> ColumnElement[int]:
    return func.nullif(quarantine.c.line, 0)


def of_date(
    conn: Connection, portfolio_id: int, business_date: dt.date, most: int
) -> tuple[int, list[dict[str, Any]]]:
    """How many there are of one date, and the first `most`."""
    here = quarantine.c.business_date == business_date
    rows = unreadable(portfolio_id).where(here)
    count = conn.execute(select(func.count()).select_from(rows.subquery())).scalar_one()
    return count, [dict(row._mapping) for row in conn.execute(rows.limit(most))]
