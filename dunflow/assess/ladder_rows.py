"""Who is on the ladder on a date, by what the snapshot of that date says."""

import datetime as dt
from decimal import Decimal

from sqlalchemy import ColumnElement, Date, Integer, Numeric, Select, case, cast, literal, select
from sqlalchemy import type_coerce as coerce

from dunflow.config.policy import Policy
from dunflow.ledger.tables import quarantine, snapshot


def days_past_due(business_date: dt.date, due_on: ColumnElement[dt.date]) -> ColumnElement[int]:
    """DPD, in days: due yesterday is 1, due today 0."""
    return coerce(cast(literal(business_date), Date) - due_on, Integer)


def settled_at(policy: Policy, currency: ColumnElement[str]) -> ColumnElement[Decimal]:
    """The amount at or below which an account of that currency counts as settled."""
    if not policy.settle_below:
        return literal(Decimal(0), Numeric)
    return case(
        *[
            (currency == name, literal(amount, Numeric))
            for name, amount in policy.settle_below.items()
        ],
        else_=literal(Decimal(0), Numeric),
    )


def on_ladder(policy: Policy, portfolio_id: int, business_date: dt.date) -> Select[int, dt.date]:
    """`account_id, due_on` of every account that is on the ladder on that date."""
    return select(snapshot.c.account_id, snapshot.c.due_on).where(
        snapshot.c.portfolio_id == portfolio_id,
        snapshot.c.business_date == business_date,
        days_past_due(business_date, snapshot.c.due_on) >= policy.ladder_from_dpd,
        snapshot.c.overdue_amount > settled_at(policy, snapshot.c.currency),
    )


def unknown_on(portfolio_id: int, business_date: dt.date) -> Select[int]:
    """`account_id` of every account whose row of that date could not be read."""
    return (
        select(quarantine.c.account_id)
        .where(
            quarantine.c.portfolio_id == portfolio_id,
            quarantine.c.business_date == business_date,
            quarantine.c.rejects_account,
            quarantine.c.account_id.is_not(None),
        )
        .distinct()
    )
