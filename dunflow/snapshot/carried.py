"""Stands in for rows that are not there yet: a date is to be looked at before it has closed."""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, literal, select

from dunflow.ledger import partitions
from dunflow.ledger.tables import load, quarantine, snapshot
from dunflow.snapshot.load import as_text, count_overdue

_OF_ITS_OWN = ("gate", "stopped", "assessed_load_at")


def carry(
    conn: Connection, portfolio_id: int, since: dt.date, business_date: dt.date, now: dt.datetime
) -> None:
    """Give `business_date` the rows of the accepted date `since`, as if nobody paid, left or came,
    and count them as accepted.

    For a transaction that is taken back: nobody delivered these rows.
    """
    cells: list[ColumnElement[Any]] = [
        literal(business_date).label(each.name) if each.name == "business_date" else each
        for each in snapshot.columns
    ]
    rows = select(*cells).where(
        snapshot.c.portfolio_id == portfolio_id, snapshot.c.business_date == since
    )
    partitions.fill(conn, snapshot, portfolio_id, business_date, rows)
    partitions.attach(conn, snapshot, portfolio_id, business_date)
    _carry_unread(conn, portfolio_id, since, business_date)
    accounts, customers, overdue = count_overdue(conn, portfolio_id, business_date)
    its: dict[str, ColumnElement[Any]] = {
        "business_date": literal(business_date),
        "loaded_at": literal(now),
        "accounts": literal(accounts),
        "customers": literal(customers),
        "overdue": literal(as_text(overdue), load.c.overdue.type),
    }
    same = {
        each.name: each
        for each in load.columns
        if each.name not in its and each.name not in _OF_ITS_OWN
    }
    row = select(*its.values(), *same.values()).where(
        load.c.portfolio_id == portfolio_id, load.c.business_date == since
    )
    conn.execute(insert(load).from_select([*its, *same], row))


def _carry_unread(
    conn: Connection, portfolio_id: int, since: dt.date, business_date: dt.date
) -> None:
    """What could not be read stays so: who is missing for that is not cured."""
    same = {
        each.name: literal(business_date).label(each.name) if each.name == "business_date" else each
        for each in quarantine.columns
        if not each.primary_key
    }
    rows = select(*same.values()).where(
        quarantine.c.portfolio_id == portfolio_id, quarantine.c.business_date == since
    )
    conn.execute(insert(quarantine).from_select(list(same), rows))
