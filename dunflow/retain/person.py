"""One person asks that their data be erased."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from dunflow.config.book import Book
from dunflow.config.period import later
from dunflow.errors import DunflowError
from dunflow.intake.holders import customer_of
from dunflow.ledger.tables import customer, erasure
from dunflow.retain.accounts import accounts_of, ids_of
from dunflow.retain.activity import going_on, last_activity
from dunflow.retain.erase import erase_contact_points, erase_records, erase_snapshots


@dataclass(frozen=True)
class Erased:
    """`records_until`: when housekeeping erases what packs want kept; None: that is gone, too."""

    customer: str
    records_until: dt.date | None


def erase_person(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    customer_ref: str,
    now: dt.datetime,
    by: str,
    reason: str,
) -> Erased:
    """Erase what may be erased now, and say when the rest is.

    Raises DunflowError for one who was never seen, or with whom something still goes on. The caller
    holds the portfolio's lock, so that no run plans a contact meanwhile.
    """
    number = customer_of(conn, portfolio_id, customer_ref)
    # Waits for a claim that is just being made.
    conn.execute(
        select(customer.c.customer_id).where(customer.c.customer_id == number).with_for_update()
    )
    accounts = accounts_of(conn, book, portfolio_id, number)
    if in_the_way := list(going_on(conn, portfolio_id, number, accounts)):
        raise DunflowError(
            f"customer {customer_ref!r} can't be erased: {'; '.join(in_the_way)}. "
            "End that first, or refuse the request with this as its reason"
        )
    today = book.portfolio.calendar.local_date(now)
    people = ids_of(conn, [number])
    last = last_activity(conn, book, people, accounts, before=now, now=now)
    until = later(last, book.keep_records) if last else today
    erase_contact_points(conn, portfolio_id, people, today, now)
    gone = until <= today
    conn.execute(
        insert(erasure).values(
            portfolio_id=portfolio_id,
            customer_id=number,
            erased_at=now,
            erased_by=by,
            reason=reason,
            records_until=until,
            records_erased_at=now if gone else None,
        )
    )
    if gone:
        erase_records(conn, people, accounts, now)
        erase_snapshots(conn, portfolio_id, people, accounts, today)
    return Erased(customer_ref, None if gone else until)
