"""Scratch tables: a result kept for the rest of a portfolio's transaction, and gone with it."""

from typing import Any

from sqlalchemy import Connection, MetaData, Select, Table, text
from sqlalchemy.schema import CreateTableAs


def keep(
    conn: Connection, name: str, rows: Select[*tuple[Any, ...]], *, index: str | None = None
) -> Table:
    """Keep `rows` as the temporary table `name`, optionally indexed by one of its columns.

    The planner is told about it, since what follows joins it with tables of any size.
    """
    creation = CreateTableAs(rows, name, metadata=MetaData(), temporary=True)
    conn.execute(creation)
    if index:
        conn.execute(text(f"CREATE INDEX ON {name} ({index})"))
    conn.execute(text(f"ANALYZE {name}"))
    return creation.table


def discard(conn: Connection) -> None:
    """Drop all scratch tables of this session."""
    conn.execute(text("DISCARD TEMP"))
