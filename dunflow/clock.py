"""Time is an argument: the one place where it is read, and the calendar of a portfolio."""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import Engine, text

DAY = timedelta(days=1)

NO_END = date(9999, 1, 1)
"""Programs write "never" as a last day of this year; its end is no instant in some zones."""


@cache
def time_zones() -> frozenset[str]:
    """The IANA zones of this machine. Looked up once: each time walks through a thousand files."""
    return frozenset(available_timezones())


def months_after(day: date, months: int) -> date:
    """The same day of a later month (an earlier one, if negative), or its last if it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


class Clock(Protocol):
    """Whatever tells the time. All instants are aware and in UTC."""

    def now(self) -> datetime: ...


@dataclass(frozen=True)
class DatabaseClock:
    """The ledger's own time, so that the leases of several machines agree."""

    engine: Engine

    def now(self) -> datetime:
        with self.engine.connect() as conn:
            instant: datetime = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
            return instant.astimezone(UTC)


@dataclass
class VirtualClock:
    """A clock that stands still until it is moved: replay, scenarios, tests."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant

    def move_to(self, instant: datetime) -> None:
        """Move forward to `instant`; an instant already past leaves the clock as it is."""
        self.instant = max(self.instant, instant.astimezone(UTC))


@dataclass(frozen=True)
class BusinessCalendar:
    """The instants of a portfolio's business dates.

    A wall time that the clocks jump over is read by the clocks of before, so half past two is half
    past three; one that exists twice is the first of the two.
    """

    zone: ZoneInfo
    run_at: time

    def close_of(self, business_date: date) -> datetime:
        """The midnight (UTC instant) with which `business_date` ends in the portfolio's zone."""
        return self._at(business_date + DAY, time(0))

    def start_of(self, day: date) -> datetime:
        """The midnight (UTC instant) with which `day` begins in the portfolio's zone."""
        return self._at(day, time(0))

    def end_after(self, last: date | None) -> datetime | None:
        """When it ends whose last day is `last`; never without one, or if that means "never"."""
        return None if last is None or last >= NO_END else self.close_of(last)

    def usual_time_of(self, business_date: date) -> datetime:
        """When the run of `business_date` usually starts: `run_at` on the day after it."""
        return self._at(business_date + DAY, self.run_at)

    def lives_until(self, business_date: date) -> datetime:
        """When the contacts of `business_date` end: the usual time of the next date's run."""
        return self.usual_time_of(business_date + DAY)

    def local_date(self, instant: datetime) -> date:
        """The calendar date that `instant` falls on in the portfolio's zone."""
        return instant.astimezone(self.zone).date()

    def newest_closed(self, now: datetime) -> date:
        """The latest business date that has closed by `now`."""
        return self.local_date(now) - DAY

    def _at(self, day: date, wall: time) -> datetime:
        return datetime.combine(day, wall, tzinfo=self.zone).astimezone(UTC)
