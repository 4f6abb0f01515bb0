"""A source in a database: one query, for one business date or a stretch of time.

PostgreSQL is fetched by ADBC straight into Arrow; any other database through SQLAlchemy, row by
row as its driver gives them, so that no number becomes a float on the way.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import pandas as pd
import pyarrow as pa
from sqlalchemy import (
    URL,
    Date,
    DateTime,
    Dialect,
    TextClause,
    TypeDecorator,
    bindparam,
    create_engine,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from dunflow.config.book import Book
from dunflow.config.reading import Reading
from dunflow.errors import SourceError
from dunflow.snapshot.connection import core_url

# SQLSTATE classes whose messages speak of connections and of SQL; others may quote a row's values.
_TELLING = ("08", "28", "3D", "42", "57")
# Percent signs stay single: the text goes to the server as it is.
_UNESCAPED: Dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]


_NUMERIC = "numeric"
_CODE = re.compile(r"[0-9A-Z]{5}|[A-Z]{2,4}-[0-9]{4,6}")
"""An SQLSTATE, or what Oracle calls its errors."""

Bind = dt.date | dt.datetime


def read_query(
    book: Book, business_date: dt.date, environ: Mapping[str, str]
) -> Iterator[pd.DataFrame]:
    """The rows that the portfolio's query gives for `business_date`."""
    source = book.portfolio.source
    binds = {"business_date": business_date}
    query, asked = _question(book, source, binds)
    if not asked and source.history == "by_date":
        raise SourceError(
            f"{book.folder / str(source.query)}: does not bind :business_date, so every date would "
            "show the same rows; use it in the query, or declare history: current_only"
        )
    return _fetch(book, source, query, environ)


def ask(
    book: Book, source: Reading, binds: Mapping[str, Bind], environ: Mapping[str, str]
) -> Iterator[pd.DataFrame]:
    """The rows that the query of `source` gives, which may use `binds`."""
    here = {
        name: value.astimezone(book.portfolio.zone) if isinstance(value, dt.datetime) else value
        for name, value in binds.items()
    }
    query, _ = _question(book, source, here)
    return _fetch(book, source, query, environ)


def _fetch(
    book: Book, source: Reading, query: TextClause, environ: Mapping[str, str]
) -> Iterator[pd.DataFrame]:
    url = core_url(book, source, environ)
    fetch = _by_adbc if url.get_backend_name() in ("postgresql", "postgres") else _by_driver
    return fetch(book, source, url, query)


def _question(
    book: Book, source: Reading, binds: Mapping[str, Bind]
) -> tuple[TextClause, frozenset[str]]:
    """The query with its binds filled, and the names of those that it uses."""
    file = book.folder / str(source.query)
    try:
        written = text(_without_end(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SourceError(
            f"{file}: there is no such file; write the query there, or mend `query` in "
            "portfolio.yaml"
        ) from None
    except UnicodeDecodeError:
        raise SourceError(f"{file}: is not UTF-8 text; save it as such") from None
    asked = frozenset(written.compile().params)
    if unknown := sorted(asked - set(binds)):
        known = ", ".join(f":{name}" for name in sorted(binds))
        raise SourceError(
            f"{file}: binds :{unknown[0]}, which nothing fills; what is known is {known} "
            f"(a colon that means itself is written \\:{unknown[0]})"
        )
    filled = [
        bindparam(name, value, _InstantLiteral if isinstance(value, dt.datetime) else _DateLiteral)
        for name, value in binds.items()
        if name in asked
    ]
    return written.bindparams(*filled) if filled else written, asked


_END = re.compile(r";(?:[\s;]|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*\Z", re.DOTALL)


def _without_end(query: str) -> str:
    """The query without the semicolon that ends it, and what is remarked behind: the fetch wraps
    it into a COPY, where that would be a fault."""
    for sign in re.finditer(";", query):
        within_quotes = query.count("'", 0, sign.start()) % 2
        if not within_quotes and _END.match(query, sign.start()):
            return query[: sign.start()]
    return query


class _DateLiteral(TypeDecorator[dt.date]):
    """A date that is written into the text with its type, so that `:business_date + 1` works."""

    impl = Date
    cache_ok = True

    def literal_processor(self, dialect: Dialect) -> Callable[[dt.date], str]:  # noqa: ARG002
        return lambda value: f"DATE '{value:%Y-%m-%d}'"


class _InstantLiteral(TypeDecorator[dt.datetime]):
    """An instant, with its offset where it is written into the text. A driver gets it as the clock
    showed it in the portfolio's zone: that is what a column without a zone is read as, too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        return value and value.replace(tzinfo=None)

    def literal_processor(self, dialect: Dialect) -> Callable[[dt.datetime], str]:  # noqa: ARG002
        return lambda value: f"TIMESTAMP WITH TIME ZONE '{value.isoformat()}'"


def _by_adbc(book: Book, source: Reading, url: URL, query: TextClause) -> Iterator[pd.DataFrame]:
    # Without binds the driver fetches by COPY, which is several times as fast.
    compiled = query.compile(dialect=_UNESCAPED, compile_kwargs={"literal_binds": True})
    written = f"{compiled.string}\n"  # its last line may be a comment
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with adbc.connect(address) as conn, conn.cursor() as cursor:
            # What the query compares with an instant, and has no zone, is of the portfolio's.
            cursor.execute(f"SET LOCAL TIME ZONE '{book.portfolio.time_zone}'")
            schema = _exact(cursor.adbc_execute_schema(written))
            cursor.execute(_numbers_as_text(written, schema))
            # The headers first, in case that no row comes.
            yield schema.empty_table().to_pandas(types_mapper=pd.ArrowDtype)
            for batch in cursor.fetch_record_batch():
                yield _typed(batch, schema).to_pandas(types_mapper=pd.ArrowDtype)
    except adbc_driver_manager.Error as error:
        state = error.sqlstate
        telling = state is None or state.startswith(_TELLING)
        raise _failed(book, source, url, str(error) if telling else f"SQLSTATE {state}") from None
    except OSError:  # a row on the way, whose values the message may quote
        raise _failed(book, source, url, "a row could not be computed or fetched") from None


def _exact(schema: pa.Schema) -> pa.Schema:
    """With `money` as `numeric`: ADBC hands its cents on as a whole number."""
    numeric = pa.opaque(pa.string(), _NUMERIC, "PostgreSQL")
    return pa.schema(
        pa.field(field.name, numeric) if _is_money(field) else field for field in schema
    )


def _is_money(field: pa.Field) -> bool:
    return (field.metadata or {}).get(b"POSTGRESQL:type") == b"money"


def _numbers_as_text(query: str, schema: pa.Schema) -> str:
    """The same rows, but the core itself writes out what is `numeric`.

    ADBC hands it on as text in any case, and takes several times as long to make that.
    """
    if not any(map(_is_numeric, schema)):
        return query
    # By place, since a query may give two columns the same name; that is told of elsewhere.
    names = [f"c{place}" for place in range(len(schema))]
    written = [
        f"{name}::numeric::text" if _is_numeric(field) else name
        for name, field in zip(names, schema, strict=True)
    ]
    asked = f"{query}) AS asked ({', '.join(names)})"
    return "\n".join(["SELECT", ", ".join(written), "FROM (", asked])


def _typed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    """The batch under the names and types that the query itself gives it."""
    columns = [
        pa.ExtensionArray.from_storage(field.type, column) if _is_numeric(field) else column
        for field, column in zip(schema, batch.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _is_numeric(field: pa.Field) -> bool:
    return isinstance(field.type, pa.OpaqueType) and field.type.type_name == _NUMERIC


def _by_driver(book: Book, source: Reading, url: URL, query: TextClause) -> Iterator[pd.DataFrame]:
    rows_at_once = source.chunk_rows
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        # SQLite would make one.
        raise SourceError(
            f"{book.name}: there is no database file {url.database}; mend the URL in "
            f"{source.connection}"
        )
    try:
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
        connection = engine.connect()
    except (ArgumentError, ModuleNotFoundError) as error:
        raise SourceError(
            f"{book.name}: no driver for {url.drivername!r} ({error}); install it, or mend the URL "
            f"in {source.connection}"
        ) from None
    except SQLAlchemyError as error:
        raise _failed(book, source, url, str(getattr(error, "orig", error))) from None
    try:
        with connection as conn:
            result = conn.execute(query, execution_options={"yield_per": rows_at_once})
            names = list(result.keys())
            yield pd.DataFrame([], columns=names, dtype=object)
            for rows in result.partitions():
                yield pd.DataFrame(rows, columns=names, dtype=object)
    except SQLAlchemyError as error:
        raise _failed(book, source, url, _of_rows(url, error)) from None


def _of_rows(url: URL, error: SQLAlchemyError) -> str:
    """What a driver says of a query. Most quote the value that they could not read, so of those
    only the code is told."""
    fault = getattr(error, "orig", None) or error
    if url.get_backend_name() == "sqlite":  # it knows columns and syntax, and no values
        return str(fault)
    first = next(iter(fault.args), None)
    code = getattr(first, "full_code", first)  # Oracle's hides in an object
    is_code = isinstance(code, int) or (isinstance(code, str) and _CODE.fullmatch(code))
    told = f"{type(fault).__name__} {code}" if is_code else type(fault).__name__
    return f"{told}; run the query there to see more, as its words may quote a row's values"


def _failed(book: Book, source: Reading, url: URL, told: str) -> SourceError:
    """What went wrong in the core; `told` says nothing about a row."""
    where = f"{url.get_backend_name()} database {url.database!r} at {url.host or 'a local socket'}"
    told = " ".join(re.sub(r"(password|passwd|pwd)=\S+", r"\1=…", told).split())
    return SourceError(
        f"{book.name}: asking the source failed ({where}, query {source.query}): {told}"
    )
