"""Where a portfolio's clock stands for what a person does: a replayed one lives in its own time."""

import datetime as dt

from sqlalchemy import Engine, func, select

from dunflow.clock import Clock, DatabaseClock, VirtualClock
from dunflow.config.book import Book
from dunflow.errors import ConfigError
from dunflow.ledger.loads import newest_accepted
from dunflow.ledger.tables import contact

_AFTER = dt.timedelta(seconds=1)


def set_clock(book: Book, now: dt.datetime) -> VirtualClock:
    """A clock that stands at `now`, which is meant in the portfolio's zone if it has no offset.

    Raises ConfigError for a portfolio whose senders reach real people.
    """
    if not book.portfolio.senders.all_sandbox:
        raise ConfigError(
            f"{book.name}: the clock can be set only where every sender has provider sandbox; "
            "leave --now out, or try it on a copy of the portfolio"
        )
    aware = now if now.tzinfo else now.replace(tzinfo=book.portfolio.zone)
    return VirtualClock(aware.astimezone(dt.UTC))


def clock_of(
    engine: Engine, book: Book, portfolio_id: int, now: dt.datetime | None = None
) -> Clock:
    """One that stands at `now`, if that is given. Else the database's; of a replayed portfolio one
    that stands at the usual time of its newest date, or right after the last contact of it that was
    played.

    By the real one a hold would begin long after all that is still to be replayed; from the usual
    time on it would forbid what has gone out already.
    """
    if now is not None:
        return set_clock(book, now)
    if book.portfolio.clock == "replay":
        last_claim = select(func.max(contact.c.claimed_at)).where(
            contact.c.portfolio_id == portfolio_id
        )
        with engine.connect() as conn:
            newest = newest_accepted(conn, portfolio_id)
            played: dt.datetime | None = conn.execute(last_claim).scalar()
        if newest is not None:
            usual = book.portfolio.calendar.usual_time_of(newest)
            return VirtualClock(max(usual, played + _AFTER) if played else usual)
    return DatabaseClock(engine)
