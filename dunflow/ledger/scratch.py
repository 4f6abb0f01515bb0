"""Scratch tables: a result kept for the rest of a portfolio's transaction, and gone with it."""

from typing import Any

from sqlalchemy import Connection, Select, TableClause, column, table, text

from dunflow.ledger.bulk import run_behind


def keep(
    conn: Connection, name: str, rows: Select[*tuple[Any, ...]], *, index: str | None = None
) -> TableClause:
    """Keep `rows` as the temporary table `name`, optionally indexed by one of its columns.

    The planner is told about it, since what follows joins it with tables of any size.
    """
    run_behind(conn, f"CREATE TEMPORARY TABLE {name} AS", rows)
    if index:
        conn.execute(text(f"CREATE INDEX ON {name} ({index})"))
    conn.execute(text(f"ANALYZE {name}"))
    return table(name, *[column(each.name, each.type) for each in rows.selected_columns])


def discard(conn: Connection) -> None:
    """Drop all scratch tables of this session."""
    conn.execute(text("DISCARD TEMP"))
