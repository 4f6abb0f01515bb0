"""Promises to pay: pending, kept or broken by the payments that were really received."""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, Numeric, Select, and_, func, literal, or_, select, true

from dunflow.config.book import Book
from dunflow.ledger.tables import Instant, payment, promise


def pending_promises(book: Book, portfolio_id: int, at: dt.datetime) -> Select[int]:
    """Accounts with a promise that is waited for."""
    return (
        select(promise.c.account_id)
        .where(promise.c.portfolio_id == portfolio_id, is_pending(book, at))
        .distinct()
    )


def broken_promises(book: Book, portfolio_id: int, at: dt.datetime) -> Select[Any]:
    """`account_id, times`: how many promises of an account were broken."""
    return (
        select(promise.c.account_id, func.count().label("times"))
        .where(promise.c.portfolio_id == portfolio_id, is_broken(book, at))
        .group_by(promise.c.account_id)
    )


def is_pending(
    book: Book,
    at: dt.datetime | ColumnElement[dt.datetime],
    known: ColumnElement[bool] | None = None,
) -> ColumnElement[bool]:
    """Whether a row of `promise` is not kept, by the payments that are `known`, and its date plus
    grace not over."""
    when = literal(at, Instant) if isinstance(at, dt.datetime) else at
    return and_(
        promise.c.made_at <= when,
        or_(promise.c.cancelled_at.is_(None), promise.c.cancelled_at > when),
        _deadline(book) > when,
        _paid(payment.c.booked_at <= when, known) < promise.c.amount,
    )


def is_broken(book: Book, at: dt.datetime) -> ColumnElement[bool]:
    """Whether its time is over, and it was not paid in time, or what was paid was taken back.

    Cancelled before its time was over, a promise was never broken; afterwards it stays so.
    """
    return and_(
        promise.c.made_at <= at,
        or_(promise.c.cancelled_at.is_(None), promise.c.cancelled_at > _deadline(book)),
        _deadline(book) <= at,
        or_(
            _paid(payment.c.booked_at < _deadline(book)) < promise.c.amount,
            _paid(payment.c.booked_at <= at) < promise.c.amount,
        ),
    )


def _deadline(book: Book) -> ColumnElement[dt.datetime]:
    """The end of the promised day plus the grace days, in the portfolio's zone."""
    days = book.policy.broken_promise_grace_days + 1
    midnight = promise.c.promised_on + func.make_interval(0, 0, 0, days)
    return func.timezone(literal(book.portfolio.time_zone), midnight)


def _paid(
    by_then: ColumnElement[bool], known: ColumnElement[bool] | None = None
) -> ColumnElement[Any]:
    """What was paid on the account after the promise was made and `by_then`."""
    return (
        select(func.coalesce(func.sum(payment.c.amount), literal(0, Numeric)))
        .where(
            and_(
                payment.c.account_id == promise.c.account_id,
                payment.c.currency == promise.c.currency,
                payment.c.booked_at > promise.c.made_at,
                by_then,
                true() if known is None else known,
            )
        )
        .correlate_except(payment)
        .scalar_subquery()
    )
