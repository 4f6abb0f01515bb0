"""Scratch tables: results kept for the rest of a portfolio's transaction, and gone with it.

They stand in a schema of the transaction's own, which nobody else ever sees. Temporary tables would
do the same, but the server reads those with one core only.
"""

from typing import Any, cast

import psycopg
from sqlalchemy import (
    Connection,
    Select,
    TableClause,
    Text,
    column,
    func,
    literal,
    select,
    table,
    text,
)

from dunflow.ledger.bulk import run_behind

MANY = 1_000
"""From so many rows on the planner's own guess about a table is not good enough."""

PREFIX = "UNLOGGED"
"""Of every scratch table: what is gone with its transaction need not survive a crash."""


def open_scratch(conn: Connection) -> None:
    """From here on a table that is created with a bare name is a scratch table."""
    name = _schema(conn)
    conn.execute(text(f"CREATE SCHEMA {name}"))
    path = literal(f"{name}, ", Text) + func.current_setting("search_path")
    conn.execute(select(func.set_config("search_path", path, True)))


def keep(
    conn: Connection, name: str, rows: Select[*tuple[Any, ...]], *, index: str | None = None
) -> TableClause:
    """Keep `rows` as the scratch table `name`, optionally indexed by one of its columns.

    The planner is told about it where there is much, since what follows joins it with tables of any
    size.
    """
    kept = run_behind(conn, f"CREATE {PREFIX} TABLE {name} AS", rows)
    if index:
        conn.execute(text(f"CREATE INDEX ON {name} ({index})"))
    if kept >= MANY:
        conn.execute(text(f"ANALYZE {name}"))
    return table(name, *[column(each.name, each.type) for each in rows.selected_columns])


def count_of(conn: Connection, kept: TableClause) -> int:
    """How many rows a scratch table has."""
    return int(conn.execute(select(func.count()).select_from(kept)).scalar_one())


def has_rows(conn: Connection, rows: Select[*tuple[Any, ...]]) -> bool:
    """Whether there is any, asked before tables are made for them: that takes longer."""
    return bool(conn.execute(select(rows.exists())).scalar_one())


def close_scratch(conn: Connection) -> None:
    """Drop all scratch tables of this transaction."""
    conn.execute(text(f"DROP SCHEMA {_schema(conn)} CASCADE"))


def _schema(conn: Connection) -> str:
    session = cast("psycopg.Connection", conn.connection.driver_connection)
    return f"scratch_{session.info.backend_pid}"
