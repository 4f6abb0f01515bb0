"""A source in a database: one query for one business date.

PostgreSQL is fetched by ADBC straight into Arrow; any other database through SQLAlchemy, row by
row as its driver gives them, so that no number becomes a float on the way.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import pandas as pd
from sqlalchemy import URL, Date, Dialect, TextClause, TypeDecorator, bindparam, create_engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from dunflow.config.book import Book
from dunflow.errors import SourceError
from dunflow.snapshot.connection import core_url

# SQLSTATE classes whose messages speak of connections and of SQL; others may quote a row's values.
_TELLING = ("08", "28", "3D", "42", "57")
# Percent signs stay single: the text goes to the server as it is.
_UNESCAPED: Dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]


def read_query(
    book: Book, business_date: dt.date, environ: Mapping[str, str]
) -> Iterator[pd.DataFrame]:
    """The rows that the portfolio's query gives for `business_date`."""
    url = core_url(book, environ)
    query = _query(book, business_date)
    fetch = _by_adbc if url.get_backend_name() in ("postgresql", "postgres") else _by_driver
    return fetch(book, url, query)


def _query(book: Book, business_date: dt.date) -> TextClause:
    source = book.portfolio.source
    file = book.folder / source.query
    try:
        # The fetch wraps the query into a COPY, where a semicolon at its end would be a fault.
        written = text(file.read_text(encoding="utf-8").rstrip().rstrip(";"))
    except FileNotFoundError:
        raise SourceError(
            f"{file}: there is no such file; write the snapshot's query there, or mend "
            "source.query in portfolio.yaml"
        ) from None
    except UnicodeDecodeError:
        raise SourceError(f"{file}: is not UTF-8 text; save it as such") from None
    asked = set(written.compile().params)
    if unknown := sorted(asked - {"business_date"}):
        raise SourceError(
            f"{file}: binds :{unknown[0]}, which nothing fills; only :business_date is known "
            f"(a colon that means itself is written \\:{unknown[0]})"
        )
    if not asked and source.history == "by_date":
        raise SourceError(
            f"{file}: does not bind :business_date, so every date would show the same rows; use "
            "it in the query, or declare history: current_only"
        )
    return (
        written.bindparams(bindparam("business_date", business_date, _DateLiteral))
        if asked
        else written
    )


class _DateLiteral(TypeDecorator[dt.date]):
    """A date that is written into the text with its type, so that `:business_date + 1` works."""

    impl = Date
    cache_ok = True

    def literal_processor(self, dialect: Dialect) -> Callable[[dt.date], str]:  # noqa: ARG002
        return lambda value: f"DATE '{value:%Y-%m-%d}'"


def _by_adbc(book: Book, url: URL, query: TextClause) -> Iterator[pd.DataFrame]:
    # Without binds the driver fetches by COPY, which is several times as fast.
    written = query.compile(dialect=_UNESCAPED, compile_kwargs={"literal_binds": True}).string
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with adbc.connect(address) as conn, conn.cursor() as cursor:
            cursor.execute(written)
            reader = cursor.fetch_record_batch()
            # The headers first, in case that no row comes.
            yield reader.schema.empty_table().to_pandas(types_mapper=pd.ArrowDtype)
            for batch in reader:
                yield batch.to_pandas(types_mapper=pd.ArrowDtype)
    except adbc_driver_manager.Error as error:
        raise _failed(book, url, error.sqlstate, str(error)) from None
    except OSError:  # a row on the way, whose values the message may quote
        raise _failed(book, url, None, "a row could not be computed or fetched") from None


def _by_driver(book: Book, url: URL, query: TextClause) -> Iterator[pd.DataFrame]:
    rows_at_once = book.portfolio.source.chunk_rows
    try:
        engine = create_engine(url, hide_parameters=True)
        with engine.connect() as conn:
            result = conn.execute(query, execution_options={"yield_per": rows_at_once})
            names = list(result.keys())
            yield pd.DataFrame([], columns=names, dtype=object)
            for rows in result.partitions():
                yield pd.DataFrame(rows, columns=names, dtype=object)
        engine.dispose()
    except (ArgumentError, ModuleNotFoundError) as error:
        raise SourceError(
            f"{book.name}: no driver for {url.drivername!r} ({error}); install it, or mend the URL "
            f"in {book.portfolio.source.connection}"
        ) from None
    except SQLAlchemyError as error:
        state = getattr(getattr(error, "orig", None), "sqlstate", None)
        raise _failed(book, url, state, str(getattr(error, "orig", error))) from None


def _failed(book: Book, url: URL, sqlstate: str | None, message: str) -> SourceError:
    """What went wrong in the core, without what it may say about a row."""
    where = f"{url.get_backend_name()} database {url.database!r} at {url.host or 'a local socket'}"
    told = f"SQLSTATE {sqlstate}" if sqlstate else "no SQLSTATE"
    if sqlstate is None or sqlstate.startswith(_TELLING):
        told = " ".join(re.sub(r"(password|passwd|pwd)=\S+", r"\1=…", message).split())
    return SourceError(
        f"{book.name}: asking the source failed ({where}, query {book.portfolio.source.query}): "
        f"{told}"
    )
