"""Where a portfolio's clock stands for what a person does: a replayed one lives in its own time."""

from sqlalchemy import Engine

from dunflow.clock import Clock, DatabaseClock, VirtualClock
from dunflow.config.book import Book
from dunflow.ledger.loads import newest_accepted


def clock_of(engine: Engine, book: Book, portfolio_id: int) -> Clock:
    """The database's clock; of a replayed portfolio one that stands at the usual time of its newest
    date. By the real one a hold would begin long after all that is still to be replayed."""
    if book.portfolio.clock == "replay":
        with engine.connect() as conn:
            newest = newest_accepted(conn, portfolio_id)
        if newest is not None:
            return VirtualClock(book.portfolio.calendar.usual_time_of(newest))
    return DatabaseClock(engine)
