"""How fast a sender may send, or be asked: one state in the ledger for all workers and portfolios.

Each message takes the sender's next free moment; moments that passed unused are lost, so there is
no burst after a pause. Whoever claims holds the sender's row until it has claimed, and so knows how
many it may take.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, ScalarSelect, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from dunflow.config.book import Book
from dunflow.ledger.tables import sender_rate

AHEAD = dt.timedelta(seconds=8)
"""A claim takes no more than can be sent in this time: less than a row may be held."""


@dataclass(frozen=True)
class Allowance:
    """How many messages a sender may take now: the first at `start_at`, then `every` apart."""

    sender: str
    count: int
    start_at: dt.datetime
    every: dt.timedelta


def allowance(
    conn: Connection, sender: str, per_second: float, now: dt.datetime, most: int
) -> Allowance:
    """What may be claimed now. Holds the sender's row until the transaction ends."""
    conn.execute(insert(sender_rate).values(sender=sender, free_at=now).on_conflict_do_nothing())
    free_at = conn.execute(
        select(sender_rate.c.free_at).where(sender_rate.c.sender == sender).with_for_update()
    ).scalar_one()
    every = dt.timedelta(seconds=1 / per_second)
    start_at = max(free_at, now)
    # The first one goes out at `start_at` itself, so that a slow sender sends at all.
    count = max(0, min(most, (now + AHEAD - start_at) // every + 1))
    return Allowance(sender, count, start_at, every)


def take(conn: Connection, allowed: Allowance, count: int) -> None:
    """Use so many of them."""
    if count:
        conn.execute(
            update(sender_rate)
            .where(sender_rate.c.sender == allowed.sender)
            .values(free_at=allowed.start_at + count * allowed.every)
        )


QUERIES = 6
QUERY_RESTS = dt.timedelta(seconds=65)
"""SendGrid's Email Activity takes six requests a minute of an account: so many turns, each of which
rests so long once it is taken. That is a minute, and by how much one request may be slower than
another. Source: twilio.com/docs/sendgrid/api-reference/email-activity."""


def take_query(conn: Connection, book: Book, now: dt.datetime) -> bool:
    """Whether the provider may be asked about emails now, once."""
    turns = _turns(book)
    are_ours = sender_rate.c.sender.in_(turns)
    there = conn.execute(select(func.count()).where(are_ours)).scalar_one()
    if there < QUERIES:
        rows = [{"sender": turn, "free_at": now} for turn in turns]
        conn.execute(insert(sender_rate).values(rows).on_conflict_do_nothing())
    free = (
        select(sender_rate.c.sender)
        .where(are_ours, _is_over(now))
        .order_by(sender_rate.c.sender)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = conn.execute(
        update(sender_rate)
        .where(sender_rate.c.sender == free)
        .values(free_at=now + QUERY_RESTS)
        .returning(sender_rate.c.sender)
    )
    return taken.first() is not None


def next_query_at(book: Book, now: dt.datetime) -> ScalarSelect[dt.datetime]:
    """When the provider may be asked about emails next; NULL: at once."""
    first = func.min(sender_rate.c.free_at)
    return (
        select(case((func.count() == QUERIES, first)))
        .where(sender_rate.c.sender.in_(_turns(book)), ~_is_over(now))
        .scalar_subquery()
    )


def _is_over(now: dt.datetime) -> ColumnElement[bool]:
    """Whether a turn's rest is over, or is of a later time: replayed dates may run the newest
    first."""
    return or_(sender_rate.c.free_at <= now, sender_rate.c.free_at > now + QUERY_RESTS)


def _turns(book: Book) -> list[str]:
    """All portfolios use the one account that the environment names."""
    sender = book.portfolio.senders.email
    provider = sender.provider if sender else "no"
    return [f"{provider} activity {number}" for number in range(QUERIES)]
