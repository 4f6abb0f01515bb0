"""Which business dates are there: the accepted snapshots of a portfolio."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, select

from dunflow.ledger.tables import load


@dataclass(frozen=True)
class Neighbours:
    """The accepted business dates nearest to one date; None where there is none."""

    before: dt.date | None
    after: dt.date | None


def neighbours(conn: Connection, portfolio_id: int, business_date: dt.date) -> Neighbours:
    """The nearest accepted dates before and after `business_date`."""
    accepted = select(load.c.business_date).where(
        load.c.portfolio_id == portfolio_id, load.c.state == "accepted"
    )
    before = accepted.where(load.c.business_date < business_date)
    after = accepted.where(load.c.business_date > business_date)
    return Neighbours(
        conn.execute(before.order_by(load.c.business_date.desc()).limit(1)).scalar(),
        conn.execute(after.order_by(load.c.business_date).limit(1)).scalar(),
    )
