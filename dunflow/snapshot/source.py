"""Asks the source for one business date."""

import datetime as dt
from collections.abc import Mapping

from dunflow.config.book import Book
from dunflow.snapshot.files import place_of, read_file
from dunflow.snapshot.pull import Pull, is_over, require_closed
from dunflow.snapshot.sql import read_query


def pull(book: Book, business_date: dt.date, now: dt.datetime, environ: Mapping[str, str]) -> Pull:
    """The rows of `business_date`, read as they are consumed.

    `environ` says where a database is.

    Raises NotClosed, or SourceError that says what was looked for.
    """
    require_closed(book, business_date, now)
    closes_at = book.portfolio.calendar.close_of(business_date)
    if is_over(book, business_date, now):
        return Pull(None, closes_at)
    as_of = closes_at if book.portfolio.source.history == "by_date" else now
    if book.portfolio.source.kind == "sql":
        query = str(book.folder / str(book.portfolio.source.query))
        return Pull(read_query(book, business_date, environ), as_of, query)
    return Pull(read_file(book, business_date), as_of, place_of(book, business_date))
