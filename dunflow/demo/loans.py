"""Made-up instalment loans, and how their customers pay them."""

import calendar
import datetime as dt
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
CENT = Decimal("0.01")
YOUNGEST_DAYS, OLDEST_DAYS = 36, 700

_PRODUCTS = ("cash", "phone", "appliance", "training")
_TERMS = (12, 15, 18, 24)
_PRINCIPALS = (1200, 2000, 3000, 4800, 6000, 8000, 12000, 20000, 36000)
_MONTHLY_FEES = (Decimal("0.006"), Decimal("0.009"), Decimal("0.012"))


class Loan(NamedTuple):
    """One row of the core's `loan` table."""

    loan_id: str
    customer_id: str
    product: str
    principal: Decimal
    currency: str
    disbursed_on: dt.date


class Instalment(NamedTuple):
    """One row of the core's `instalment` table."""

    loan_id: str
    number: int
    due_on: dt.date
    amount: Decimal


class Repayment(NamedTuple):
    """One row of the core's `repayment` table; it pays the oldest instalments first."""

    loan_id: str
    booked_at: dt.datetime
    amount: Decimal


def make_loan(number: int, customer_id: str, last: dt.date, draw: Random) -> Loan:
    disbursed_on = last - dt.timedelta(days=draw.randint(YOUNGEST_DAYS, OLDEST_DAYS))
    return Loan(
        loan_id=f"SR{disbursed_on:%y%m}{number:05d}",
        customer_id=customer_id,
        product=draw.choices(_PRODUCTS, weights=(5, 3, 2, 1))[0],
        principal=Decimal(draw.choices(_PRINCIPALS, weights=(2, 4, 6, 5, 5, 4, 3, 2, 1))[0]),
        currency="CNY",
        disbursed_on=disbursed_on,
    )


def make_schedule(loan: Loan, draw: Random) -> list[Instalment]:
    """Equal monthly instalments, on the day of the month on which the loan was paid out."""
    term = draw.choice(_TERMS)
    whole = loan.principal * (1 + draw.choice(_MONTHLY_FEES) * term)
    amount = (whole / term).quantize(CENT, ROUND_HALF_UP)
    return [
        Instalment(loan.loan_id, number, _months_after(loan.disbursed_on, number), amount)
        for number in range(1, term + 1)
    ]


def _months_after(day: dt.date, months: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    length = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(day.day, length))


def pay(schedule: list[Instalment], last: dt.date, draw: Random) -> list[Repayment]:
    """What is booked up to the end of day `last`, by one of four ways of paying."""
    ways = (_tardy, _wobbly, _sinking, partial(_silent, last=last))
    [way] = draw.choices(ways, weights=(46, 27, 16, 11))
    booked = [
        Repayment(schedule[0].loan_id, _in_the_day(day, draw), amount)
        for day, amount in way(schedule, draw)
        if day <= last
    ]
    return sorted(booked, key=lambda repayment: repayment.booked_at)


Payments = Iterator[tuple[dt.date, Decimal]]


def _tardy(schedule: list[Instalment], draw: Random) -> Payments:
    """In time or a few days late, and whole."""
    for instalment in schedule:
        [(soonest, latest)] = draw.choices(((-2, 0), (1, 3), (4, 9), (10, 18)), (35, 38, 21, 6))
        yield instalment.due_on + _days(draw, soonest, latest), instalment.amount


def _wobbly(schedule: list[Instalment], draw: Random) -> Payments:
    """Weeks late now and then, often in two parts, and up to date again in between."""
    for instalment in schedule:
        [(soonest, latest)] = draw.choices(((-1, 0), (2, 12), (13, 35), (36, 65)), (25, 42, 25, 8))
        day = instalment.due_on + _days(draw, soonest, latest)
        part = Decimal(0)
        if draw.random() < 0.25:
            part = (instalment.amount * draw.randint(30, 70) / 100).quantize(CENT)
            yield day, part
            day += _days(draw, 4, 25)
        yield day, instalment.amount - part


def _sinking(schedule: list[Instalment], draw: Random) -> Payments:
    """Each instalment later than the one before, through 30, 60 and 90 days; a few catch up."""
    behind = 0
    for instalment in schedule:
        behind += draw.randint(2, 22)
        if draw.random() < 0.12:
            behind = 0
        yield instalment.due_on + dt.timedelta(days=behind), instalment.amount


def _silent(schedule: list[Instalment], draw: Random, last: dt.date) -> Payments:
    """Nothing more from some day on; a third then pay all arrears at once."""
    stops_on = last - _days(draw, 10, 270)
    back_on = stops_on + _days(draw, 45, 140) if draw.random() < 0.33 else None
    for instalment in schedule:
        if instalment.due_on < stops_on:
            yield instalment.due_on + _days(draw, 0, 4), instalment.amount
        elif back_on is not None:
            yield max(back_on, instalment.due_on), instalment.amount


def _days(draw: Random, least: int, most: int) -> dt.timedelta:
    return dt.timedelta(days=draw.randint(least, most))


def _in_the_day(day: dt.date, draw: Random) -> dt.datetime:
    second = draw.randint(7 * 3600, 23 * 3600)
    return dt.datetime.combine(day, dt.time(), ZONE) + dt.timedelta(seconds=second)
