"""The rows of a business date: numbers for accounts, the snapshot's partition, the quarantine."""

import datetime as dt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Select,
    SmallInteger,
    Text,
    and_,
    cast,
    column,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    null,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from dunflow.config.book import Book
from dunflow.ledger import partitions
from dunflow.ledger.tables import account, customer, quarantine, snapshot
from dunflow.snapshot.cells import NUMBER
from dunflow.snapshot.stage import Stage

# So many new accounts change what the planner should think of the table.
_MANY = 20_000


def number_accounts(conn: Connection, portfolio_id: int, stage: Stage) -> None:
    """Give a number to each account that has none, also to those whose row was rejected."""
    added = 0
    for source in (stage.incoming, stage.rejected):
        known = exists().where(
            account.c.portfolio_id == portfolio_id, account.c.account_ref == source.c.account
        )
        new = select(literal(portfolio_id, SmallInteger), source.c.account).where(
            source.c.account.is_not(None), ~known
        )
        if source is stage.rejected:  # several cells of one row
            new = new.distinct()
        unseen = insert(account).from_select(["portfolio_id", "account_ref"], new)
        added += conn.execute(unseen.execution_options(preserve_rowcount=True)).rowcount
    if added > _MANY:
        conn.execute(text("ANALYZE account"))


def fill_snapshot(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date, stage: Stage
) -> None:
    """Replace the rows of the date with those of `incoming`."""
    rows = _snapshot_rows(book, portfolio_id, business_date, stage)
    names = [column.name for column in snapshot.columns]
    if partitions.exists(conn, snapshot, portfolio_id, business_date):
        of_date = and_(
            snapshot.c.portfolio_id == portfolio_id, snapshot.c.business_date == business_date
        )
        conn.execute(delete(snapshot).where(of_date))
        conn.execute(insert(snapshot).from_select(names, rows))
        return
    fresh = partitions.create(conn, snapshot, portfolio_id, business_date)
    conn.execute(insert(table(fresh, *map(column, names))).from_select(names, rows))
    partitions.attach(conn, snapshot, portfolio_id, business_date)


def _snapshot_rows(
    book: Book, portfolio_id: int, business_date: dt.date, stage: Stage
) -> Select[Any]:
    """The rows of `incoming` under the ledger's numbers, in the order of `snapshot`'s columns."""
    i = stage.incoming.c
    return (
        select(
            literal(portfolio_id, SmallInteger),
            cast(literal(business_date), Date),
            account.c.account_id,
            customer.c.customer_id,
            i.due_on,
            i.overdue,
            i.balance,
            func.coalesce(i.currency, book.portfolio.currency),
            i.product,
            i.segment,
            i.instalments_overdue,
            i.last_payment_on,
            _attributes(stage),
        )
        .join_from(
            stage.incoming,
            account,
            and_(account.c.portfolio_id == portfolio_id, account.c.account_ref == i.account),
        )
        .join(
            customer,
            and_(customer.c.portfolio_id == portfolio_id, customer.c.customer_ref == i.customer),
        )
    )


def _attributes(stage: Stage) -> ColumnElement[Any]:
    """The lender's own facts under their names; a missing one is left out."""
    fields = stage.layout.attributes
    if not fields:
        return cast(null(), JSONB)
    pairs: list[ColumnElement[Any]] = []
    for field in fields:
        value: ColumnElement[Any] = stage.incoming.c[field.name]
        if field.kind == NUMBER:
            value = func.trim_scale(value)
        pairs += [literal(field.attribute, Text), value]
    return func.jsonb_strip_nulls(func.jsonb_build_object(*pairs))


def fill_quarantine(
    conn: Connection,
    portfolio_id: int,
    business_date: dt.date,
    stage: Stage,
    bad_contact_points: Select[Any],
) -> None:
    """Replace the date's quarantine: faulty rows, and contact points that are of no use."""
    conn.execute(
        delete(quarantine).where(
            quarantine.c.portfolio_id == portfolio_id, quarantine.c.business_date == business_date
        )
    )
    r = stage.rejected.c
    bad = bad_contact_points.subquery("bad")
    told = (
        select(r.line, r.column_name, r.value_kind, r.reason, r.account, r.rejects_account)
        .union_all(select(*bad.c, false()))
        .subquery("told")
    )
    of_account = and_(
        account.c.portfolio_id == portfolio_id, account.c.account_ref == told.c.account
    )
    rows = (
        select(
            literal(portfolio_id, SmallInteger),
            cast(literal(business_date), Date),
            told.c.line,
            told.c.column_name,
            told.c.value_kind,
            told.c.reason,
            account.c.account_id,
            told.c.rejects_account,
        )
        .outerjoin_from(told, account, of_account)
        .order_by(told.c.line, told.c.column_name)
    )
    names = [each.name for each in quarantine.columns if each.name != "quarantine_id"]
    conn.execute(insert(quarantine).from_select(names, rows))
