"""Consent as it is given and revoked: what some packs ask for."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, update
from sqlalchemy.dialects.postgresql import insert

from dunflow.ledger.tables import consent
from dunflow.remind.opt_outs import point_of


@dataclass(frozen=True)
class Consent:
    """What a customer agreed to. `basis` is a pack's word for the ground, as `prior_express`.

    It is to be reached at `address`, or without one at what the channel reaches as it is recorded.
    """

    customer_id: int
    channel: str
    basis: str
    given_at: dt.datetime
    recorded_by: str
    reason: str | None = None
    address: str | None = None


def record_consent(conn: Connection, portfolio_id: int, given: Consent) -> None:
    """Keep a consent, once however often it is delivered."""
    row = insert(consent).values(
        portfolio_id=portfolio_id,
        customer_id=given.customer_id,
        channel=given.channel,
        address=given.address or point_of(conn, given.customer_id, given.channel),
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
    source: str,
    now: dt.datetime,
) -> int:
    """Take back every consent of these customers to these channels; how many there were. `source`:
    who says so, and why."""
    revoked = (
        update(consent)
        .where(
            consent.c.portfolio_id == portfolio_id,
            consent.c.customer_id.in_(customers),
            consent.c.channel.in_(channels),
            consent.c.revoked_at.is_(None),
        )
        .values(revoked_at=now, end_recorded_at=now, end_source=source)
    )
    return conn.execute(revoked).rowcount
