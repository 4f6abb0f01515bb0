"""One partition per portfolio and business date, for the two tables that grow every day.

A new date is filled first and indexed and attached afterwards, which costs a third of filling a
table that has its key already. A date that is there is written in place.
"""

import datetime as dt
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    CompoundSelect,
    Connection,
    Select,
    Table,
    cast,
    select,
    text,
)

from dunflow.ledger.bulk import run_behind

ONE_DAY = dt.timedelta(days=1)


def name_of(parent: Table, portfolio_id: int, business_date: dt.date) -> str:
    """The partition's table name, like `snapshot_p3_20260301`."""
    return f"{parent.name}_p{portfolio_id}_{business_date:%Y%m%d}"


def exists(conn: Connection, parent: Table, portfolio_id: int, business_date: dt.date) -> bool:
    name = name_of(parent, portfolio_id, business_date)
    return conn.execute(text("SELECT to_regclass(:name)"), {"name": name}).scalar() is not None


def dates(conn: Connection, parent: Table, portfolio_id: int) -> list[dt.date]:
    """The business dates of the portfolio that have a partition."""
    prefix = f"{parent.name}_p{portfolio_id}_"
    found = conn.execute(
        text(
            "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid "
            "WHERE inhparent = to_regclass(:parent) AND starts_with(relname, :prefix)"
        ),
        {"parent": parent.name, "prefix": prefix},
    )
    return sorted(dt.date.fromisoformat(each.removeprefix(prefix)) for each in found.scalars())


def fill(
    conn: Connection,
    parent: Table,
    portfolio_id: int,
    business_date: dt.date,
    rows: Select[*tuple[Any, ...]] | CompoundSelect[Any],
) -> str:
    """Make the date's table of `rows`, which are in the order of the parent's columns; its name.

    It is not yet part of `parent`. Made and filled in one statement, as the server uses all its
    cores for that and not for an INSERT.
    """
    name = name_of(parent, portfolio_id, business_date)
    found = rows.subquery("filling")
    typed = [
        cast(given, column.type).label(column.name)
        for given, column in zip(found.c, parent.columns, strict=True)
    ]
    run_behind(conn, f"CREATE TABLE {_schema(conn, parent)}.{name} AS", select(*typed))
    return name


def attach(conn: Connection, parent: Table, portfolio_id: int, business_date: dt.date) -> None:
    """Give the filled table what the parent has, index it, and make it part of `parent`."""
    name = name_of(parent, portfolio_id, business_date)
    keys = ", ".join(column.name for column in parent.primary_key)
    changes = [f"ADD PRIMARY KEY ({keys})"]
    changes += [f"ALTER {each.name} SET NOT NULL" for each in parent.columns if not each.nullable]
    changes += [
        f"ADD CONSTRAINT {check.name} CHECK ({check.sqltext})"
        for check in parent.constraints
        if isinstance(check, CheckConstraint)
    ]
    # Values of our own making: a number and two dates, which DDL can't take as binds.
    bounds = (
        f"FROM ({int(portfolio_id)}, '{business_date:%Y-%m-%d}') "
        f"TO ({int(portfolio_id)}, '{business_date + ONE_DAY:%Y-%m-%d}')"
    )
    conn.execute(text(f"ALTER TABLE {name} {', '.join(changes)}"))
    conn.execute(text(f"ALTER TABLE {parent.name} ATTACH PARTITION {name} FOR VALUES {bounds}"))
    conn.execute(text(f"ANALYZE {name}"))


def _schema(conn: Connection, parent: Table) -> str:
    """Where the parent stands: a bare name would make a scratch table."""
    found = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass(:name)"
    return str(conn.execute(text(found), {"name": parent.name}).scalar_one())
