"""An Excel sheet as frames of text: each cell as the sheet means it, or marked as damaged.

A spreadsheet keeps numbers as floats of 15 digits. A number of up to 15 digits is what was typed; a
longer one, such as an account id of 19 digits, was rounded when it was typed.
"""

import datetime as dt
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice, zip_longest
from typing import Any, BinaryIO

import openpyxl
import pandas as pd
from openpyxl.utils.exceptions import InvalidFileException

from dunflow.config.reading import Written
from dunflow.errors import SourceError
from dunflow.snapshot.cells import DAMAGED
from dunflow.snapshot.frames import MISFIT, fitted, text_frame
from dunflow.snapshot.layout import Heads

_DIGITS = 15

AsText = Callable[[Any], str | None]


def read_workbook(stream: BinaryIO, source: Written, heads: Heads) -> Iterator[pd.DataFrame]:
    """The rows below the header of the declared sheet, or of the only one."""
    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError):
        raise SourceError("is no Excel workbook (.xlsx); save it as one") from None
    sheet = _sheet(book, source)
    sheet.reset_dimensions()  # some programs write wrong ones
    rows = sheet.iter_rows()
    headers = [_shown(cell) for cell in _without_tail(next(rows, ()))]
    if not headers:
        return
    as_text = [_reader_of(header, source, heads) for header in headers]
    texts = (_texts(_without_tail(row), as_text) for row in rows)
    fitting = (fitted(row, headers, heads) for row in texts)
    yield text_frame([], headers)
    while chunk := list(islice(fitting, source.chunk_rows)):
        yield text_frame(chunk, headers)


def _sheet(book: Any, source: Written) -> Any:
    names = book.sheetnames
    if source.sheet is None and len(names) == 1:
        return book[names[0]]
    if source.sheet in names:
        return book[source.sheet]
    asked = f"has no sheet {source.sheet!r}" if source.sheet else "has several sheets"
    raise SourceError(f"{asked}; name one of {', '.join(map(repr, names))} in `sheet`")


def _without_tail(row: Sequence[Any]) -> Sequence[Any]:
    """The row up to its last filled cell; beyond it a sheet has cells that were only formatted."""
    filled = [number for number, cell in enumerate(row, 1) if _shown(cell)]
    return row[: filled[-1]] if filled else ()


def _shown(cell: Any) -> str:
    return "" if cell.value is None else str(cell.value).strip()


def _texts(row: Sequence[Any], as_text: list[AsText]) -> list[str | None]:
    if len(row) > len(as_text):
        return [as_text[0](row[0]), *[MISFIT] * (len(row) - 1)]
    return [None if cell is None else read(cell) for cell, read in zip_longest(row, as_text)]


def _reader_of(header: str, source: Written, heads: Heads) -> AsText:
    if header in heads.dates:
        return partial(_as_date, declared=heads.dates[header])
    if header in heads.instants:
        return partial(_as_instant, declared=heads.instants[header])
    if header in heads.refs:
        return _as_ref
    return partial(_as_text, decimal=source.decimal)


def _as_ref(cell: Any) -> str | None:
    value = cell.value
    if isinstance(value, float) and not value.is_integer():
        return DAMAGED + "number"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) >= 10**_DIGITS:
            return DAMAGED + "number"
        shown = cell.number_format
        # A format of zeros only is how a sheet shows 10 as 0010.
        return str(int(value)).zfill(len(shown) if set(shown) == {"0"} else 0)
    return _as_text(cell, ".")


def _as_date(cell: Any, declared: str) -> str | None:
    value = cell.value
    if isinstance(value, dt.datetime) and value.time() == dt.time(0):
        return value.strftime(declared)
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    return _as_text(cell, ".")


def _as_instant(cell: Any, declared: str | None) -> str | None:
    """As it is declared for text, where that tells all of it."""
    value = cell.value
    if not isinstance(value, dt.datetime):
        return _as_text(cell, ".")
    if declared is not None:
        # A sheet knows no zone: where one is declared, this can't be read, and its row is told of.
        with suppress(ValueError):
            written = value.strftime(declared)
            if dt.datetime.strptime(written, declared) == value:  # noqa: DTZ007
                return written
    return value.isoformat(" ")


def _as_text(cell: Any, decimal: str) -> str | None:
    value = cell.value
    if cell.data_type == "e":
        return DAMAGED + "formula error"
    match value:
        case None | str():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            if abs(value) >= 10**_DIGITS:
                return DAMAGED + "number"
            return f"{value:.{_DIGITS}g}".replace(".", decimal)
        case _:
            return DAMAGED + "date"
