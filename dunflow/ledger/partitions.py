"""One partition per portfolio and business date, for the two tables that grow every day.

A new date is filled first and indexed and attached afterwards, which costs a third of filling a
table that has its key already. A date that is there is written in place.
"""

import datetime as dt

from sqlalchemy import Connection, Table, text

ONE_DAY = dt.timedelta(days=1)


def name_of(parent: Table, portfolio_id: int, business_date: dt.date) -> str:
    """The partition's table name, like `snapshot_p3_20260301`."""
    return f"{parent.name}_p{portfolio_id}_{business_date:%Y%m%d}"


def exists(conn: Connection, parent: Table, portfolio_id: int, business_date: dt.date) -> bool:
    name = name_of(parent, portfolio_id, business_date)
    return conn.execute(text("SELECT to_regclass(:name)"), {"name": name}).scalar() is not None


def create(conn: Connection, parent: Table, portfolio_id: int, business_date: dt.date) -> str:
    """Make the date's table, not yet part of `parent`; its name."""
    name = name_of(parent, portfolio_id, business_date)
    place = f"{_schema(conn, parent)}.{name}"
    conn.execute(text(f"CREATE TABLE {place} (LIKE {parent.name} INCLUDING CONSTRAINTS)"))
    return name


def attach(conn: Connection, parent: Table, portfolio_id: int, business_date: dt.date) -> None:
    """Index the filled table and make it part of `parent`."""
    name = name_of(parent, portfolio_id, business_date)
    # Values of our own making: a number and two dates, which DDL can't take as binds.
    bounds = (
        f"FROM ({int(portfolio_id)}, '{business_date:%Y-%m-%d}') "
        f"TO ({int(portfolio_id)}, '{business_date + ONE_DAY:%Y-%m-%d}')"
    )
    keys = ", ".join(column.name for column in parent.primary_key)
    conn.execute(text(f"ALTER TABLE {name} ADD PRIMARY KEY ({keys})"))
    conn.execute(text(f"ALTER TABLE {parent.name} ATTACH PARTITION {name} FOR VALUES {bounds}"))
    conn.execute(text(f"ANALYZE {name}"))


def _schema(conn: Connection, parent: Table) -> str:
    """Where the parent stands: a bare name would make a scratch table."""
    found = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass(:name)"
    return str(conn.execute(text(found), {"name": parent.name}).scalar_one())
