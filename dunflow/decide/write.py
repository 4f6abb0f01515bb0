"""Writes the decision rows of a date, for the first time or again."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    Connection,
    and_,
    column,
    delete,
    exists,
    insert,
    literal,
    select,
    table,
)

from dunflow.decide.rows import Scope
from dunflow.ledger import partitions
from dunflow.ledger.scratch import keep
from dunflow.ledger.tables import decision, decision_replaced

_COLUMNS = [column.name for column in decision.columns]


def write_first(conn: Connection, scope: Scope, rows: CompoundSelect[Any]) -> None:
    """Fill the date's partition before it is indexed: a third of the price."""
    partitions.fill(conn, decision, scope.portfolio_id, scope.business_date, rows)
    partitions.attach(conn, decision, scope.portfolio_id, scope.business_date)


def write_again(
    conn: Connection, scope: Scope, rows: CompoundSelect[Any], *, replace: bool
) -> None:
    """Add what is missing; with `replace`, also replace what differs and is not `bound`."""
    named = rows.subquery("fresh_rows")
    fresh = keep(
        conn,
        "fresh",
        select(*[each.label(name) for each, name in zip(named.c, _COLUMNS, strict=True)]),
        index="account_id",
    )
    here = and_(
        decision.c.portfolio_id == scope.portfolio_id,
        decision.c.business_date == scope.business_date,
    )
    bound = table("bound", column("account_id", BigInteger))
    stands = exists().where(bound.c.account_id == decision.c.account_id)
    if replace:
        told = ("action", "reason", "tier", "step", "dpd", "overdue_amount", "currency", "channel")
        same = exists().where(
            fresh.c.account_id == decision.c.account_id,
            *[fresh.c[name].is_not_distinct_from(decision.c[name]) for name in told],
        )
        goes = select(decision.c.account_id).where(here, ~stands, ~same)
        gone = keep(conn, "gone", goes, index="account_id")
        replaced = here & decision.c.account_id.in_(select(gone.c.account_id))
        conn.execute(
            insert(decision_replaced).from_select(
                [*_COLUMNS, "replaced_by_run_id"],
                select(*decision.columns, literal(scope.run_id)).where(replaced),
            )
        )
        conn.execute(delete(decision).where(replaced))
    there = exists().where(here, decision.c.account_id == fresh.c.account_id)
    conn.execute(insert(decision).from_select(_COLUMNS, select(*fresh.c).where(~there)))
