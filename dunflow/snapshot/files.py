"""A source in files, one per business date: CSV, Excel or Parquet, near or far."""

import datetime as dt
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from dunflow.config.book import Book
from dunflow.config.reading import Written
from dunflow.errors import SourceError
from dunflow.home import home
from dunflow.snapshot.delimited import read_delimited
from dunflow.snapshot.layout import Heads, heads_of
from dunflow.snapshot.workbook import read_workbook

Opened = Callable[[BinaryIO, Written, Heads], Iterator[pd.DataFrame]]


def read_file(book: Book, business_date: dt.date) -> Iterator[pd.DataFrame]:
    """The rows of the date's file. Raises SourceError that says what was looked for."""
    source = book.portfolio.source
    place = place_of(book, business_date)
    who = f"{book.name} {business_date}"
    return read_place(place, source, heads_of(source), who)


def read_place(place: str, source: Written, heads: Heads, who: str) -> Iterator[pd.DataFrame]:
    """The rows of one file. Raises SourceError, for `who`, that says what was looked for."""
    try:
        with UPath(place).open("rb") as stream:
            yield from read_stream(stream, source, heads)
    except FileNotFoundError:
        raise SourceError(
            f"{who}: looked for {place}, and there is no such file; deliver it and run again, or "
            "mend the path in portfolio.yaml"
        ) from None
    except SourceError as error:
        raise SourceError(f"{who}: {place}: {error}") from error.__cause__
    except _UNREADABLE as error:
        raise SourceError(f"{who}: {place}: {_why(error)}") from error


def read_stream(stream: BinaryIO, source: Written, heads: Heads) -> Iterator[pd.DataFrame]:
    """The rows of a file that is open. Raises SourceError for one that is not what is declared."""
    read: dict[str, Opened] = {
        "csv": read_delimited,
        "excel": read_workbook,
        "parquet": _read_parquet,
    }
    try:
        yield from read[source.format](stream, source, heads)
    except _UNREADABLE as error:
        raise SourceError(_why(error)) from error


_UNREADABLE = (OSError, ImportError, ValueError, BadZipFile, ParseError, zlib.error)
"""What readers and stores raise for a file that was cut off or damaged on its way."""


def _why(error: Exception) -> str:
    return (
        f"can't be read ({type(error).__name__}); look whether it is whole, whether this machine "
        "may read it, and whether the package for its kind of storage is installed"
    )


def place_of(book: Book, business_date: dt.date) -> str:
    """The URL or path of the date's file; a relative path starts at the portfolio's folder.

    `{home}` stands for DUNFLOW_HOME.
    """
    written = str(book.portfolio.source.path).replace("{business_date}", business_date.isoformat())
    return resolved(book, written)


def resolved(book: Book, written: str) -> str:
    """A path of portfolio.yaml as this machine knows it."""
    written = written.replace("{home}", str(home()))
    return written if "://" in written else str(book.folder / written)


def _read_parquet(stream: BinaryIO, source: Written, _heads: Heads) -> Iterator[pd.DataFrame]:
    try:
        file = pq.ParquetFile(stream)
        names = file.schema_arrow.names
        yield file.schema_arrow.empty_table().to_pandas(types_mapper=pd.ArrowDtype)
        for batch in file.iter_batches(source.chunk_rows, columns=names):
            yield batch.to_pandas(types_mapper=pd.ArrowDtype)
    except pa.ArrowInvalid:
        raise SourceError("is no Parquet file, or a damaged one; deliver it again") from None
