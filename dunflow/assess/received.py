"""Money that came in and stayed: payments less what was taken back of them.

A reversal takes back the latest payment of the same amount before it that nothing has taken back
yet. One that equals none takes from whatever came in last. So it never takes from money that came
after it, nor from other money than it is about: a direct debit that bounces after an agreement was
paid before it as a rule.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Subquery,
    case,
    cast,
    func,
    literal,
    select,
)

from dunflow.ledger.tables import payment


def received(
    which: Sequence[ColumnElement[bool]],
    tables: FromClause = payment,
    each: Sequence[ColumnElement[Any]] = (),
) -> Select[Any]:
    """`account_id, currency, booked_at, payment_id, amount`, and the columns of `each`: payments
    with what is left of them by the rows of `payment` that `which` names, reversals included.

    `which` may be about tables around the query. With `each` of its values is a world of its own.
    """
    p = payment.c
    key = [*[column.name for column in each], "account_id", "currency"]
    back = cast(p.amount < 0, Integer)
    alike = [*each, p.account_id, p.currency, func.abs(p.amount)]
    # Of equal payments and reversals each pair goes up to a level and down from it again.
    level = func.sum(func.sign(p.amount)).over(
        partition_by=alike, order_by=[p.booked_at, back, p.payment_id]
    )
    moved = (
        select(*each, p.account_id, p.currency, p.booked_at, p.payment_id, p.amount)
        .add_columns(back.label("back"), (level + back).label("level"))
        .select_from(tables)
        .where(*which)
        .correlate_except(tables)
        .subquery("moved")
    )
    m = moved.c
    at_level, in_time = [*_named(moved, key), func.abs(m.amount), m.level], _in_time(moved)
    partner = case(
        (m.amount > 0, func.lead(m.payment_id).over(partition_by=at_level, order_by=in_time)),
        else_=func.lag(m.payment_id).over(partition_by=at_level, order_by=in_time),
    )
    single = select(moved, partner.label("partner")).subquery("single")
    so_far = func.sum(single.c.amount).over(
        partition_by=_named(single, key), order_by=_in_time(single)
    )
    summed = (
        select(single, so_far.label("so_far")).where(single.c.partner.is_(None)).subquery("summed")
    )
    s = summed.c
    lowest = func.min(s.so_far).over(
        partition_by=_named(summed, key), order_by=_in_time(summed), rows=(0, None)
    )
    stayed = func.greatest(lowest - (s.so_far - s.amount), literal(0)).label("amount")
    columns = [*_named(summed, key), s.booked_at, s.payment_id]
    left = select(*columns, stayed, s.back).subquery("left")
    return select(*[left.c[name] for name in [*key, "booked_at", "payment_id", "amount"]]).where(
        left.c.back == 0, left.c.amount > 0
    )


def _named(rows: Subquery, names: list[str]) -> list[ColumnElement[Any]]:
    return [rows.c[name] for name in names]


def _in_time(rows: Subquery) -> list[ColumnElement[Any]]:
    """Feeds that know days only book a payment and its reversal at the same instant."""
    return [rows.c.booked_at, rows.c.back, rows.c.payment_id]
