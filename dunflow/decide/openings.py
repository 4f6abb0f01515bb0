"""When each channel opens next for each place among the customers."""

import datetime as dt

from sqlalchemy import Column, Connection, DateTime, MetaData, Select, Table, Text, insert

from dunflow.config.book import Book
from dunflow.decide.windows import next_opening
from dunflow.decide.zones import places_of, wall_zones
from dunflow.ledger.scratch import PREFIX

# The next opening of each channel for each place among the customers; no row: none for days.
opening = Table(
    "opening",
    MetaData(),
    Column("place", Text, nullable=False),  # a place_key
    Column("channel", Text, nullable=False),
    Column("wall_zone", Text, nullable=False),
    Column("opens_at", DateTime(timezone=True), nullable=False),
    Column("closes_at", DateTime(timezone=True), nullable=False),
    prefixes=[PREFIX],
)


def list_openings(conn: Connection, book: Book, places: Select[str], at: dt.datetime) -> None:
    """Fill `opening` for these customers' places (their `place_key`s), as of `at`.

    There are few places however many customers, so the law's own logic runs in plain Python.
    """
    opening.create(conn)
    rows = []
    for (place,) in conn.execute(places.distinct()):
        for channel in sorted(book.policy.channels):
            zones = wall_zones(
                book.floor, book.portfolio.zone, places_of(book.floor, place), channel, at
            )
            span = next_opening(book.floor, channel, zones, book.portfolio.region, at)
            if span:
                rows.append(
                    {
                        "place": place,
                        "channel": channel,
                        "wall_zone": zones[0].key,
                        "opens_at": span.opens_at,
                        "closes_at": span.closes_at,
                    }
                )
    if rows:
        conn.execute(insert(opening), rows)
