"""Repayment plans: kept or broken by the payments that were really received.

A plan is kept while each instalment whose time is over was paid in time, in parts or at once, early
or on the day; what comes in counts towards the earliest instalment first. One that was broken stays
so until something new is agreed. One that was paid in full is over. No instalment is missed of an
account that was cured before, and is not overdue anew when its time is over.
"""

import datetime as dt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Numeric,
    Select,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)

from dunflow.assess.cures import was_cured, was_overdue
from dunflow.assess.progress import local_day
from dunflow.assess.received import received
from dunflow.config.book import Book
from dunflow.ledger.owners import same_owner
from dunflow.ledger.tables import Instant, instalment, payment, plan


def current_plans(book: Book, portfolio_id: int, at: dt.datetime) -> Select[int]:
    """Accounts with a plan that is being kept at this instant."""
    return (
        select(plan.c.account_id)
        .where(plan.c.portfolio_id == portfolio_id, is_current(book, literal(at, Instant)))
        .distinct()
    )


def is_current(
    book: Book, at: ColumnElement[dt.datetime], known: ColumnElement[bool] | None = None
) -> ColumnElement[bool]:
    """Whether a row of `plan` is being kept at this instant, by the payments that are `known`."""
    return and_(
        plan.c.agreed_at <= at,
        or_(plan.c.cancelled_at.is_(None), plan.c.cancelled_at > at),
        ~_broken(book, at, known),
        ~_paid_up(at, known),
        _goes_on(book, at),
    )


def broken_plans(
    book: Book, portfolio_id: int, business_date: dt.date, at: dt.datetime
) -> Select[Any]:
    """`account_id, times`: how many plans of an account were broken by whose it is now.

    Cancelled or replaced before that, a plan was never broken; afterwards it stays so.
    """
    lived_until = func.least(literal(at, Instant), plan.c.cancelled_at)
    agreed_on = local_day(book, plan.c.agreed_at)
    return (
        select(plan.c.account_id, func.count().label("times"))
        .where(
            plan.c.portfolio_id == portfolio_id,
            plan.c.agreed_at <= at,
            _broken(book, lived_until),
            same_owner(portfolio_id, plan.c.account_id, agreed_on, business_date),
        )
        .group_by(plan.c.account_id)
    )


def plan_states(book: Book, portfolio_id: int, at: dt.datetime) -> Select[Any]:
    """`plan_id, broken, paid_up, paid` of every plan, as of an instant, or of its end before."""
    lived_until = func.least(literal(at, Instant), plan.c.cancelled_at)
    return select(
        plan.c.plan_id,
        _broken(book, lived_until).label("broken"),
        _paid_up(lived_until).label("paid_up"),
        _paid(payment.c.booked_at <= lived_until).label("paid"),
    ).where(plan.c.portfolio_id == portfolio_id, plan.c.agreed_at <= at)


def _broken(
    book: Book, at: ColumnElement[dt.datetime], known: ColumnElement[bool] | None = None
) -> ColumnElement[bool]:
    """An instalment whose time is over was not paid in time, or was taken back since."""
    deadline, account_id = _deadline(book), plan.c.account_id
    # Some cores move the due dates of what is in a plan, and so it leaves the ladder unpaid.
    cured = and_(
        was_cured(book, account_id, plan.c.agreed_at, deadline, at),
        ~was_overdue(book, account_id, deadline),
    )
    return exists().where(
        instalment.c.plan_id == plan.c.plan_id,
        deadline <= at,
        or_(
            _paid(payment.c.booked_at < deadline, known) < instalment.c.total_amount,
            _paid(payment.c.booked_at <= at, known) < instalment.c.total_amount,
        ),
        ~cured,
    )


def _goes_on(book: Book, at: ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    """Whether the time of some instalment is not over."""
    return exists().where(instalment.c.plan_id == plan.c.plan_id, _deadline(book) > at)


def _paid_up(
    at: ColumnElement[dt.datetime], known: ColumnElement[bool] | None = None
) -> ColumnElement[bool]:
    whole = (
        select(func.max(instalment.c.total_amount))
        .where(instalment.c.plan_id == plan.c.plan_id)
        .correlate(plan)
        .scalar_subquery()
    )
    return _paid(payment.c.booked_at <= at, known) >= whole


def _deadline(book: Book) -> ColumnElement[dt.datetime]:
    """The end of an instalment's day plus the grace days, in the portfolio's zone."""
    midnight = instalment.c.due_on + func.make_interval(0, 0, 0, plan.c.grace_days + 1)
    return func.timezone(literal(book.portfolio.time_zone), midnight)


def _paid(
    by_then: ColumnElement[bool], known: ColumnElement[bool] | None = None
) -> ColumnElement[Any]:
    """What was booked on the plan's account after the agreement and had stayed `by_then`."""
    came = received(
        [
            payment.c.account_id == plan.c.account_id,
            payment.c.currency == plan.c.currency,
            by_then,
            true() if known is None else known,
        ]
    ).subquery("came")
    return (
        select(func.coalesce(func.sum(came.c.amount), literal(0, Numeric)))
        .where(came.c.booked_at > plan.c.agreed_at)
        .correlate_except(came)
        .scalar_subquery()
    )
