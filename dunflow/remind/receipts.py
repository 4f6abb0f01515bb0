"""What providers tell about messages, taken into the contacts: by a callback, or when asked.

Tellings come late, twice and in any order, and before our own record of the call. So each only ever
moves a contact forward, and a known acceptance is the truth whatever we thought.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, or_, select, update

from dunflow.config.book import Book
from dunflow.ledger.tables import contact
from dunflow.remind import outbox, talks
from dunflow.remind.consequences import (
    believe_opt_outs,
    bury_addresses,
    refresh_ladder,
    start_gap,
)
from dunflow.remind.schedule import next_result_at
from dunflow.remind.senders.outcome import Seen
from dunflow.remind.settle import TWICE

Told = tuple[int, Seen]
"""A contact, and what its provider says of it."""

NOT_KNOWN_AS_SENT = (
    "planned",
    "claimed",
    "in_doubt",
    "parked",
    "expired",
    "cancelled",
    "failed",
)


@dataclass(frozen=True)
class Taken:
    """How many contacts became known as accepted, delivered and undelivered."""

    accepted: int = 0
    delivered: int = 0
    undelivered: int = 0


def take(conn: Connection, book: Book, told: list[Told], now: dt.datetime) -> Taken:
    """Move these contacts on; a telling that changes nothing is none."""
    # In one order for all who tell at once, so that they do not wait for each other in a ring.
    told = sorted(told, key=lambda each: each[0])
    accepted = [of for of, seen in told if _accept(conn, of, seen, now)]
    delivered = [of for of, seen in told if seen.result == "delivered" and _deliver(conn, of, now)]
    failed = [
        (of, seen)
        for of, seen in told
        if seen.result == "undelivered" and _fail(conn, of, seen, now)
    ]
    news = {*delivered, *(of for of, _ in failed)}
    answers = [(of, seen.answered_by) for of, seen in told if of in news and seen.answered_by]
    if answers:
        talks.keep_answers(conn, book, answers, now)
    outbox.make_room(conn, [of for of, _ in failed])
    bury_addresses(conn, [of for of, seen in failed if seen.blames == "address"], now)
    believe_opt_outs(conn, [of for of, seen in failed if seen.blames == "opted_out"], now)
    outbox.take_room(conn, accepted)
    start_gap(conn, accepted)
    refresh_ladder(conn, book, [*accepted, *(of for of, _ in failed)])
    return Taken(len(accepted), len(delivered), len(failed))


def _accept(conn: Connection, contact_id: int, seen: Seen, now: dt.datetime) -> bool:
    """Whether this is news. A message that we have under another id went out twice."""
    if seen.twice:
        conn.execute(update(contact).where(contact.c.contact_id == contact_id).values(reason=TWICE))
    # A telling without a time of its own comes hours later, if the phone was off.
    claimed_at = func.coalesce(contact.c.claimed_at, contact.c.planned_at)
    accepted_at = func.least(func.greatest(seen.created_at or claimed_at, claimed_at), now)
    news = conn.execute(
        update(contact)
        .where(contact.c.contact_id == contact_id, contact.c.state.in_(NOT_KNOWN_AS_SENT))
        .values(
            state="accepted",
            reason=TWICE if seen.twice else None,
            error_code=None,
            provider_id=seen.provider_id,
            accepted_at=accepted_at,
            ended_at=None,
            lease_until_at=None,
            asked=0,
            ask_at=next_result_at(0, now),
        )
        .returning(contact.c.contact_id)
    ).first()
    if news is None and seen.provider_id is not None:
        conn.execute(
            update(contact)
            .where(contact.c.contact_id == contact_id, contact.c.provider_id != seen.provider_id)
            .values(reason=TWICE)
        )
    return news is not None


def _deliver(conn: Connection, contact_id: int, now: dt.datetime) -> bool:
    arrived = conn.execute(
        update(contact)
        .where(contact.c.contact_id == contact_id, contact.c.state == "accepted")
        .values(state="delivered", ask_at=None, ended_at=now)
        .returning(contact.c.contact_id)
    )
    return arrived.first() is not None


def _fail(conn: Connection, contact_id: int, seen: Seen, now: dt.datetime) -> bool:
    """An email may bounce after it was delivered to the server; an SMS that arrived stays so."""
    failed = conn.execute(
        update(contact)
        .where(
            contact.c.contact_id == contact_id,
            or_(
                contact.c.state == "accepted",
                and_(contact.c.state == "delivered", contact.c.channel == "email"),
            ),
        )
        .values(
            state="undelivered",
            error_code=seen.code,
            reason=func.coalesce(contact.c.reason, seen.blames),
            ask_at=None,
            ended_at=now,
        )
        .returning(contact.c.contact_id)
    )
    return failed.first() is not None


def find(
    conn: Connection, *, reference: str | None, provider_id: str | None
) -> tuple[int, int] | None:
    """`(contact_id, portfolio_id)` of what a telling is about: our own mark first, then the id."""
    for named in (
        None if reference is None else contact.c.reference == reference,
        None if provider_id is None else contact.c.provider_id == provider_id,
    ):
        if named is None:
            continue
        row = conn.execute(
            select(contact.c.contact_id, contact.c.portfolio_id).where(named)
        ).first()
        if row:
            return row.contact_id, row.portfolio_id
    return None
