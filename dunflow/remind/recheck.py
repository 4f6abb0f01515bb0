"""Whether what was handed to people may still be done: the guards, asked again while they work."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import (
    ColumnElement,
    Connection,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    null,
    select,
)

from dunflow.assess.facts import facts
from dunflow.assess.moment import Moment
from dunflow.config.book import Book
from dunflow.decide.bars import barred
from dunflow.decide.caps import Going
from dunflow.decide.rest import resting
from dunflow.ledger.given import among
from dunflow.ledger.tables import contact, contact_account, customer
from dunflow.remind.spoken import silencing


def forbidden(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    contacts: Collection[int],
    now: dt.datetime,
    newest: dt.date | None = None,
) -> dict[int, str]:
    """contact_id → the guard that speaks by now, for the account that leads or for the customer, or
    the rest after a talk of an account that it names.

    By the facts of the contact's own date, or of `newest` where that is given.
    """
    which = among(contact.c.contact_id, sorted(contacts))
    if newest is not None:
        return _by_facts_of(conn, book, portfolio_id, which, newest, now)
    found: dict[int, str] = {}
    dates = select(contact.c.business_date).where(which).distinct()
    for date in conn.execute(dates).scalars().all():
        of_date = and_(which, contact.c.business_date == date)
        found |= _by_facts_of(conn, book, portfolio_id, of_date, date, now)
    return found


def _by_facts_of(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    which: ColumnElement[bool],
    business_date: dt.date,
    now: dt.datetime,
) -> dict[int, str]:
    moment = Moment(now, late=False, day=book.portfolio.calendar.local_date(now))
    leading = select(contact.c.account_id).where(which)
    known = facts(conn, book, portfolio_id, business_date, moment, leading).subquery("known")
    rest = _resting(book, which)
    why = func.coalesce(
        silencing(book, known, contact.c.step),
        barred(book, portfolio_id, contact.c.channel, contact.c.address, now),
        rest.c.why,
    ).label("why")
    rows = (
        select(contact.c.contact_id, why)
        .join(customer, customer.c.customer_id == contact.c.customer_id)
        .outerjoin(known, known.c.account_id == contact.c.account_id)
        .outerjoin(rest, rest.c.of == contact.c.contact_id)
        .where(which)
        .subquery("rows")
    )
    spoken = conn.execute(select(rows.c.contact_id, rows.c.why).where(rows.c.why.is_not(None)))
    return dict(spoken.all())


def _resting(book: Book, which: ColumnElement[bool]) -> Subquery:
    """`of, why`: the cooldown that forbids a contact on its own day, NULL if none does.

    Somebody may have talked with the customer before the list was written.
    """
    going = Going(
        channel=contact.c.channel,
        customer_id=contact.c.customer_id,
        account_id=contact_account.c.account_id,
        address=contact.c.address,
        out_on=contact.c.contact_on,
    )
    over = resting(book.floor.cooldowns, going)
    why = case(*over, else_=null()) if over else null()
    return (
        select(contact.c.contact_id.label("of"), func.min(cast(why, Text)).label("why"))
        .join(contact_account, contact_account.c.contact_id == contact.c.contact_id)
        .where(which, contact_account.c.dropped.is_(None))
        .group_by(contact.c.contact_id)
        .subquery("resting")
    )
