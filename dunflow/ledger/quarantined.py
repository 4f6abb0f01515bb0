"""The rows of a source that could not be read: where, and why; never the value itself."""

import datetime as dt
from typing import Any

from sqlalchemy import Connection, Select, func, select

from dunflow.ledger.tables import account, quarantine


def unreadable(portfolio_id: int) -> Select[Any]:
    """One per faulty cell, in the order of dates and rows. `row` is counted from 1 below the
    header, None where it is about no row; `account`: None where it could not be read or is new."""
    q = quarantine.c
    return (
        select(
            q.business_date.label("date"),
            func.nullif(q.line, 0).label("row"),
            q.column_name.label("column"),
            q.value_kind.label("looks_like"),
            q.reason.label("why"),
            account.c.account_ref.label("account"),
            q.rejects_account,
        )
        .outerjoin_from(quarantine, account, account.c.account_id == q.account_id)
        .where(q.portfolio_id == portfolio_id)
        .order_by(q.business_date, q.line, q.quarantine_id)
    )


def of_date(
    conn: Connection, portfolio_id: int, business_date: dt.date, most: int
) -> list[dict[str, Any]]:
    """Those of one date, the first `most`."""
    rows = unreadable(portfolio_id).where(quarantine.c.business_date == business_date).limit(most)
    return [dict(row._mapping) for row in conn.execute(rows)]
