"""Confirms an opt-out, once, where the packs let it be: so people know that they were heard.

The law allows one message and no more, so this asks for less than a contact does: it is marked
before the call, and whatever comes of it, never sent again. One that is lost does no harm.
"""

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select, true, update

from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.decide.reach import point_of
from dunflow.decide.windows import next_opening
from dunflow.decide.zones import Places, wall_zones
from dunflow.ledger.engine import make_durable
from dunflow.ledger.tables import customer, opt_out, reply
from dunflow.remind import brake, faults
from dunflow.remind.compose import language_of
from dunflow.remind.render.message import render_note
from dunflow.remind.senders.codes import STOP_WORDS
from dunflow.remind.senders.outcome import Accepted, Message, Outcome

TEMPLATE = "opt_out_confirmation"
AT_ONCE = 20
CHANNELS: tuple[Channel, ...] = ("sms", "email")


@dataclass(frozen=True, repr=False)
class Confirmation:
    """One to send. `repr` is left out: personal data."""

    opt_out_id: int
    message: Message


def take(
    conn: Connection, book: Book, portfolio_id: int, channel: Channel, now: dt.datetime
) -> list[Confirmation]:
    """Those to send now, marked as sent: a second worker, or a second call, finds none of them.

    What Twilio takes for an opt-out by itself it has confirmed by itself. Outside of the contact
    hours, and later than the packs allow, there is none.
    """
    within = book.floor.confirms_within
    if within is None:
        return []
    if brake.halted(conn, portfolio_id, [channel]) or channel in faults.known(conn, portfolio_id):
        return []
    make_durable(conn)
    taken = []
    for row in conn.execute(_waiting(portfolio_id, channel, now - within)).all():
        zones = wall_zones(
            book.floor,
            book.portfolio.zone,
            Places(row.time_zone, row.address_zones, row.phone_zones),
            channel,
            now,
        )
        span = next_opening(book.floor, channel, zones, book.portfolio.region, now)
        if span is None or span.opens_at > now:
            continue
        reference = secrets.token_hex(4).upper()
        conn.execute(
            update(opt_out)
            .where(opt_out.c.opt_out_id == row.opt_out_id)
            .values(confirmation=reference)
        )
        text = render_note(
            channel,
            TEMPLATE,
            language_of(book, row.language),
            book.portfolio.lender,
            reference,
            book.folder,
        )
        until = min(span.closes_at, row.since_at + within)
        message = Message(
            reference, channel, row.address, text.body, text.subject, text.html, until
        )
        taken.append(Confirmation(row.opt_out_id, message))
    return taken


def record(conn: Connection, sent: Confirmation, outcome: Outcome, now: dt.datetime) -> None:
    """Keep that the provider took it. Of any other outcome nothing follows."""
    if isinstance(outcome, Accepted):
        conn.execute(
            update(opt_out)
            .where(opt_out.c.opt_out_id == sent.opt_out_id)
            .values(confirmed_at=now, provider_id=outcome.provider_id)
        )


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
            point_of(channel) == opt_out.c.address,
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
        .limit(AT_ONCE)
        .with_for_update(of=opt_out, skip_locked=True)
    )
