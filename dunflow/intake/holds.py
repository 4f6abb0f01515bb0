"""Holds as they are recorded and released: by whom, when, and why, all of it kept."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, update
from sqlalchemy.dialects.postgresql import insert

from dunflow.assess.holds import ends_at
from dunflow.config.pack import Floor
from dunflow.errors import DunflowError
from dunflow.intake.holders import owner_of
from dunflow.ledger.tables import HOLD_KINDS, hold


@dataclass(frozen=True)
class Holder:
    """Whom a hold is about: one account, or a customer with all of theirs. Numbers."""

    account_id: int | None = None
    customer_id: int | None = None

    @property
    def held(self) -> ColumnElement[bool]:
        if self.account_id is not None:
            return hold.c.account_id == self.account_id
        return hold.c.customer_id == self.customer_id


@dataclass(frozen=True)
class Hold:
    """A reason not to contact, [from_at, until_at); without an end until it is released, as is one
    of a kind that by a pack no day ends.

    `ref` is its name where it came from, if it has one: the same name is taken in once.
    """

    holder: Holder
    kind: str
    from_at: dt.datetime
    until_at: dt.datetime | None
    recorded_at: dt.datetime
    recorded_by: str
    reason: str | None = None
    ref: str | None = None


def record_hold(conn: Connection, portfolio_id: int, given: Hold) -> int | None:
    """Keep a hold; its number, or None if its `ref` was taken in before.

    It may be recorded after its start, and after its end. What was sent stays on record; from now
    on every decision and every claim sees it. Raises DunflowError for an unknown kind or an end
    that does not lie after the start.
    """
    if given.kind not in HOLD_KINDS:
        raise DunflowError(f"hold: kind is {given.kind!r}; use one of {', '.join(HOLD_KINDS)}")
    if given.until_at is not None and given.until_at <= given.from_at:
        raise DunflowError("hold: it ends before it begins; the last day is included")
    of_account = given.holder.account_id
    owner = None if of_account is None else owner_of(conn, portfolio_id, of_account)
    row = insert(hold).values(
        portfolio_id=portfolio_id,
        account_id=of_account,
        customer_id=given.holder.customer_id,
        kind=given.kind,
        from_at=given.from_at,
        until_at=given.until_at,
        recorded_at=given.recorded_at,
        recorded_by=given.recorded_by,
        reason=given.reason,
        of_customer_id=owner,
        hold_ref=given.ref,
    )
    number: int | None = conn.execute(
        row.on_conflict_do_nothing().returning(hold.c.hold_id)
    ).scalar()
    return number


def release_holds(
    conn: Connection,
    floor: Floor,
    portfolio_id: int,
    holder: Holder,
    kind: str,
    released_at: dt.datetime,
    released_by: str,
    reason: str | None = None,
) -> int:
    """End every hold of this kind on the account or the customer; how many ended.

    Overlapping ones end together, and so does one that has not begun. Raises DunflowError for a
    kind that by a pack nobody ends.
    """
    if pack := floor.never_released(kind):
        raise DunflowError(f"a hold of kind {kind!r} is never released, by pack {pack}")
    ended = (
        update(hold)
        .where(
            hold.c.portfolio_id == portfolio_id,
            holder.held,
            hold.c.kind == kind,
            hold.c.released_at.is_(None),
            func.coalesce(ends_at(floor) > released_at, True),
        )
        .values(released_at=released_at, released_by=released_by, released_because=reason)
    )
    return conn.execute(ended).rowcount
