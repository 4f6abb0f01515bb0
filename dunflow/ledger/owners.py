"""Whose an account is, and in which currency it owes."""

import datetime as dt

from sqlalchemy import ColumnElement, Date, FromClause, ScalarSelect, Select, func, literal, select

from dunflow.clock import DAY
from dunflow.ledger.tables import customer, snapshot


def person_of(person: FromClause) -> ColumnElement[int]:
    """The one id of the person of a row of `customer`: of an id that was merged, the one into which
    it was."""
    return func.coalesce(person.c.merged_into, person.c.customer_id)


def owner_on(
    portfolio_id: int, account_id: ColumnElement[int], on: ColumnElement[dt.date]
) -> ScalarSelect[int]:
    """Whose the account was by the snapshot of a date; NULL where that does not have it."""
    then, person = snapshot.alias("then"), customer.alias("then_owner")
    return (
        select(person_of(person))
        .join_from(then, person, person.c.customer_id == then.c.customer_id)
        .where(
            then.c.portfolio_id == portfolio_id,
            then.c.business_date == on,
            then.c.account_id == account_id,
        )
        .scalar_subquery()
    )


def last_owner(portfolio_id: int, account_id: int | ColumnElement[int]) -> Select[int]:
    """Whose the account is by the newest snapshot that has it: of an id that was merged since, whom
    it was merged into."""
    last, person = snapshot.alias("last"), customer.alias("last_owner")
    return (
        select(person_of(person))
        .join_from(last, person, person.c.customer_id == last.c.customer_id)
        .where(last.c.portfolio_id == portfolio_id, last.c.account_id == account_id)
        .order_by(last.c.business_date.desc())
        .limit(1)
    )


def same_owner(
    portfolio_id: int,
    account_id: ColumnElement[int],
    day: ColumnElement[dt.date],
    business_date: dt.date,
) -> ColumnElement[bool]:
    """Whether the account was on a day whose it is by the snapshot of `business_date`."""
    then = _owner_before(portfolio_id, account_id, day)
    return then == owner_by(portfolio_id, account_id, business_date)


def owner_by(
    portfolio_id: int, account_id: ColumnElement[int], business_date: dt.date
) -> ColumnElement[int]:
    """Whose the account is by the newest snapshot up to that of `business_date` that has it."""
    return _owner_before(portfolio_id, account_id, literal(business_date + DAY, Date))


def _owner_before(
    portfolio_id: int, account_id: ColumnElement[int], day: ColumnElement[dt.date]
) -> ColumnElement[int]:
    """By the newest snapshot of before the day, or else by the first one after."""
    then, person = snapshot.alias("then"), customer.alias("owner_then")
    by_then = (
        select(person_of(person))
        .join_from(then, person, person.c.customer_id == then.c.customer_id)
        .where(then.c.portfolio_id == portfolio_id, then.c.account_id == account_id)
        .limit(1)
        .correlate_except(then, person)
    )
    before = by_then.where(then.c.business_date < day).order_by(then.c.business_date.desc())
    after = by_then.where(then.c.business_date >= day).order_by(then.c.business_date)
    return func.coalesce(before.scalar_subquery(), after.scalar_subquery())


def last_currency(portfolio_id: int, account_id: int | ColumnElement[int]) -> Select[str]:
    """The account's currency by the newest snapshot that has it."""
    last = snapshot.alias("last_owed")
    return (
        select(last.c.currency)
        .where(last.c.portfolio_id == portfolio_id, last.c.account_id == account_id)
        .order_by(last.c.business_date.desc())
        .limit(1)
    )
