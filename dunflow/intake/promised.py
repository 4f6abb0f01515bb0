"""What a reply promises: an amount and a day, where they can be read without guessing."""

import calendar
import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from typing import Final

from dunflow.clock import DAY
from dunflow.intake.plain import normalise

# Whole, with at most two decimals: what "1.500,00" is depends on who writes, so it is left alone.
# Nor are thousands and more that are written as words.
_MORE = r"万|千|百|亿|[kmw]\b|thousand|hundred|million|lakh|grand"
_NUMBER = (
    r"(?<![\d.,])(\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d+(?:\.\d{1,2})?)"
    rf"(?![.,]?\d|\s?(?:{_MORE}))"
)
_NO_MONEY = r"月|号|日|天|周|星期|次|期|个月|/|:|-|\s?(?:st|nd|rd|th|days?|weeks?|months?|times)\b"
_MONTHS: Final = {
    name: number
    for number in range(1, 13)
    for name in (calendar.month_name[number].lower(), calendar.month_abbr[number].lower())
}
_MONTH_NAMES = "|".join(sorted(_MONTHS, key=len, reverse=True))
_AMOUNTS: Final = [
    re.compile(rf"[¥$€£₹]\s?{_NUMBER}"),
    re.compile(
        rf"{_NUMBER}\s?(?:元|块钱?|人民币|rmb|cny|usd|dollars?|bucks|gbp|pounds?|eur|euros?|rs|inr)"
    ),
    re.compile(
        rf"(?:\bpay|还|付|转|缴)(?:款|给你们?|掉|上)?\s?{_NUMBER}(?!{_NO_MONEY}|\s?(?:{_MONTH_NAMES})\b)"
    ),
]
_DAYS: Final = {
    name: number
    for number in range(7)
    for name in (
        calendar.day_name[number].lower(),
        calendar.day_abbr[number].lower(),
        f"周{'一二三四五六日'[number]}",
        f"星期{'一二三四五六日'[number]}",
        f"礼拜{'一二三四五六日'[number]}",
    )
} | {"周天": 6, "星期天": 6, "礼拜天": 6}
_DAY_NAMES = "|".join(sorted(_DAYS, key=len, reverse=True))
_AHEAD: Final = {
    "大后天": 3,
    "后天": 2,
    "明天": 1,
    "明日": 1,
    "今天": 0,
    "今日": 0,
    "今晚": 0,
    "day after tomorrow": 2,
    "tomorrow": 1,
    "today": 0,
    "tonight": 0,
}

_ISO: Final = re.compile(r"\b(20\d\d)[-/.年](\d{1,2})[-/.月](\d{1,2})")
_MONTH_DAY_ZH: Final = re.compile(r"(\d{1,2})月(\d{1,2})(?:号|日)?")
_DAY_MONTH: Final = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTH_NAMES})\b")
_MONTH_DAY: Final = re.compile(rf"\b({_MONTH_NAMES})\.? (\d{{1,2}})(?:st|nd|rd|th)?\b")
_DAY_ONLY: Final = re.compile(r"(?<![\d月])(\d{1,2})(?:号|日(?!内))|\b(\d{1,2})(?:st|nd|rd|th)\b")
_WEEKDAY: Final = re.compile(rf"(下个?|next )?(?<![a-z])({_DAY_NAMES})(?![a-z])")
_NEXT_MONTH: Final = re.compile(r"下个?月(?:(\d{1,2})(?:号|日)|(底|末))|\bend of next month\b")
_MONTH_END: Final = re.compile(r"月底|月末|\bend of (the |this )?month")


def promised_amount(text: str) -> Decimal | None:
    """The one amount that is named; None if there is none, or more than one."""
    plain = normalise(text)
    found = {
        match.start(1): match.group(1).replace(",", "")
        for rule in _AMOUNTS
        for match in rule.finditer(plain)
    }
    amounts = set()
    for each in found.values():
        try:
            amounts.add(Decimal(each))
        except InvalidOperation:
            return None
    return amounts.pop() if len(amounts) == 1 else None


def promised_day(text: str, said_on: dt.date) -> dt.date | None:
    """The day that is named, as seen from the day on which it was said; None if it is unclear.

    A day without its year or month is the next one. A day that is over is no promise.
    """
    plain = normalise(text)
    if "下下" in plain:  # of a week or month after the next: it is seldom clear which
        return None
    day = _exact(plain, said_on) or _relative(plain, said_on)
    return day if day is not None and day >= said_on else None


def _exact(plain: str, said_on: dt.date) -> dt.date | None:
    if match := _ISO.search(plain):
        year, month, day = (int(part) for part in match.groups())
        return _date(year, month, day)
    if match := _MONTH_DAY_ZH.search(plain):
        return _next(said_on, int(match[1]), int(match[2]))
    if match := _DAY_MONTH.search(plain):
        return _next(said_on, _MONTHS[match[2]], int(match[1]))
    if match := _MONTH_DAY.search(plain):
        return _next(said_on, _MONTHS[match[1]], int(match[2]))
    return None


def _relative(plain: str, said_on: dt.date) -> dt.date | None:
    for word, days in _AHEAD.items():
        if word in plain:
            return said_on + days * DAY
    if match := _WEEKDAY.search(plain):
        ahead = (_DAYS[match[2]] - said_on.weekday()) % 7
        if match[1] and match[1].startswith("下"):  # of the week that begins next Monday
            return said_on + (7 - said_on.weekday() + _DAYS[match[2]]) * DAY
        return said_on + (ahead or 7) * DAY
    if match := _NEXT_MONTH.search(plain):
        following = said_on.replace(day=1) + 32 * DAY
        last = calendar.monthrange(following.year, following.month)[1]
        return _date(following.year, following.month, int(match[1] or last))
    if _MONTH_END.search(plain):
        return said_on.replace(day=calendar.monthrange(said_on.year, said_on.month)[1])
    named = {int(of_month or nth) for of_month, nth in _DAY_ONLY.findall(plain)}
    if len(named) != 1:  # such as the one on which wages come beside the one that is promised
        return None
    day = named.pop()
    this = _date(said_on.year, said_on.month, day)
    if this is not None and this >= said_on and "next month" not in plain:
        return this
    following = said_on.replace(day=1) + 32 * DAY
    return _date(following.year, following.month, day)


def _next(said_on: dt.date, month: int, day: int) -> dt.date | None:
    this = _date(said_on.year, month, day)
    if this is None:  # such as 29 February, said in the year before
        return _date(said_on.year + 1, month, day)
    # What lies far behind is meant of the year to come; what has just gone is simply over.
    if (said_on - this).days > 180:
        return _date(said_on.year + 1, month, day)
    return this


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None
