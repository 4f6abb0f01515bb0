"""Consent as it is given and revoked, and talks that were held: what some packs ask for."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from dunflow.config.book import Book
from dunflow.decide.zones import Places, wall_zones
from dunflow.ledger.tables import consent, conversation, customer


@dataclass(frozen=True)
class Consent:
    """What a customer agreed to. `basis` is a pack's word for the ground, as `prior_express`."""

    customer_id: int
    channel: str
    basis: str
    given_at: dt.datetime
    recorded_by: str
    reason: str | None = None


def record_consent(conn: Connection, portfolio_id: int, given: Consent) -> None:
    """Keep a consent, once however often it is delivered."""
    row = insert(consent).values(
        portfolio_id=portfolio_id,
        customer_id=given.customer_id,
        channel=given.channel,
        basis=given.basis,
        given_at=given.given_at,
        recorded_by=given.recorded_by,
        reason=given.reason,
    )
    conn.execute(row.on_conflict_do_nothing())


def revoke_consents(
    conn: Connection,
    portfolio_id: int,
    customers: Collection[int],
    channels: Collection[str],
    now: dt.datetime,
) -> int:
    """Take back every consent of these customers to these channels; how many there were."""
    revoked = (
        update(consent)
        .where(
            consent.c.portfolio_id == portfolio_id,
            consent.c.customer_id.in_(customers),
            consent.c.channel.in_(channels),
            consent.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
    return conn.execute(revoked).rowcount


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
    c = customer.c
    known = conn.execute(
        select(c.time_zone, c.address_zones, c.phone_zones).where(c.customer_id == customer_id)
    ).one_or_none()
    # Those of a letter: there is always one.
    places = Places(*(known or [None]))
    zone = wall_zones(book.floor, book.portfolio.zone, places, "letter", held_at)[0]
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
