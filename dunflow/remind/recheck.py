"""Whether what was handed to people may still be done: the guards, asked again while they work."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import Connection, Text, case, func, literal, select

from dunflow.assess.facts import facts
from dunflow.assess.moment import Moment
from dunflow.config.book import Book
from dunflow.decide.bars import barred
from dunflow.decide.guards import SETTLED, quieting
from dunflow.ledger.tables import contact, customer


def forbidden(
    conn: Connection, book: Book, portfolio_id: int, contacts: Collection[int], now: dt.datetime
) -> dict[int, str]:
    """contact_id → the guard that speaks by now, for the account that leads or for the customer."""
    found: dict[int, str] = {}
    dates = select(contact.c.business_date).where(contact.c.contact_id.in_(contacts)).distinct()
    for business_date in conn.execute(dates).scalars().all():
        found |= _of_date(conn, book, portfolio_id, contacts, business_date, now)
    return found


def _of_date(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    contacts: Collection[int],
    business_date: dt.date,
    now: dt.datetime,
) -> dict[int, str]:
    moment = Moment(now, late=False, day=book.portfolio.calendar.local_date(now))
    leading = select(contact.c.account_id).where(contact.c.contact_id.in_(contacts))
    known = facts(book, portfolio_id, business_date, moment, leading).subquery("known")
    quiet = case((known.c.account_id.is_(None), literal(SETTLED, Text)), else_=quieting(known))
    why = func.coalesce(
        quiet, barred(book, portfolio_id, contact.c.channel, contact.c.address, now)
    ).label("why")
    rows = (
        select(contact.c.contact_id, why)
        .join(customer, customer.c.customer_id == contact.c.customer_id)
        .outerjoin(known, known.c.account_id == contact.c.account_id)
        .where(contact.c.contact_id.in_(contacts), contact.c.business_date == business_date)
        .subquery("rows")
    )
    spoken = conn.execute(select(rows.c.contact_id, rows.c.why).where(rows.c.why.is_not(None)))
    return dict(spoken.all())
