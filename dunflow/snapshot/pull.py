"""What a source hands over for one business date, and when it may be asked for it."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dunflow.clock import DAY
from dunflow.config.book import Book
from dunflow.errors import NotClosed

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Pull:
    """The rows of one business date, frame by frame, each to be read once.

    `frames` is None where the source can't show the date any more: it keeps no history, and the
    next date has closed. `where` they come from, for whoever has to mend something there.
    """

    frames: "Iterator[pd.DataFrame] | None"
    as_of: dt.datetime
    where: str = "the rows delivered"


def require_closed(book: Book, business_date: dt.date, now: dt.datetime) -> None:
    """Raise NotClosed if `business_date` still goes on in the portfolio's zone."""
    closes_at = book.portfolio.calendar.close_of(business_date)
    if now < closes_at:
        raise NotClosed(
            f"{book.name}: {business_date} has not closed: it ends at {closes_at:%Y-%m-%d %H:%M} "
            f"UTC ({book.portfolio.time_zone}), it is {now:%Y-%m-%d %H:%M} UTC. Take "
            f"{book.portfolio.calendar.newest_closed(now)} or an earlier date"
        )


def is_over(book: Book, business_date: dt.date, now: dt.datetime) -> bool:
    """Whether a source without history shows a later date by now."""
    if book.portfolio.source.history == "by_date":
        return False
    return now >= book.portfolio.calendar.close_of(business_date + DAY)
