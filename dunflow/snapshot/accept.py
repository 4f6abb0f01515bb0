"""A person vouches for a date that the gate refused or the volume breaker stopped."""

import datetime as dt

from sqlalchemy import Connection, insert, null, select, update

from dunflow.config.book import Book
from dunflow.errors import DunflowError
from dunflow.ledger.tables import acceptance, load
from dunflow.snapshot.finding import Finding, from_json


def accept(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    reason: str,
    by: str,
    now: dt.datetime,
) -> tuple[Finding, ...]:
    """Keep who accepts what was seen of the date, and why; its snapshot counts as accepted.

    Gives what was seen. Raises DunflowError where nothing was refused or stopped: nobody can vouch
    for what they have not seen.
    """
    if not reason.strip():
        raise DunflowError('the reason is empty; say why the date is right: --reason "…"')
    name = f"{book.name} {business_date}"
    of_date = (load.c.portfolio_id == portfolio_id, load.c.business_date == business_date)
    this = conn.execute(select(load).where(*of_date)).one_or_none()
    if this is None or this.state == "gap":
        raise DunflowError(
            f"{name}: there is no snapshot to accept "
            f"({'the source kept nothing of that date' if this else 'nothing is loaded'}); "
            f"run the date first: dunflow day {name}"
        )
    judged = this.stopped or (this.gate["findings"] if this.state == "refused" else [])
    wrong = tuple(each for each in from_json(judged) if not each.passed)
    if not wrong:
        raise DunflowError(
            f"{name}: neither the gate nor the breaker stopped it, so there is nothing to accept; "
            f"run the date: dunflow day {name}"
        )
    conn.execute(
        insert(acceptance).values(
            portfolio_id=portfolio_id,
            business_date=business_date,
            reason=reason,
            accepted_by=by,
            accepted_at=now,
            findings=[each.as_json() for each in wrong],
        )
    )
    conn.execute(update(load).where(*of_date).values(state="accepted", stopped=null()))
    return wrong
