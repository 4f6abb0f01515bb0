"""How long something is kept: days, months or years."""

import datetime as dt
import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

from dunflow.clock import DAY, months_after


def _period(value: str) -> str:
    if not re.fullmatch(r"P[1-9]\d{0,3}[DMY]", value):
        raise ValueError(f"is {value!r}; write days, months or years like P90D, P18M or P5Y")
    return value


Period = Annotated[str, AfterValidator(_period)]

_ANY_DAY = dt.date(2001, 1, 1)


def later(day: dt.date, period: str) -> dt.date:
    """The day that comes so long after `day`: a month after 31 January is the end of February."""
    return _moved(day, period, 1)


def earlier(day: dt.date, period: str) -> dt.date:
    """The day that comes so long before `day`."""
    return _moved(day, period, -1)


def longest(periods: Iterable[str]) -> str | None:
    """The longest of them; None where there is none."""
    return max(periods, key=_days, default=None)


def shortest(periods: Iterable[str]) -> str | None:
    """The shortest of them; None where there is none."""
    return min(periods, key=_days, default=None)


def is_shorter(one: str, other: str) -> bool:
    return _days(one) < _days(other)


def _days(period: str) -> int:
    return (later(_ANY_DAY, period) - _ANY_DAY).days


def _moved(day: dt.date, period: str, sign: int) -> dt.date:
    count = sign * int(period[1:-1])
    match period[-1]:
        case "D":
            return day + count * DAY
        case "M":
            return months_after(day, count)
        case _:
            return months_after(day, 12 * count)
