"""Holds: reasons not to contact, with a start and an end."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import distinct_on

from dunflow.config.book import Book
from dunflow.config.pack import Floor
from dunflow.ledger.given import only
from dunflow.ledger.tables import Instant, hold, snapshot


def ends_at(floor: Floor) -> ColumnElement[dt.datetime]:
    """When a row of `hold` ends by itself; NULL where only a release ends it, by a pack or since it
    was given no last day."""
    by_release = hold.c.kind.in_(sorted(floor.released_only))
    return case((by_release, null()), else_=hold.c.until_at)


def is_active(floor: Floor, at: dt.datetime | ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    """Whether a row of `hold` is active at an instant: begun, not over, not released before."""
    when = literal(at, Instant) if isinstance(at, dt.datetime) else at
    return and_(
        hold.c.from_at <= when,
        func.coalesce(ends_at(floor) > when, True),
        or_(hold.c.released_at.is_(None), hold.c.released_at > when),
    )


def first_holds(
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    at: dt.datetime,
    few: Sequence[int] | None,
) -> Select[Any]:
    """`account_id, kind` of the first recorded hold that is active on the account or customer.

    A kind that binds the whole customer by a pack does so though it was recorded on an account.
    """
    active = and_(hold.c.portfolio_id == portfolio_id, is_active(book.floor, at))
    of_accounts = select(hold.c.account_id, hold.c.kind, hold.c.recorded_at, hold.c.hold_id).where(
        active, hold.c.account_id.is_not(None), *only(hold.c.account_id, few)
    )
    of_customers = (
        select(snapshot.c.account_id, hold.c.kind, hold.c.recorded_at, hold.c.hold_id)
        .join(snapshot, snapshot.c.customer_id == hold.c.customer_id)
        .where(
            active,
            snapshot.c.portfolio_id == portfolio_id,
            snapshot.c.business_date == business_date,
            *only(snapshot.c.account_id, few),
        )
    )
    parts = [of_accounts, of_customers]
    if wide := book.floor.customer_wide_holds:
        held = snapshot.alias("held")
        siblings = (
            select(snapshot.c.account_id, hold.c.kind, hold.c.recorded_at, hold.c.hold_id)
            .outerjoin(
                held,
                and_(
                    held.c.portfolio_id == portfolio_id,
                    held.c.business_date == business_date,
                    held.c.account_id == hold.c.account_id,
                ),
            )
            # The account may be paid by now; whoever it belonged to is still held.
            .join(
                snapshot,
                snapshot.c.customer_id == func.coalesce(hold.c.of_customer_id, held.c.customer_id),
            )
            .where(
                active,
                hold.c.account_id.is_not(None),
                hold.c.kind.in_(wide),
                snapshot.c.portfolio_id == portfolio_id,
                snapshot.c.business_date == business_date,
                *only(snapshot.c.account_id, few),
            )
        )
        parts.append(siblings)
    both = union_all(*parts).subquery("both")
    return (
        select(both.c.account_id, both.c.kind)
        .ext(distinct_on(both.c.account_id))
        .order_by(both.c.account_id, both.c.recorded_at, both.c.hold_id)
    )
