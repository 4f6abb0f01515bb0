"""The rows of a pull on their way into the ledger: two scratch tables, gone with the transaction.

They are filled by COPY in the load's own transaction, so a killed run leaves nothing behind, and
the server takes in one chunk while the next one is being read.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, TypeVar, cast

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeEngine

from dunflow.errors import SourceError
from dunflow.ledger.scratch import PREFIX
from dunflow.snapshot.columns import REJECTED, Chunk
from dunflow.snapshot.layout import ALL_FIELDS, Layout

T = TypeVar("T")

_WITHOUT_HEADER = pa_csv.WriteOptions(include_header=False)


@dataclass(frozen=True)
class Stage:
    """What was read: `incoming` holds the good rows, `rejected` one row per faulty cell."""

    layout: Layout
    incoming: Table
    rejected: Table
    rows_read: int


def fill_stage(
    conn: Connection, chunks: Iterable[Chunk], kinds: Mapping[str, pa.DataType] = ALL_FIELDS
) -> Stage:
    """Read every chunk into fresh tables, which have all columns of `kinds` whether given or not.

    Raises SourceError as the chunks do.
    """
    waiting = ahead(chunks)
    first = next(waiting)
    attributes = {field.name: field.kind for field in first.layout.attributes}
    columns = dict(kinds) | attributes
    incoming, rejected = _incoming(tuple(columns.items())), _rejected()
    incoming.create(conn)
    rejected.create(conn)
    names = ["line", *(field.name for field in first.layout.fields)]
    rejections: list[pa.Table] = []
    rows_read = 0
    with copying(conn, incoming, names) as copy:
        for chunk in chain([first], waiting):
            write(copy, chunk.rows.select(names))
            rows_read += chunk.read
            if len(chunk.rejected):
                rejections.append(_small(chunk.rejected))
    with copying(conn, rejected, REJECTED.names) as copy:
        for table in rejections:
            write(copy, table.cast(REJECTED))
    # Only what is joined by: the planner needs to know of nothing else.
    joined = [name for name in ("account", "customer") if name in columns]
    conn.execute(text(f"ANALYZE {incoming.name} ({', '.join(joined)})"))
    conn.execute(text(f"ANALYZE {rejected.name}"))
    return Stage(first.layout, incoming, rejected, rows_read)


def ahead(parts: Iterable[T]) -> Iterator[T]:
    """The same, each made in a thread of its own while the one before is being used."""
    waiting, maker = iter(parts), ThreadPoolExecutor(1)
    try:
        coming = maker.submit(next, waiting, None)
        while (part := coming.result()) is not None:
            coming = maker.submit(next, waiting, None)
            yield part
    finally:
        # Whoever stops half-way, even by forgetting this, waits for nothing.
        maker.shutdown(wait=False, cancel_futures=True)


@contextmanager
def copying(conn: Connection, table: Table, names: list[str]) -> Iterator[psycopg.Copy]:
    """A COPY into `table` within the connection's transaction."""
    listed = ", ".join(f'"{name}"' for name in names)
    statement = f"COPY {table.name} ({listed}) FROM STDIN (FORMAT csv)"
    try:
        session = cast("psycopg.Connection", conn.connection.driver_connection)
        with session.cursor() as cursor, cursor.copy(statement) as copy:
            yield copy
    except psycopg.DataError as error:
        # The server's message quotes the row, which is somebody's data.
        raise SourceError(
            f"the database refused a row that had been read as good ({type(error).__name__}); "
            "nothing was loaded. This is a fault of Dunflow: please report it"
        ) from None


def write(copy: psycopg.Copy, table: pa.Table) -> None:
    """Hand `table` to the server: text in quotes and null as nothing, which COPY tells apart."""
    if not len(table):
        return
    sink = pa.BufferOutputStream()
    # In one piece, as the writer of Arrow 26 makes garbage of an empty piece.
    pa_csv.write_csv(table.combine_chunks(), sink, _WITHOUT_HEADER)
    copy.write(memoryview(sink.getvalue()))


def _small(rejected: pa.Table) -> pa.Table:
    """The same in less memory: a file that is bad all through says few different things."""
    for name in ("column_name", "value_kind", "reason"):
        where = rejected.column_names.index(name)
        rejected = rejected.set_column(where, name, pc.dictionary_encode(rejected[name]))
    return rejected


# Both are made once, as SQLAlchemy knows a statement again only by the very same tables.


@cache
def _incoming(kinds: tuple[tuple[str, pa.DataType], ...]) -> Table:
    columns = [Column(name, _sql_type(kind)) for name, kind in kinds]
    return Table("incoming", MetaData(), Column("line", Integer), *columns, prefixes=[PREFIX])


@cache
def _rejected() -> Table:
    columns = [Column(field.name, _sql_type(field.type)) for field in REJECTED]
    return Table("rejected", MetaData(), *columns, prefixes=[PREFIX])


def _sql_type(kind: pa.DataType) -> TypeEngine[Any]:
    if pa.types.is_decimal(kind):
        return Numeric()
    if pa.types.is_date(kind):
        return Date()
    if pa.types.is_timestamp(kind):
        return DateTime(timezone=True)
    if pa.types.is_boolean(kind):
        return Boolean()
    if pa.types.is_integer(kind):
        return Integer()
    return Text()
