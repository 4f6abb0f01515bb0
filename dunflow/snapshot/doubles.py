"""Rows that speak about one account: identical ones count once, contradicting ones not at all."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    delete,
    distinct,
    func,
    insert,
    literal,
    select,
    true,
)

from dunflow.ledger.scratch import keep
from dunflow.snapshot.stage import Stage

CONTRADICTION = "stands with different facts on another line"
SIBLING = "another row of this account can't be read"


def settle_doubles(conn: Connection, stage: Stage) -> None:
    """Leave one row of those that are identical, and reject those that contradict each other."""
    incoming = stage.incoming
    twice = keep(
        conn,
        "twice",
        select(incoming.c.account).group_by(incoming.c.account).having(func.count() > 1),
    )
    _drop_identical(conn, stage, select(twice.c.account))
    still = (
        select(incoming.c.account)
        .where(incoming.c.account.in_(select(twice.c.account)))
        .group_by(incoming.c.account)
        .having(func.count() > 1)
    )
    _reject(conn, stage, incoming.c.account.in_(still), CONTRADICTION)


def drop_unclear(conn: Connection, stage: Stage) -> None:
    """Leave nothing of an account of which any row was rejected."""
    incoming, rejected = stage.incoming, stage.rejected
    unclear = select(rejected.c.account).where(
        rejected.c.rejects_account, rejected.c.account.is_not(None)
    )
    _reject(conn, stage, incoming.c.account.in_(unclear), SIBLING)
    conn.execute(delete(incoming).where(incoming.c.account.in_(unclear)))


def rejected_rows(stage: Stage) -> Select[int]:
    """How many rows of the source were rejected."""
    rejected = stage.rejected
    return select(func.count(distinct(rejected.c.line))).where(rejected.c.rejects_account)


def _drop_identical(conn: Connection, stage: Stage, accounts: Select[tuple[str]]) -> None:
    incoming = stage.incoming
    facts = [column for column in incoming.c if column.name != "line"]
    nth = func.row_number().over(partition_by=facts, order_by=incoming.c.line).label("nth")
    numbered = select(incoming.c.line, nth).where(incoming.c.account.in_(accounts)).subquery()
    repeated = select(numbered.c.line).where(numbered.c.nth > 1)
    conn.execute(delete(incoming).where(incoming.c.line.in_(repeated)))


def _reject(conn: Connection, stage: Stage, which: ColumnElement[bool], reason: str) -> None:
    """Note the rows of `which` that are not rejected already; the value itself is not at fault."""
    incoming, rejected = stage.incoming, stage.rejected
    noted = select(rejected.c.line).where(rejected.c.rejects_account)
    rows: Select[Any] = select(
        incoming.c.line,
        literal(stage.layout.header_of("account"), Text),
        literal("text", Text),
        literal(reason, Text),
        incoming.c.account,
        true(),
    ).where(which, incoming.c.line.not_in(noted))
    conn.execute(insert(rejected).from_select([column.name for column in rejected.c], rows))
