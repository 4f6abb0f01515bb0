"""What a load leaves behind for its business date: snapshot rows and quarantine rows."""

import datetime as dt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Select,
    SmallInteger,
    TableClause,
    and_,
    cast,
    delete,
    false,
    func,
    insert,
    literal,
    or_,
    select,
)

from dunflow.ledger import partitions
from dunflow.ledger.bulk import run_behind
from dunflow.ledger.tables import account, customer, quarantine, snapshot
from dunflow.snapshot.stage import Stage

_INSERTION = "INSERT INTO {} (" + ", ".join(column.name for column in snapshot.columns) + ")"


def fill_known(
    conn: Connection, portfolio_id: int, business_date: dt.date, matched: TableClause, again: bool
) -> None:
    """Write the matched rows whose numbers were known; `again`: in the place of the date's rows."""
    known, _ = _rows(portfolio_id, business_date, matched)
    if again:
        of_date = and_(
            snapshot.c.portfolio_id == portfolio_id, snapshot.c.business_date == business_date
        )
        conn.execute(delete(snapshot).where(of_date))
        run_behind(conn, _INSERTION.format(snapshot.name), known)
    else:
        partitions.fill(conn, snapshot, portfolio_id, business_date, known)


def fill_new(
    conn: Connection, portfolio_id: int, business_date: dt.date, matched: TableClause, again: bool
) -> None:
    """Write the rest, to which numbers were given by now; then the date's rows are complete."""
    _, new = _rows(portfolio_id, business_date, matched)
    name = partitions.name_of(snapshot, portfolio_id, business_date)
    run_behind(conn, _INSERTION.format(snapshot.name if again else name), new)
    if not again:
        partitions.attach(conn, snapshot, portfolio_id, business_date)


def _rows(
    portfolio_id: int, business_date: dt.date, matched: TableClause
) -> tuple[Select[Any], Select[Any]]:
    """Rows whose numbers were known, and those whose numbers were given just now."""
    m = matched.c
    is_new = or_(m.account_id.is_(None), m.customer_id.is_(None))
    names = [each.name for each in snapshot.columns]

    def rows(account_id: ColumnElement[int], customer_id: ColumnElement[int]) -> Select[Any]:
        facts = [m[name] for name in names[4:]]
        return select(
            literal(portfolio_id, SmallInteger),
            cast(literal(business_date), Date),
            account_id,
            customer_id,
            *facts,
        )

    known = rows(m.account_id, m.customer_id).where(~is_new)
    new = (
        rows(account.c.account_id, func.coalesce(customer.c.merged_into, customer.c.customer_id))
        .select_from(matched)
        .join(
            account,
            and_(account.c.portfolio_id == portfolio_id, account.c.account_ref == m.account),
        )
        .join(
            customer,
            and_(customer.c.portfolio_id == portfolio_id, customer.c.customer_ref == m.customer),
        )
        .where(is_new)
    )
    return known, new


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
