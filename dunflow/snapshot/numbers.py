"""The ledger's numbers for what the source names.

One pass finds the accounts and customers that are there already, which on an ordinary day are
nearly all; only the new ones cost more.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    SmallInteger,
    TableClause,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from dunflow.config.book import Book
from dunflow.ledger.owners import person_of
from dunflow.ledger.scratch import keep
from dunflow.ledger.tables import account, customer
from dunflow.snapshot.cells import NUMBER
from dunflow.snapshot.customers import differs
from dunflow.snapshot.stage import Stage

# So many new accounts change what the planner should think of the table.
_MANY = 20_000


def match_rows(conn: Connection, book: Book, portfolio_id: int, stage: Stage) -> TableClause:
    """The rows of `incoming` as the snapshot holds them, beside the numbers that are known.

    `account_id`, `customer_id` are NULL for new ones; `account`, `customer`, the source's own, are
    there only where there is something to do about either. Where the lender has several ids for one
    person, `customer_id` is the person's and `own_id` that of the row. `differs`: the customer of
    the row is not as stored.
    """
    i = stage.incoming.c
    of_account = and_(account.c.portfolio_id == portfolio_id, account.c.account_ref == i.account)
    of_customer = and_(
        customer.c.portfolio_id == portfolio_id, customer.c.customer_ref == i.customer
    )
    changed = differs(stage.incoming)
    # What is known in full goes by its numbers: its names would be carried along for nothing.
    unsettled = or_(account.c.account_id.is_(None), customer.c.customer_id.is_(None), changed)
    rows = (
        select(
            case((unsettled, i.account), else_=null()).label("account"),
            case((unsettled, i.customer), else_=null()).label("customer"),
            account.c.account_id,
            person_of(customer).label("customer_id"),
            customer.c.customer_id.label("own_id"),
            changed.label("differs"),
            i.due_on,
            i.overdue.label("overdue_amount"),
            i.balance.label("balance_amount"),
            func.coalesce(i.currency, book.portfolio.currency).label("currency"),
            i.product,
            i.segment,
            i.instalments_overdue,
            i.last_payment_on,
            _attributes(stage).label("attributes"),
        )
        .select_from(stage.incoming)
        .outerjoin(account, of_account)
        .outerjoin(customer, of_customer)
    )
    return keep(conn, "matched", rows)


def number_accounts(
    conn: Connection, portfolio_id: int, stage: Stage, matched: TableClause
) -> None:
    """Give a number to each account that has none, also to those whose row was rejected."""
    rejected = stage.rejected
    there = exists().where(
        account.c.portfolio_id == portfolio_id, account.c.account_ref == rejected.c.account
    )
    number = literal(portfolio_id, SmallInteger)
    new = select(number, matched.c.account).where(matched.c.account_id.is_(None))
    new_but_rejected = (
        select(number, rejected.c.account)
        .where(rejected.c.account.is_not(None), ~there)
        .distinct()  # a row may have several faults
    )
    added = 0
    for rows in (new, new_but_rejected):
        # One may stand on several lines, which is settled later: no message shall quote it.
        unseen = (
            insert(account)
            .from_select(["portfolio_id", "account_ref"], rows)
            .on_conflict_do_nothing()
        )
        added += conn.execute(unseen.execution_options(preserve_rowcount=True)).rowcount
    if added > _MANY:
        conn.execute(text("ANALYZE account"))


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
