"""Repayment plans as they are agreed and cancelled."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from itertools import accumulate
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    TableClause,
    Text,
    and_,
    case,
    cast,
    distinct,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)

from dunflow.clock import BusinessCalendar, months_after
from dunflow.errors import DunflowError
from dunflow.intake.given import Given
from dunflow.intake.payments import OTHERWISE
from dunflow.intake.rules import CONTRADICTED
from dunflow.ledger.scratch import keep
from dunflow.ledger.tables import Instant, instalment, plan
from dunflow.money import decimals_of, require_payable

REPLACED: Final = "a new plan"
FOR_EVER: Final = literal("infinity", Text).cast(Instant)


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


def record_plan(
    conn: Connection, portfolio_id: int, calendar: BusinessCalendar, given: Plan
) -> int | None:
    """Keep a plan; its number, or None if its `ref` was taken in before.

    It takes the place of the one that stood for the account. Raises DunflowError for an amount
    that nobody can pay, for two instalments on one day, and for one that was over when the plan was
    agreed: what is paid before counts for no plan, so nobody could keep it.
    """
    due = [each.due_on for each in given.instalments]
    if not due:
        raise DunflowError("plan: there must be one instalment at least")
    for each in given.instalments:
        require_payable("plan", each.amount, given.currency)
    if min(due) < calendar.local_date(given.agreed_at):
        raise DunflowError(
            f"plan: the instalment of {min(due)} was over when it was agreed; leave out what was "
            "paid already, and give days to come"
        )
    if len(set(due)) < len(due):
        raise DunflowError("plan: two instalments fall due on one day; add them together")
    if given.ref is not None and _is_known(conn, portfolio_id, given.ref):
        return None
    cancel_plan(conn, portfolio_id, given.account_id, given.agreed_at, given.recorded_by, REPLACED)
    number: int = conn.execute(
        insert(plan)
        .values(
            portfolio_id=portfolio_id,
            account_id=given.account_id,
            currency=given.currency,
            grace_days=given.grace_days,
            agreed_at=given.agreed_at,
            recorded_at=given.agreed_at,
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


def take_plans(given: Given) -> int:
    """Keep plans whose instalments are rows with one `ref`; how many rows were of new plans.

    Of an account's plans the one that was agreed last stands, in whatever order they come: each of
    the others ends where the next one begins.
    """
    r, conn = given.rows.c, given.conn
    this_one = and_(plan.c.portfolio_id == given.portfolio_id, plan.c.plan_ref == r.ref)
    known = exists().where(this_one)
    ended = and_(this_one, r.cancelled_at < func.coalesce(plan.c.cancelled_at, FOR_EVER))
    conn.execute(
        update(plan)
        .where(ended)
        .values(cancelled_at=r.cancelled_at, cancelled_by=given.by, cancelled_because=r.reason)
    )
    # Only here is it known what a row means that names no currency.
    several = func.min(r.currency) != func.max(r.currency)
    muddled = select(r.ref).group_by(r.ref).having(several)
    given.reject(r.ref.in_(muddled), "ref", CONTRADICTED)
    new = keep(
        conn,
        "new_plan",
        select(
            r.ref,
            r.account,
            r.currency,
            func.bool_and(r.currency_told).label("currency_told"),
            r.agreed_at,
            func.min(r.cancelled_at).label("cancelled_at"),
            func.coalesce(func.max(r.grace_days), 0).label("grace_days"),
            func.max(r.reason).label("reason"),
        )
        .where(~known, r.ref.not_in(muddled))
        .group_by(r.ref, r.account, r.currency, r.agreed_at),
    )
    _order(given, new)
    parts = _instalments(given, new)
    same = exists().where(
        this_one,
        instalment.c.plan_id == plan.c.plan_id,
        instalment.c.due_on == r.due_on,
        instalment.c.amount == r.amount,
        plan.c.account_id == r.account,
        plan.c.agreed_at == r.agreed_at,
        plan.c.currency == func.coalesce(r.said_currency, plan.c.currency),
    )
    given.reject(or_(~same, r.ref.in_(_other_wholes(given))), "ref", OTHERWISE)
    return parts


def _other_wholes(given: Given) -> Select[str]:
    """Plans that have fewer instalments than before, or other days of grace."""
    r = given.rows.c
    told = (
        select(
            r.ref,
            func.count(distinct(r.due_on)).label("parts"),
            func.coalesce(func.max(r.grace_days), 0).label("grace_days"),
        )
        .group_by(r.ref)
        .subquery("told")
    )
    parts = select(func.count()).where(instalment.c.plan_id == plan.c.plan_id).scalar_subquery()
    return (
        select(told.c.ref)
        .join(plan, plan.c.plan_ref == told.c.ref)
        .where(
            plan.c.portfolio_id == given.portfolio_id,
            or_(plan.c.grace_days != told.c.grace_days, parts != told.c.parts),
        )
    )


def _order(given: Given, new: TableClause) -> None:
    """Write the new plans. Each ends at the latest where the account's next one was agreed."""
    p, n, conn = plan.c, new.c, given.conn
    there = select(p.account_id, p.agreed_at, p.plan_ref.label("ref"), p.plan_id).where(
        p.account_id.in_(select(n.account))
    )
    fresh = select(n.account, n.agreed_at, n.ref, cast(null(), BigInteger))
    both = union_all(there, fresh).subquery("both").c
    following = func.lead(both.agreed_at).over(
        partition_by=both.account_id, order_by=[both.agreed_at, both.ref.nulls_first()]
    )
    order = keep(conn, "plan_order", select(*both, following.label("next_at")))
    sooner = order.c.next_at < func.coalesce(p.cancelled_at, FOR_EVER)
    replaced = {"cancelled_by": given.by, "cancelled_because": REPLACED}
    conn.execute(
        update(plan)
        .where(p.plan_id == order.c.plan_id, sooner)
        .values(cancelled_at=order.c.next_at, **replaced)
    )
    ends = func.least(n.cancelled_at, order.c.next_at)
    columns: dict[str, ColumnElement[Any]] = {
        "portfolio_id": given.portfolio,
        "account_id": n.account,
        "currency": n.currency,
        "currency_told": n.currency_told,
        "grace_days": n.grace_days,
        "agreed_at": n.agreed_at,
        "recorded_at": literal(given.now),
        "recorded_by": literal(given.by),
        "reason": n.reason,
        "plan_ref": n.ref,
        "cancelled_at": ends,
        "cancelled_by": case((ends.is_not(None), literal(given.by))),
        "cancelled_because": case((ends == order.c.next_at, literal(REPLACED)), else_=n.reason),
    }
    mine = and_(order.c.ref == n.ref, order.c.plan_id.is_(None))
    rows = select(*columns.values()).join_from(new, order, mine)
    conn.execute(insert(plan).from_select(list(columns), rows))


def _instalments(given: Given, new: TableClause) -> int:
    r = given.rows.c
    part = (
        select(plan.c.plan_id, r.due_on, r.amount)
        .join_from(given.rows, new, new.c.ref == r.ref)
        .join(plan, and_(plan.c.portfolio_id == given.portfolio_id, plan.c.plan_ref == r.ref))
        .distinct()
        .subquery("part")
    )
    total = func.sum(part.c.amount).over(partition_by=part.c.plan_id, order_by=part.c.due_on)
    rows = select(part.c.plan_id, part.c.due_on, part.c.amount, total)
    names = ["plan_id", "due_on", "amount", "total_amount"]
    written = insert(instalment).from_select(names, rows)
    return given.conn.execute(written.execution_options(preserve_rowcount=True)).rowcount


def _is_known(conn: Connection, portfolio_id: int, ref: str) -> bool:
    known = select(plan.c.plan_id).where(
        plan.c.portfolio_id == portfolio_id, plan.c.plan_ref == ref
    )
    return conn.execute(known).first() is not None
