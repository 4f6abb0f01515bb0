"""Scratch tables: results kept for the rest of a portfolio's transaction, and gone with it.

They stand in a schema of the transaction's own, which nobody else ever sees. Temporary tables would
do the same, but the server reads those with one core only.
"""

from typing import Any

from sqlalchemy import Connection, Select, TableClause, column, table, text

from dunflow.ledger.bulk import run_behind

PREFIX = "UNLOGGED"
"""Of every scratch table: what is gone with its transaction need not survive a crash."""


def open_scratch(conn: Connection) -> None:
    """From here on a table that is created with a bare name is a scratch table."""
    name = _schema(conn)
    before = conn.execute(text("SHOW search_path")).scalar_one()
    conn.execute(text(f"CREATE SCHEMA {name}"))
    conn.execute(text(f"SET LOCAL search_path = {name}, {before}"))


def keep(
    conn: Connection, name: str, rows: Select[*tuple[Any, ...]], *, index: str | None = None
) -> TableClause:
    """Keep `rows` as the scratch table `name`, optionally indexed by one of its columns.

    The planner is told about it, since what follows joins it with tables of any size.
    """
    run_behind(conn, f"CREATE {PREFIX} TABLE {name} AS", rows)
    if index:
        conn.execute(text(f"CREATE INDEX ON {name} ({index})"))
    conn.execute(text(f"ANALYZE {name}"))
    return table(name, *[column(each.name, each.type) for each in rows.selected_columns])


def close_scratch(conn: Connection) -> None:
    """Drop all scratch tables of this transaction."""
    conn.execute(text(f"DROP SCHEMA {_schema(conn)} CASCADE"))


def _schema(conn: Connection) -> str:
    number = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return f"scratch_{number}"
