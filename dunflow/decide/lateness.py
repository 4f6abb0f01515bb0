"""Whether a run is late, and from which moment it looks."""

import datetime as dt

from sqlalchemy import Connection

from dunflow.assess.moment import Moment
from dunflow.config.book import Book
from dunflow.ledger.loads import neighbours


def moment_of(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date, now: dt.datetime
) -> Moment:
    """Judged inside the deciding transaction.

    Late is a run if a newer accepted snapshot is there, or the usual time of the next date's run
    has come.
    """
    calendar = book.portfolio.calendar
    newer = neighbours(conn, portfolio_id, business_date).after
    if newer is None and now < calendar.lives_until(business_date):
        return Moment(now, late=False, day=calendar.local_date(now))
    usual = calendar.usual_time_of(business_date)
    return Moment(usual, late=True, day=calendar.local_date(usual))
