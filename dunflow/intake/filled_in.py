"""Lists of calls and visits as people filled them in: each line as typed values, or its faults."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from dunflow.config.book import Book
from dunflow.config.reading import Written
from dunflow.errors import SourceError
from dunflow.place.cells import printable, unguarded
from dunflow.snapshot import cells
from dunflow.snapshot.columns import read_frames
from dunflow.snapshot.files import read_place
from dunflow.snapshot.instants import INSTANT, read_instant
from dunflow.snapshot.layout import Field, Heads, Layout, find_header

if TYPE_CHECKING:
    import pandas as pd

WORDS: Final = {
    "reached": "reached",
    "no_answer": "no_answer",
    "busy": "busy",
    "failed": "failed",
    "voicemail": "machine",
    "wrong_number": "wrong_number",
    "promise": "promise",
    "paid": "paid",
    "dispute": "dispute",
    "hardship": "hardship",
    "complaint": "complaint",
    "refused": "refused",
    "no_more": "no_more",
    "已接通": "reached",
    "无人接听": "no_answer",
    "无人在家": "no_answer",
    "占线": "busy",
    "无法接通": "failed",
    "语音信箱": "machine",
    "号码错误": "wrong_number",
    "地址错误": "wrong_number",
    "承诺还款": "promise",
    "称已还款": "paid",
    "有异议": "dispute",
    "有困难": "hardship",
    "投诉": "complaint",
    "拒绝还款": "refused",
    "不再联系": "no_more",
}
"""What stands in the column `result` → what it means."""

_KNOWN_BY: Final = "reference"
_DAY: Final = "%Y-%m-%d"
_HEADS: Final = Heads(
    certain=frozenset(),
    refs=frozenset({_KNOWN_BY}),
    dates={"promised_on": _DAY},
    instants={"at": None},
)


@dataclass(frozen=True, repr=False)
class Line:
    """What a line says of its attempt; `result` is a meaning of WORDS. `repr` is left out: notes
    are personal data."""

    reference: str
    result: str
    at: dt.datetime
    promised_amount: Decimal | None = None
    promised_on: dt.date | None = None
    note: str | None = None


@dataclass(frozen=True)
class Fault:
    """Why a row, counted from 1 below the header, is of no use; never what it says."""

    row: int
    reason: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.reason}"


def read_list(book: Book, path: Path) -> Iterator[tuple[int, Line] | Fault]:
    """The rows that have a result, CSV in UTF-8 or Excel; the others are left for later.

    Raises SourceError for a file without the columns of a list.
    """
    written = Written(format="excel" if path.suffix.lower() == ".xlsx" else "csv")
    frames = read_place(str(path.absolute()), written, _HEADS, book.name)
    layout, where = partial(_layout, book), f"{book.name}: {path}"
    try:
        chunks = read_frames(_filled(frames), layout, book.portfolio.currency, where)
        for chunk in chunks:
            said = [name for name in chunk.rows.column_names if name not in ("line", "currency")]
            rows = chunk.rows.select(said).to_pylist()
            for number, row in zip(chunk.rows["line"].to_pylist(), rows, strict=True):
                yield number, Line(**row)
            for told in chunk.rejected.to_pylist():
                yield Fault(told["line"], f"{told['column_name']}: {told['reason']}")
    except SourceError as error:
        raise SourceError(f"{error}. Give back the list as it was made") from None


def _filled(frames: "Iterable[pd.DataFrame]") -> "Iterator[pd.DataFrame]":
    """The frames with every other row blank, so that those that stay keep their numbers."""
    for frame in frames:
        if list(frame.columns).count("result") == 1:
            empty = frame["result"].str.strip().fillna("") == ""
            frame.loc[empty] = None
        yield frame


def _layout(book: Book, headers: list[str]) -> Layout:
    at = partial(read_instant, declared=None, zone=book.portfolio.zone)
    fields = [
        Field("reference", "reference", pa.string(), cells.read_ref, needed=True),
        Field("result", "result", pa.string(), _read_word, needed=True),
        Field("at", "at", INSTANT, at, needed=True),
        Field("currency", "currency", pa.string(), cells.read_currency),
        Field("promised_amount", "promised_amount", cells.AMOUNT, None),
        Field("promised_on", "promised_on", pa.date32(), partial(cells.read_date, declared=_DAY)),
        Field("note", "note", pa.string(), _read_note),
    ]
    wanted = {each.name: each.header for each in fields}
    there = [each for each in fields if find_header(wanted, each.name, headers, needed=each.needed)]
    return Layout(tuple(there), cells.PLAIN, key=_KNOWN_BY)


def _read_word(column: pa.Array) -> cells.Cells:
    text = pc.utf8_lower(cells.trimmed(cells.as_text(column)))
    meant = pc.take(
        pa.array(list(WORDS.values())),
        pc.index_in(text, pa.array([word.lower() for word in WORDS])),
    )
    known = ", ".join(word for word in WORDS if word.isascii())
    unknown = pc.and_(pc.is_valid(text), pc.is_null(meant))
    return cells.settle(meant, *cells.damage(text), (unknown, f"is none of {known}"))


def _read_note(column: pa.Array) -> cells.Cells:
    """As long as it may be, and without the guard that a list's CSV has for spreadsheets."""
    text = cells.trimmed(cells.as_text(column))
    notes = [note and unguarded(printable(note)) for note in text.to_pylist()]
    return cells.settle(pa.array(notes, pa.string()), *cells.damage(text))
