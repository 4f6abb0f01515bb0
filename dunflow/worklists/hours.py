"""When those on a list may be called or visited, and whose hours are over before anybody has it."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Row, Select, Text, exists, select

from dunflow.clock import DAY
from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.decide.windows import Span, next_opening
from dunflow.decide.zones import Places, wall_zones
from dunflow.ledger.given import Kind, given
from dunflow.ledger.tables import Instant, contact, customer

PLACES = (customer.c.time_zone, customer.c.address_zones, customer.c.phone_zones)
"""What `hours_of` and `clock_of` want of a row, beside its contact's `accepted_at`."""


def hours_of(book: Book, channel: Channel, row: Any) -> Span | None:
    """Of the day on which the contact was accepted, or of as many days later as the notice takes
    that a pack asks for before a visit; None: there are none for days."""
    calendar, at = book.portfolio.calendar, row.accepted_at
    if channel == "visit" and (notice := book.floor.visit_notice_days):
        at = calendar.start_of(calendar.local_date(at) + notice * DAY)
    zones = wall_zones(book.floor, book.portfolio.zone, _places(row), channel, at)
    return next_opening(book.floor, channel, zones, book.portfolio.region, at)


def clock_of(book: Book, channel: Channel, row: Row[Any]) -> ZoneInfo:
    """On whose clock the customer's hours are written."""
    home = book.portfolio.zone
    zones = wall_zones(book.floor, home, _places(row), channel, row.accepted_at)
    return zones[0] if zones else home


def are_over(
    conn: Connection, book: Book, channel: Channel, contacts: Select[int], now: dt.datetime
) -> ColumnElement[bool]:
    """Whether the hours of one of these contacts, a row of `contact`, are over by now.

    Of a book's contacts most share theirs, so those of each instant and place are worked out once.
    """
    different = conn.execute(
        select(contact.c.accepted_at, *PLACES)
        .join(customer, customer.c.customer_id == contact.c.customer_id)
        # A replayed day's clock stands before its own calls.
        .where(contact.c.contact_id.in_(contacts), contact.c.accepted_at <= now)
        .distinct()
    )
    spans = ((row, hours_of(book, channel, row)) for row in different)
    closed = [dict(row._mapping) for row, span in spans if span and span.closes_at <= now]
    kinds: dict[str, Kind] = {"accepted_at": Instant, **{place.name: Text for place in PLACES}}
    over = given("over", kinds, closed)
    here = [place.is_not_distinct_from(over.c[place.name]) for place in PLACES]
    return exists().where(
        contact.c.accepted_at == over.c.accepted_at,
        customer.c.customer_id == contact.c.customer_id,
        *here,
    )


def _places(row: Any) -> Places:
    return Places(row.time_zone, row.address_zones, row.phone_zones)
