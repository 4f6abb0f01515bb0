"""Holds: reasons not to contact, with a start and an end."""

import datetime as dt

from sqlalchemy import ColumnElement, and_, literal, or_

from dunflow.ledger.tables import Instant, hold


def is_active(at: dt.datetime | ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    """Whether a row of `hold` is active at an instant: begun, not over, not released before."""
    when = literal(at, Instant) if isinstance(at, dt.datetime) else at
    return and_(
        hold.c.from_at <= when,
        or_(hold.c.until_at.is_(None), hold.c.until_at > when),
        or_(hold.c.released_at.is_(None), hold.c.released_at > when),
    )
