"""Statements that move many rows into a table whose name or columns are made up on the way."""

from typing import Any

from sqlalchemy import CompoundSelect, Connection, Engine, Select, event

_HEAD = "dunflow_head"


def run_behind(
    conn: Connection, head: str, rows: Select[*tuple[Any, ...]] | CompoundSelect[Any]
) -> int:
    """Run `rows` behind `head`, the beginning of an INSERT or of a CREATE TABLE; how many rows.

    A day's selects are large, and SQLAlchemy compiles each only once as long as nothing in it
    differs. So what does differ, such as the name of a date's partition, is put before the compiled
    text.
    """
    return conn.execute(rows, execution_options={_HEAD: head, "preserve_rowcount": True}).rowcount


def put_heads(engine: Engine) -> None:
    """Let `run_behind` work on the connections of `engine`."""

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def put_head(
        _conn: Connection,
        _cursor: Any,
        statement: str,
        parameters: Any,
        context: Any,
        _many: bool,
    ) -> tuple[str, Any]:
        head = context.execution_options.get(_HEAD) if context else None
        return f"{head} {statement}" if head else statement, parameters
