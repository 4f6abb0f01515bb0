"""Contacts that somebody else made: the system before, or the receiver of a placement.

They stand beside ours, are of no run, and count for gaps and caps as ours do.
"""

import datetime as dt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Numeric,
    Select,
    TableValuedAlias,
    Text,
    cast,
    func,
    literal,
    select,
    update,
)

from dunflow.assess.progress import local_day
from dunflow.config.book import Book
from dunflow.decide.zones import place_key, places_of, wall_zones
from dunflow.ledger.given import given
from dunflow.ledger.tables import account, customer


def walls_of(
    conn: Connection, book: Book, customers: Select[Any], now: dt.datetime
) -> TableValuedAlias:
    """`place, zone`: on whose clock the days of these customers are counted, by `place_key`.

    There are few places however many customers, so the law's own logic runs in plain Python.
    """
    floor, home = book.floor, book.portfolio.zone
    places = select(place_key(floor)).where(customer.c.customer_id.in_(customers)).distinct()
    rows = []
    for place in conn.execute(places).scalars():
        # Those of a letter: there is always one.
        zone = wall_zones(floor, home, places_of(floor, place), "letter", now)[0]
        rows.append({"place": place, "zone": zone.key})
    return given("walls", {"place": Text, "zone": Text}, rows)


def own_day(at: ColumnElement[dt.datetime], walls: TableValuedAlias) -> ColumnElement[dt.date]:
    """The customer's own calendar day of an instant."""
    return cast(func.timezone(walls.c.zone, at), Date)


def made_elsewhere(
    book: Book,
    portfolio_id: int,
    at: ColumnElement[dt.datetime],
    walls: TableValuedAlias,
) -> dict[str, ColumnElement[Any]]:
    """The columns of a contact that are the same whoever made it; the others are the caller's."""
    instants = ("not_before_at", "expires_at", "claimed_at", "accepted_at", "ended_at")
    return {
        "portfolio_id": literal(portfolio_id),
        # As of a run's contact, which goes out on the day after its business date.
        "business_date": local_day(book, at) - 1,
        "template": literal("", Text),
        "purpose": literal("reminder", Text),
        "severity": literal(0),
        "amount": literal(0, Numeric),
        "currency": literal(book.portfolio.currency, Text),
        "contact_on": own_day(at, walls),
        "planned_at": at,
        **dict.fromkeys(instants, at),
    }


def start_gaps(conn: Connection, made: Select[int, dt.datetime]) -> None:
    """The gap of each account counts from the latest `(account, instant)` of `made` on."""
    every = made.subquery("every")
    account_id, at = every.c
    latest = select(account_id.label("of"), func.max(at).label("at")).group_by(account_id)
    last = latest.subquery("latest")
    conn.execute(
        update(account)
        .where(account.c.account_id == last.c.of)
        .values(last_contact_at=func.greatest(account.c.last_contact_at, last.c.at))
    )
