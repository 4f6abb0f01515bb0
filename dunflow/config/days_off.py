"""Public holidays of a region, by the `holidays` library, and the weekends that belong to them."""

import datetime as dt
from functools import cache

import holidays

from dunflow.clock import DAY


def has_calendar(region: str) -> bool:
    """Whether the library knows the holidays of this country."""
    return region in holidays.list_supported_countries()


def is_day_off(region: str, day: dt.date) -> bool:
    """Whether it is a public holiday anywhere in the region, or of a weekend that meets one.

    Where in their country somebody lives is not known well enough, so each part's holidays count
    for all. Weekends are taken in since a holiday may: the notices of China's State Council count
    those beside a festival to it, and the library lists only days off in place of working days.
    """
    return _meets_holiday(region, day, -DAY) or _meets_holiday(region, day, DAY)


def _meets_holiday(region: str, day: dt.date, step: dt.timedelta) -> bool:
    """Whether it is a holiday, or one comes next in this direction after nothing but weekend."""
    while day not in _holidays_of(region, day.year):
        if day.weekday() not in _weekend_of(region):
            return False
        day += step
    return True


@cache
def _holidays_of(region: str, year: int) -> frozenset[dt.date]:
    whole = holidays.country_holidays(region, years=year)
    parts = [
        holidays.country_holidays(region, subdiv=part, years=year) for part in whole.subdivisions
    ]
    return frozenset(day for each in (whole, *parts) for day in each)


@cache
def _weekend_of(region: str) -> frozenset[int]:
    return frozenset(holidays.country_holidays(region).weekend)
