"""When a run looks."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """When a run looks: the instant, whether it is late, and the portfolio's calendar day of it."""

    at: dt.datetime
    late: bool
    day: dt.date
