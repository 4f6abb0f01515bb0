"""When those on a list may be called or visited, and whose hours are over before anybody has it."""

import datetime as dt
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, select

from dunflow.clock import DAY
from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.decide.windows import Span, next_opening
from dunflow.decide.zones import Places, wall_zones
from dunflow.ledger.tables import contact, customer

PLACES = (customer.c.time_zone, customer.c.address_zones, customer.c.phone_zones)
"""What `hours_of` and `clock_of` want of a row, beside its contact's `accepted_at`."""


def hours_of(book: Book, channel: Channel, row: Row[Any]) -> Span | None:
    """Of the day on which the contact was accepted, or of as many days later as the notice takes
    that a pack asks for before a visit; None: there are none for days."""
    return _hours(book, channel, _places(row), row.accepted_at)


def clock_of(book: Book, channel: Channel, row: Row[Any]) -> ZoneInfo:
    """On whose clock the customer's hours are written."""
    home = book.portfolio.zone
    zones = wall_zones(book.floor, home, _places(row), channel, row.accepted_at)
    return zones[0] if zones else home


def closed_at(
    conn: Connection, book: Book, channel: Channel, contacts: Select[int], now: dt.datetime
) -> list[int]:
    """Those of these contacts whose hours are over by now."""
    rows = conn.execute(
        select(contact.c.contact_id, contact.c.accepted_at, *PLACES)
        .join(customer, customer.c.customer_id == contact.c.customer_id)
        # A replayed day's clock stands before its own calls.
        .where(contact.c.contact_id.in_(contacts), contact.c.accepted_at <= now)
    ).all()
    # Most share theirs.
    hours = cache(lambda places, at: _hours(book, channel, places, at))
    spans = [(row.contact_id, hours(_places(row), row.accepted_at)) for row in rows]
    return [number for number, span in spans if span and span.closes_at <= now]


def _hours(book: Book, channel: Channel, places: Places, accepted_at: dt.datetime) -> Span | None:
    calendar, at = book.portfolio.calendar, accepted_at
    if channel == "visit" and (notice := book.floor.visit_notice_days):
        at = calendar.start_of(calendar.local_date(at) + notice * DAY)
    zones = wall_zones(book.floor, book.portfolio.zone, places, channel, at)
    return next_opening(book.floor, channel, zones, book.portfolio.region, at)


def _places(row: Any) -> Places:
    return Places(row.time_zone, row.address_zones, row.phone_zones)
