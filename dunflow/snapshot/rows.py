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
    insert,
    literal,
    or_,
    select,
)

from dunflow.ledger import partitions
from dunflow.ledger.bulk import run_behind
from dunflow.ledger.owners import person_of
from dunflow.ledger.tables import account, customer, quarantine, snapshot
from dunflow.snapshot.stage import Stage

_INSERTION = "INSERT INTO {} (" + ", ".join(column.name for column in snapshot.columns) + ")"


def fill_known(
    conn: Connection, portfolio_id: int, business_date: dt.date, matched: TableClause, again: bool
) -> None:
    """Write the matched rows whose numbers were known; `again`: in the place of the date's rows."""
    known = _known(portfolio_id, business_date, matched)
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
    new = _new(portfolio_id, business_date, matched)
    name = partitions.name_of(snapshot, portfolio_id, business_date)
    run_behind(conn, _INSERTION.format(snapshot.name if again else name), new)
    if not again:
        partitions.attach(conn, snapshot, portfolio_id, business_date)


def _known(portfolio_id: int, business_date: dt.date, matched: TableClause) -> Select[Any]:
    m = matched.c
    rows = _rows(portfolio_id, business_date, matched, m.account_id, m.customer_id)
    return rows.where(~_is_new(matched))


def _new(portfolio_id: int, business_date: dt.date, matched: TableClause) -> Select[Any]:
    m = matched.c
    customer_id = person_of(customer)
    return (
        _rows(portfolio_id, business_date, matched, account.c.account_id, customer_id)
        .select_from(matched)
        .join(
            account,
            and_(account.c.portfolio_id == portfolio_id, account.c.account_ref == m.account),
        )
        .join(
            customer,
            and_(customer.c.portfolio_id == portfolio_id, customer.c.customer_ref == m.customer),
        )
        .where(_is_new(matched))
    )


def _is_new(matched: TableClause) -> ColumnElement[bool]:
    """Whether either number is not known yet."""
    return or_(matched.c.account_id.is_(None), matched.c.customer_id.is_(None))


def _rows(
    portfolio_id: int,
    business_date: dt.date,
    matched: TableClause,
    account_id: ColumnElement[int],
    customer_id: ColumnElement[int],
) -> Select[Any]:
    """The columns of the snapshot in their order."""
    facts = [matched.c[name] for name in snapshot.columns.keys()[4:]]
    number, date = literal(portfolio_id, SmallInteger), cast(literal(business_date), Date)
    return select(number, date, account_id, customer_id, *facts)


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
