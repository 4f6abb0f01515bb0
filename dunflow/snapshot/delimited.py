"""Delimited text (CSV) as frames of text. What can't be read is marked for the quarantine."""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

import pandas as pd

from dunflow.config.reading import Written
from dunflow.errors import SourceError
from dunflow.snapshot.frames import MISFIT, Row, fitted, text_frame
from dunflow.snapshot.layout import Heads


def read_delimited(stream: BinaryIO, source: Written, heads: Heads) -> Iterator[pd.DataFrame]:
    """The rows below the header, all cells as text.

    Bytes that are no text in the declared encoding become marks inside their cell. Raises
    SourceError where a quote is open over the end of its line and the rows in it would be lost.
    """
    encoding = "utf-8-sig" if source.encoding == "utf-8" else source.encoding
    text = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")
    rows = _Rows(text, source.delimiter)
    first = next(rows, None)
    if first is None:
        return
    headers = [(header or "").strip() for header in first]
    fitting = (fitted(row, headers, heads) for row in rows)
    yield text_frame([], headers)
    while chunk := list(islice(fitting, source.chunk_rows)):
        yield text_frame(chunk, headers)


class _Rows:
    """The rows of a text. A row with wrong quotes is cut at its delimiters, and so does not fit."""

    def __init__(self, text: io.TextIOWrapper, delimiter: str) -> None:
        self._text = text
        self._delimiter = delimiter
        self._line = ""
        self._reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)

    def _lines(self) -> Iterator[str]:
        for number, line in enumerate(self._text):
            # A byte-order mark before a quote would make that a part of the cell.
            self._line = line if number else line.removeprefix("\ufeff")
            yield self._line

    def __iter__(self) -> "_Rows":
        return self

    def __next__(self) -> Row:
        before = self._reader.line_num
        try:
            return list(next(self._reader))
        except csv.Error:
            first, last = before + 1, self._reader.line_num
            if last > first:
                raise SourceError(
                    f"lines {first} to {last}: a quote is open where the line ends, and what "
                    "follows can't be told apart; mend the quotes. Nothing was loaded"
                ) from None
            return [*self._line.rstrip("\r\n").split(self._delimiter), MISFIT]
