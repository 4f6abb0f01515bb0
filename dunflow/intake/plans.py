"""Repayment plans as they are agreed and cancelled."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from itertools import accumulate

from sqlalchemy import Connection, insert, select, update

from dunflow.clock import months_after
from dunflow.errors import DunflowError
from dunflow.ledger.tables import instalment, plan
from dunflow.money import decimals_of


@dataclass(frozen=True)
class Instalment:
    """To be paid by the end of the day `due_on`."""

    due_on: dt.date
    amount: Decimal


@dataclass(frozen=True)
class Plan:
    """What was agreed for one account. Payments after `agreed_at` count towards it."""

    account_id: int
    currency: str
    instalments: Sequence[Instalment]
    grace_days: int
    agreed_at: dt.datetime
    recorded_by: str
    reason: str | None = None
    ref: str | None = None


def monthly(total: Decimal, currency: str, first: dt.date, times: int) -> list[Instalment]:
    """`total` in `times` equal parts, each month on the day of `first`.

    A month that is too short for the day has its last one, and the next month the day of `first`
    again: 31 January, 28 February, 31 March. What does not divide comes with the last instalment.
    """
    smallest = Decimal(1).scaleb(-decimals_of(currency))
    part = (total / times).quantize(smallest, rounding=ROUND_DOWN)
    amounts = [part] * (times - 1) + [total - part * (times - 1)]
    return [Instalment(months_after(first, n), amount) for n, amount in enumerate(amounts)]


def record_plan(conn: Connection, portfolio_id: int, given: Plan) -> int | None:
    """Keep a plan; its number, or None if its `ref` was taken in before.

    It takes the place of the one that stood for the account. Raises DunflowError where there is
    nothing to pay, or two instalments fall due on one day.
    """
    due = [each.due_on for each in given.instalments]
    if not due or any(each.amount <= 0 for each in given.instalments):
        raise DunflowError("plan: each instalment needs an amount, and there must be one at least")
    if len(set(due)) < len(due):
        raise DunflowError("plan: two instalments fall due on one day; add them together")
    if given.ref is not None and _is_known(conn, portfolio_id, given.ref):
        return None
    cancel_plan(
        conn, portfolio_id, given.account_id, given.agreed_at, given.recorded_by, "a new plan"
    )
    number: int = conn.execute(
        insert(plan)
        .values(
            portfolio_id=portfolio_id,
            account_id=given.account_id,
            currency=given.currency,
            grace_days=given.grace_days,
            agreed_at=given.agreed_at,
            recorded_by=given.recorded_by,
            reason=given.reason,
            plan_ref=given.ref,
        )
        .returning(plan.c.plan_id)
    ).scalar_one()
    ordered = sorted(given.instalments, key=lambda each: each.due_on)
    totals = accumulate(each.amount for each in ordered)
    conn.execute(
        insert(instalment),
        [
            {
                "plan_id": number,
                "due_on": each.due_on,
                "amount": each.amount,
                "total_amount": total,
            }
            for each, total in zip(ordered, totals, strict=True)
        ],
    )
    return number


def cancel_plan(
    conn: Connection,
    portfolio_id: int,
    account_id: int,
    cancelled_at: dt.datetime,
    cancelled_by: str,
    reason: str | None = None,
) -> int:
    """Cancel the plan that stands for the account; how many there were (one or none)."""
    standing = (
        update(plan)
        .where(
            plan.c.portfolio_id == portfolio_id,
            plan.c.account_id == account_id,
            plan.c.cancelled_at.is_(None),
        )
        .values(cancelled_at=cancelled_at, cancelled_by=cancelled_by, cancelled_because=reason)
    )
    return conn.execute(standing).rowcount


def _is_known(conn: Connection, portfolio_id: int, ref: str) -> bool:
    known = select(plan.c.plan_id).where(
        plan.c.portfolio_id == portfolio_id, plan.c.plan_ref == ref
    )
    return conn.execute(known).first() is not None
