"""When a run looks, and which episodes it then sees."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_

from dunflow.ledger.tables import episode


@dataclass(frozen=True)
class Moment:
    """When a run looks: the instant, whether it is late, and the portfolio's calendar day of it."""

    at: dt.datetime
    late: bool
    day: dt.date


def is_present(business_date: dt.date, moment: Moment) -> ColumnElement[bool]:
    """Whether a row of `episode` is its account's episode at the moment."""
    if not moment.late:
        return episode.c.ended_on.is_(None)
    return and_(
        episode.c.started_on <= business_date,
        or_(episode.c.ended_on.is_(None), episode.c.ended_on > business_date),
    )
