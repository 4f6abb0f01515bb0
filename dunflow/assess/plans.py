"""Repayment plans: kept or broken by the payments that were really received.

A plan is kept while each instalment whose time is over was paid in time, in parts or at once, early
or on the day; what comes in counts towards the earliest instalment first. One that was broken stays
so until something new is agreed. One that was paid in full is over.
"""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, Numeric, Select, and_, exists, func, literal, or_, select

from dunflow.config.book import Book
from dunflow.ledger.tables import Instant, instalment, payment, plan


def current_plans(book: Book, portfolio_id: int, at: dt.datetime) -> Select[int]:
    """Accounts with a plan that is being kept at this instant."""
    return (
        select(plan.c.account_id)
        .where(plan.c.portfolio_id == portfolio_id, is_current(book, literal(at, Instant)))
        .distinct()
    )


def is_current(book: Book, at: ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    """Whether a row of `plan` is being kept at this instant."""
    return and_(
        plan.c.agreed_at <= at,
        or_(plan.c.cancelled_at.is_(None), plan.c.cancelled_at > at),
        ~_broken(book, at),
        ~_paid_up(at),
    )


def plan_states(book: Book, portfolio_id: int, at: dt.datetime) -> Select[Any]:
    """`plan_id, broken, paid_up, paid` of every plan, as of an instant."""
    return select(
        plan.c.plan_id,
        _broken(book, literal(at, Instant)).label("broken"),
        _paid_up(literal(at, Instant)).label("paid_up"),
        _paid_until(literal(at, Instant)).label("paid"),
    ).where(plan.c.portfolio_id == portfolio_id, plan.c.agreed_at <= at)


def _broken(book: Book, at: ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    deadline = _deadline(book)
    return exists().where(
        instalment.c.plan_id == plan.c.plan_id,
        deadline <= at,
        _paid_until(deadline) < instalment.c.total_amount,
    )


def _paid_up(at: ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    whole = (
        select(func.max(instalment.c.total_amount))
        .where(instalment.c.plan_id == plan.c.plan_id)
        .correlate(plan)
        .scalar_subquery()
    )
    return _paid_until(at) >= whole


def _deadline(book: Book) -> ColumnElement[dt.datetime]:
    """The end of an instalment's day plus the grace days, in the portfolio's zone."""
    midnight = instalment.c.due_on + func.make_interval(0, 0, 0, plan.c.grace_days + 1)
    return func.timezone(literal(book.portfolio.time_zone), midnight)


def _paid_until(until: ColumnElement[dt.datetime]) -> ColumnElement[Any]:
    """What was booked on the plan's account after the agreement and up to `until`."""
    return (
        select(func.coalesce(func.sum(payment.c.amount), literal(0, Numeric)))
        .where(
            payment.c.account_id == plan.c.account_id,
            payment.c.currency == plan.c.currency,
            payment.c.booked_at > plan.c.agreed_at,
            payment.c.booked_at <= until,
        )
        .correlate_except(payment)
        .scalar_subquery()
    )
