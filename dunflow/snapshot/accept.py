"""A person vouches for a date that the gate refused or the volume breaker stopped."""

import datetime as dt

from sqlalchemy import Connection, insert, select, update

from dunflow.config.book import Book
from dunflow.errors import DunflowError
from dunflow.ledger.tables import acceptance, load


def accept(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    reason: str,
    by: str,
    now: dt.datetime,
) -> None:
    """Keep who accepts the date's snapshot and why; it counts as accepted from now on."""
    if not reason.strip():
        raise DunflowError('the reason is empty; say why the date is right: --reason "…"')
    of_date = (load.c.portfolio_id == portfolio_id, load.c.business_date == business_date)
    state = conn.execute(select(load.c.state).where(*of_date)).scalar()
    if state is None or state == "gap":
        raise DunflowError(
            f"{book.name} {business_date}: there is no snapshot to accept "
            f"({'the source kept nothing of that date' if state else 'nothing is loaded'}); "
            f"run the date first: dunflow day {book.name} {business_date}"
        )
    conn.execute(
        insert(acceptance).values(
            portfolio_id=portfolio_id,
            business_date=business_date,
            reason=reason,
            accepted_by=by,
            accepted_at=now,
        )
    )
    conn.execute(update(load).where(*of_date).values(state="accepted"))
