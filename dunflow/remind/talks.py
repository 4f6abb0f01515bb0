"""What calls and visits came to, and the talks that they were: some packs want rest after those."""

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.decide.zones import Places, wall_zones
from dunflow.ledger.tables import contact, contact_account, conversation, customer, result

TALKED = frozenset(
    {"reached", "promise", "paid", "dispute", "hardship", "complaint", "refused", "no_more"}
)
"""Results of which each is a talk with the customer. Whoever answered an automated call as a person
is taken to be the customer, though nobody knows: the rest is theirs."""

ANSWERED = {
    "human": "reached",
    "machine_start": "machine",
    "machine_end_beep": "machine",
    "machine_end_silence": "machine",
    "machine_end_other": "machine",
    "fax": "fax",
    "no-answer": "no_answer",
    "busy": "busy",
    "failed": "failed",
    "canceled": "failed",
}
"""Twilio's words → ours; any other says nothing."""

PROVIDER = "provider"


def record_talk(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    customer_id: int,
    account_id: int | None,
    held_at: dt.datetime,
    recorded_by: str,
    now: dt.datetime,
) -> None:
    """Keep that somebody talked with the customer, about one account or (None) all of theirs.

    Its day is the customer's own, as contact hours are.
    """
    # Those of a letter: there is always one.
    zone = zones_of(conn, book, customer_id, "letter", held_at)[0]
    row = insert(conversation).values(
        portfolio_id=portfolio_id,
        customer_id=customer_id,
        account_id=account_id,
        held_at=held_at,
        held_on=held_at.astimezone(zone).date(),
        recorded_at=now,
        recorded_by=recorded_by,
    )
    conn.execute(row.on_conflict_do_nothing())


def zones_of(
    conn: Connection, book: Book, customer_id: int, channel: Channel, at: dt.datetime
) -> Sequence[ZoneInfo]:
    """On whose clocks the customer's hours and days are counted, for this channel."""
    c = customer.c
    known = conn.execute(
        select(c.time_zone, c.address_zones, c.phone_zones).where(c.customer_id == customer_id)
    ).one_or_none()
    places = Places(*(known or [None]))
    return wall_zones(book.floor, book.portfolio.zone, places, channel, at)


def keep_result(
    conn: Connection,
    book: Book,
    contact_id: int,
    came_to: str,
    happened_at: dt.datetime,
    recorded_by: str,
    now: dt.datetime,
) -> bool:
    """Keep what a contact came to, with the talk if it was one; False if it was told before."""
    row = insert(result).values(
        contact_id=contact_id,
        result=came_to,
        happened_at=happened_at,
        recorded_at=now,
        recorded_by=recorded_by,
    )
    kept = conn.execute(row.on_conflict_do_nothing().returning(result.c.contact_id)).first()
    if kept is None:
        return False
    if came_to in TALKED:
        _talk_of(conn, book, contact_id, happened_at, recorded_by, now)
    return True


def keep_answers(
    conn: Connection, book: Book, answers: Sequence[tuple[int, str]], now: dt.datetime
) -> None:
    """Keep who answered automated calls (contact → Twilio's word), as of when they were made."""
    made_at = dict(
        conn.execute(
            select(contact.c.contact_id, contact.c.accepted_at).where(
                contact.c.contact_id.in_([of for of, _ in answers])
            )
        ).all()
    )
    for of, answered_by in answers:
        came_to = ANSWERED.get(answered_by, "unknown")
        keep_result(conn, book, of, came_to, made_at[of] or now, PROVIDER, now)


def _talk_of(
    conn: Connection,
    book: Book,
    contact_id: int,
    held_at: dt.datetime,
    recorded_by: str,
    now: dt.datetime,
) -> None:
    named = (
        select(func.count())
        .where(contact_account.c.contact_id == contact_id, contact_account.c.dropped.is_(None))
        .scalar_subquery()
    )
    of = conn.execute(
        select(
            contact.c.portfolio_id,
            contact.c.customer_id,
            contact.c.account_id,
            named.label("named"),
        ).where(contact.c.contact_id == contact_id)
    ).one()
    about = of.account_id if of.named == 1 else None
    record_talk(conn, book, of.portfolio_id, of.customer_id, about, held_at, recorded_by, now)
