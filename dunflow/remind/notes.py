"""Messages that speak of no debt: that a no was heard, that collecting has paused.

Each is sent at most once: it is marked before the call, and the mark is taken back only where it
certainly did not go out and may go out later. One that is lost does no harm.
"""

import datetime as dt
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, select, update

from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.decide.windows import next_opening
from dunflow.decide.zones import Places, wall_zones
from dunflow.ledger.tables import opt_out, reply
from dunflow.remind import brake, faults
from dunflow.remind.compose import language_of
from dunflow.remind.render.message import render_note
from dunflow.remind.senders.outcome import Accepted, Busy, Down, Message, Outcome

CHANNELS: tuple[Channel, ...] = ("sms", "email")
AT_ONCE = 20


@dataclass(frozen=True, repr=False)
class Note:
    """One to send, and the row that it belongs to. `repr` is left out: personal data."""

    of: Table
    number: int
    message: Message


def is_held_up(conn: Connection, portfolio_id: int, channel: Channel) -> bool:
    """Whether a person stopped the channel, or its sender is at fault."""
    halted = brake.halted(conn, portfolio_id, [channel])
    return bool(halted) or channel in faults.known(conn, portfolio_id)


def take(
    conn: Connection,
    book: Book,
    channel: Channel,
    template: str,
    of: Table,
    row: Row[Any],
    until: dt.datetime,
    now: dt.datetime,
) -> Note | None:
    """The note for a locked row of `of`, marked as sent; None outside of the person's hours.

    `row`: its number first, then `address` and what is known of the language and place.
    """
    places = Places(row.time_zone, row.address_zones, row.phone_zones)
    zones = wall_zones(book.floor, book.portfolio.zone, places, channel, now)
    span = next_opening(book.floor, channel, zones, book.portfolio.region, now)
    if span is None or span.opens_at > now:
        return None
    reference = secrets.token_hex(4).upper()
    (key,) = of.primary_key
    conn.execute(update(of).where(key == row[0]).values(confirmation=reference))
    language = language_of(book, row.language)
    lender = book.portfolio.lender
    text = render_note(channel, template, language, lender, reference, book.folder)
    until = min(span.closes_at, until)
    message = Message(reference, channel, row.address, text.body, text.subject, text.html, until)
    return Note(of, row[0], message)


def recipients(
    conn: Connection, channel: Channel, references: Collection[str]
) -> list[tuple[int, str]]:
    """`portfolio_id, address` of those to whom the notes of these references went."""
    found: set[tuple[int, str]] = set()
    for of in (opt_out, reply) if references else ():
        went_to = select(of.c.portfolio_id, of.c.address).where(
            of.c.channel == channel,
            of.c.confirmation.in_(references),
            of.c.address.is_not(None),
        )
        found |= {(portfolio_id, address) for portfolio_id, address in conn.execute(went_to)}
    return sorted(found)


def record(conn: Connection, sent: Note, outcome: Outcome, now: dt.datetime) -> None:
    """Keep that the provider took it, or that it waits for another try."""
    values: dict[str, Any]
    match outcome:
        case Accepted(provider_id):
            values = {"confirmed_at": now, "provider_id": provider_id}
        case Busy() | Down():
            values = {"confirmation": None}
        case _:
            return
    (key,) = sent.of.primary_key
    mine = sent.of.c.confirmation == sent.message.reference
    conn.execute(update(sent.of).where(key == sent.number, mine).values(values))
