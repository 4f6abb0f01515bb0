"""Tells those whose objection led to a hold, once, that collecting has paused.

Where each pack that knows such a hold lets a reply go out during it, and to nobody who is on
another hold, said no to the channel, or can't be reached by it.
"""

import datetime as dt
from typing import Any

from sqlalchemy import Connection, Select, Text, exists, literal, or_, select

from dunflow.assess.holds import is_active
from dunflow.clock import DAY
from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.decide.bars import barred
from dunflow.ledger.engine import make_durable
from dunflow.ledger.tables import customer, hold, reply
from dunflow.remind import notes
from dunflow.remind.notes import Note

TEMPLATE = "hold_confirmation"
WITHIN = DAY
"""Later than this after a person's decision it would no longer be an answer."""


def take(
    conn: Connection, book: Book, portfolio_id: int, channel: Channel, now: dt.datetime
) -> list[Note]:
    """Those to send now, marked as sent: a second worker, or a second call, finds none of them."""
    kinds = book.floor.answered_holds
    if not kinds or notes.is_held_up(conn, portfolio_id, channel):
        return []
    make_durable(conn)
    found = []
    for row in conn.execute(_waiting(book, portfolio_id, channel, sorted(kinds), now)).all():
        until = row.decided_at + WITHIN
        found.append(notes.take(conn, book, channel, TEMPLATE, reply, row, until, now))
    return [note for note in found if note]


def _waiting(
    book: Book, portfolio_id: int, channel: str, kinds: list[str], now: dt.datetime
) -> Select[Any]:
    c, r = customer.c, reply.c
    active = is_active(book.floor, now)
    opened = exists().where(hold.c.hold_id == r.hold_id, hold.c.kind.in_(kinds), active)
    theirs = or_(hold.c.customer_id == r.customer_id, hold.c.of_customer_id == r.customer_id)
    on_another = exists().where(theirs, hold.c.kind.not_in(kinds), active)
    by = literal(channel, Text)
    person = (c.language, c.time_zone, c.address_zones, c.phone_zones)
    return (
        select(r.reply_id, r.address, r.decided_at, *person)
        .join(customer, c.customer_id == r.customer_id)
        .where(
            r.portfolio_id == portfolio_id,
            r.channel == channel,
            r.address.is_not(None),
            r.confirmation.is_(None),
            r.hold_id.is_not(None),
            r.decided_at > now - WITHIN,
            opened,
            ~on_another,
            barred(book, portfolio_id, by, r.address, now).is_(None),
        )
        .order_by(r.reply_id)
        .limit(notes.AT_ONCE)
        .with_for_update(of=reply, skip_locked=True)
    )
