"""Which accounts are, or were, somebody's, and on which days.

An account may go from one customer to another. What was agreed and remarked about it belongs to
whoever had it then: it must neither be shown to the other, nor go when they ask for theirs to go.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Connection,
    Date,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union,
)
from sqlalchemy.dialects.postgresql import distinct_on

from dunflow.config.book import Book
from dunflow.ledger.given import among, given
from dunflow.ledger.tables import contact, contact_account, customer, hold, placement, snapshot

People = Collection[int]
"""Customers by their numbers."""
Seen = Select[Any] | CompoundSelect[Any]
"""`account_id, customer_id, business_date, contact_id`: on this date it was theirs, as a contact of
it says, or (NULL) its snapshot."""


@dataclass(frozen=True)
class Held:
    """An account that was somebody's on these days, `until_on` excluded: one stretch of several, if
    it went to somebody else and came back."""

    account_id: int
    since_on: dt.date
    until_on: dt.date


@dataclass(frozen=True)
class Accounts:
    """Somebody's accounts, those included that were theirs once."""

    zone: str
    held: tuple[Held, ...]

    @property
    def now(self) -> list[int]:
        """Those that went to nobody else."""
        return [each.account_id for each in self.held if each.until_on == dt.date.max]

    def has(self, account_id: ColumnElement[Any], when: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether the account was theirs then: on a business date, or at an instant.

        What happens on a day is done on the facts of the date before, the newest that has closed.
        """
        day: ColumnElement[Any] = when
        if not isinstance(when.type, Date):
            day = cast(func.timezone(self.zone, when), Date) - 1
        held = given(
            "held",
            {"account_id": BigInteger, "since_on": Date, "until_on": Date},
            [vars(each) for each in self.held],
        )
        return (
            select(literal(1))
            .select_from(held)
            .where(held.c.account_id == account_id, day >= held.c.since_on, day < held.c.until_on)
            .exists()
        )


def ids_of(conn: Connection, people: People) -> list[int]:
    """Their numbers, and those of the ids that are the same persons."""
    others = select(customer.c.customer_id).where(customer.c.merged_into.in_(people))
    return [*people, *sorted(conn.execute(others).scalars())]


def accounts_of(conn: Connection, book: Book, portfolio_id: int, customer_id: int) -> Accounts:
    """Every account that was the customer's in a snapshot, or that a contact to them named.

    Under whichever of their ids: snapshots from before a merger keep the old one.
    """
    people = ids_of(conn, [customer_id])
    s = snapshot.c
    theirs = (
        select(s.account_id)
        .where(s.portfolio_id == portfolio_id, s.customer_id.in_(people))
        .union(contacted(people))
    )
    accounts = sorted(conn.execute(theirs).scalars())
    seen: Seen = union(
        select(
            s.account_id,
            s.customer_id,
            s.business_date,
            null().cast(BigInteger).label("contact_id"),
        ).where(s.portfolio_id == portfolio_id, among(s.account_id, accounts)),
        _named(accounts),
    )
    return _held(conn, book, people, seen)


def holds_of(people: People, accounts: Accounts) -> ColumnElement[bool]:
    """Whether a hold is these people's. Whose an account was then, a hold mostly says itself."""
    return or_(
        hold.c.customer_id.in_(people),
        hold.c.of_customer_id.in_(people),
        and_(hold.c.of_customer_id.is_(None), accounts.has(hold.c.account_id, hold.c.recorded_at)),
    )


def placements_of(people: People, accounts: Accounts) -> ColumnElement[bool]:
    """Whether a placement is these people's. Of whom its receiver was told, it mostly says itself:
    its date may say another owner since."""
    p = placement.c
    return or_(
        p.customer_id.in_(people),
        and_(p.customer_id.is_(None), accounts.has(p.account_id, p.business_date)),
    )


def contacted_accounts_of(conn: Connection, book: Book, people: People) -> Accounts:
    """The accounts that contacts to these customers named: all that is left long after."""
    accounts = sorted(conn.execute(contacted(people)).scalars())
    return _held(conn, book, people, _named(accounts))


def contacted(people: People) -> Select[int]:
    """The accounts that contacts to these customers named."""
    return (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(contact.c.customer_id.in_(people))
        .distinct()
    )


def _named(accounts: list[int]) -> Select[Any]:
    return (
        select(
            contact_account.c.account_id,
            contact.c.customer_id,
            contact.c.business_date,
            contact.c.contact_id,
        )
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(among(contact_account.c.account_id, accounts))
    )


def _held(conn: Connection, book: Book, people: People, seen: Seen) -> Accounts:
    """Each stretch of theirs lasts until somebody else is seen; the first owner had it always."""
    told = seen.subquery("told")
    # Of what is told of one date the snapshot holds, else what was sent last.
    of_date = (
        select(
            told.c.account_id,
            told.c.business_date,
            told.c.customer_id.in_(people).label("is_theirs"),
        )
        .ext(distinct_on(told.c.account_id, told.c.business_date))
        .order_by(told.c.account_id, told.c.business_date, told.c.contact_id.desc().nulls_first())
        .subquery("of_date")
    )
    was_theirs = func.lag(of_date.c.is_theirs).over(
        partition_by=of_date.c.account_id, order_by=of_date.c.business_date
    )
    sighting = select(*of_date.c, was_theirs.label("was_theirs")).subquery("sighting")
    changes = sighting.c.is_theirs.is_distinct_from(sighting.c.was_theirs)
    change = select(*sighting.c).where(changes).subquery("change")
    next_on = func.lead(change.c.business_date).over(
        partition_by=change.c.account_id, order_by=change.c.business_date
    )
    stretch = select(
        change.c.account_id,
        case((change.c.was_theirs.is_(None), dt.date.min), else_=change.c.business_date).label(
            "since_on"
        ),
        func.coalesce(next_on, dt.date.max).label("until_on"),
        change.c.is_theirs,
    ).subquery("stretch")
    rows = conn.execute(
        select(stretch.c.account_id, stretch.c.since_on, stretch.c.until_on)
        .where(stretch.c.is_theirs)
        .order_by(stretch.c.account_id, stretch.c.since_on)
    )
    return Accounts(book.portfolio.time_zone, tuple(Held(*row) for row in rows))
