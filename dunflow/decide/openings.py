"""When each channel opens next for each place among the customers."""

import datetime as dt

from sqlalchemy import Connection, Date, Select, TableValuedAlias, Text

from dunflow.config.book import Book
from dunflow.decide.windows import next_opening
from dunflow.decide.zones import places_of, wall_zones
from dunflow.ledger.given import Kind, given
from dunflow.ledger.tables import Instant


def openings(
    conn: Connection, book: Book, places: Select[str], at: dt.datetime
) -> TableValuedAlias:
    """`place, channel, opens_at, out_on` for these customers' places (their `place_key`s).

    `out_on`: the day of that opening in the customers' own calendar. No row: it is closed for days.
    There are few places however many customers, so the law's own logic runs in plain Python.
    """
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
                        "opens_at": span.opens_at,
                        "out_on": span.opens_at.astimezone(zones[0]).date(),
                    }
                )
    columns: dict[str, Kind] = {
        "place": Text,
        "channel": Text,
        "opens_at": Instant,
        "out_on": Date,
    }
    return given("opening", columns, rows)
