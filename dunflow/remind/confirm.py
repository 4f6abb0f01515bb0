"""Confirms an opt-out, once, where the packs let it be: so people know that they were heard.

The law allows one message and no more, so this asks for less than a contact does.
"""

import datetime as dt
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select, true

from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.ledger.engine import make_durable
from dunflow.ledger.points import address_by
from dunflow.ledger.tables import customer, opt_out, reply
from dunflow.remind import notes
from dunflow.remind.notes import Note
from dunflow.remind.senders.codes import STOP_WORDS

TEMPLATE = "opt_out_confirmation"


def take(
    conn: Connection, book: Book, portfolio_id: int, channel: Channel, now: dt.datetime
) -> list[Note]:
    """Those to send now, marked as sent: a second worker, or a second call, finds none of them.

    What Twilio takes for an opt-out by itself it has confirmed by itself. Outside of the contact
    hours, and later than the packs allow, there is none.
    """
    within = book.floor.confirms_within
    if within is None or notes.is_held_up(conn, portfolio_id, channel):
        return []
    make_durable(conn)
    found = []
    for row in conn.execute(_waiting(portfolio_id, channel, now - within)).all():
        until = row.since_at + within
        found.append(notes.take(conn, book, channel, TEMPLATE, opt_out, row, until, now))
    return [note for note in found if note]


def _waiting(portfolio_id: int, channel: str, since: dt.datetime) -> Select[Any]:
    """Addresses that said no by this very channel since then, with whoever is reached there."""
    word = func.lower(func.btrim(reply.c.body))
    said_here = exists().where(
        reply.c.portfolio_id == portfolio_id,
        reply.c.channel == channel,
        reply.c.address == opt_out.c.address,
        reply.c.kind == "opt_out",
        reply.c.received_at >= since,
        word.not_in(STOP_WORDS) if channel == "sms" else true(),
    )
    c = customer.c
    person = (
        select(c.language, c.time_zone, c.address_zones, c.phone_zones)
        .where(
            c.portfolio_id == portfolio_id,
            address_by(channel) == opt_out.c.address,
        )
        .order_by(c.customer_id)
        .limit(1)
        .lateral("person")
    )
    return (
        select(opt_out.c.opt_out_id, opt_out.c.address, opt_out.c.since_at, *person.c)
        .outerjoin(person, true())
        .where(
            opt_out.c.portfolio_id == portfolio_id,
            opt_out.c.channel == channel,
            opt_out.c.address.is_not(None),
            opt_out.c.lifted_at.is_(None),
            opt_out.c.confirmation.is_(None),
            opt_out.c.since_at >= since,
            said_here,
        )
        .order_by(opt_out.c.opt_out_id)
        .limit(notes.AT_ONCE)
        .with_for_update(of=opt_out, skip_locked=True)
    )
