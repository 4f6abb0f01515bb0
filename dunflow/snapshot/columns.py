"""Reads the frames of a pull: typed rows for the stage, and the rows that can't be read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dunflow.errors import SourceError
from dunflow.snapshot import cells
from dunflow.snapshot.kinds import kinds_of
from dunflow.snapshot.layout import Layout

REJECTED = pa.schema(
    [
        ("line", pa.int32()),
        ("column_name", pa.string()),
        ("value_kind", pa.string()),
        ("reason", pa.string()),
        ("account", pa.string()),  # the row's key; NULL where not even this could be read
        ("rejects_account", pa.bool_()),
    ]
)


# A fault here leaves the account as it is; like a bad phone, it rejects only itself.
ONLY_ITSELF = ("language",)


@dataclass(frozen=True)
class Chunk:
    """One frame as read.

    `rows`: `line` and one column per field of the layout, good rows only. `rejected`: one row per
    faulty cell, as in REJECTED; never a value. `read`: rows that were there, blank ones aside.
    """

    layout: Layout
    rows: pa.Table
    rejected: pa.Table
    read: int


def read_frames(
    frames: Iterable[pd.DataFrame],
    layout_of: Callable[[list[str]], Layout],
    default_currency: str | None,
    where: str,
) -> Iterator[Chunk]:
    """Read frame after frame; line 1 is the first row of the first frame.

    `layout_of` tells from the headers which column is what. Amounts have no more decimals than
    their currency, which is `default_currency` where a row names none. With None nobody knows it
    yet, and they may have as many as any currency.

    Raises SourceError, which names `where` they come from, if the columns are not those that the
    portfolio declares, in any frame.
    """
    layout: Layout | None = None
    headers: list[str] = []
    line = 1
    for frame in frames:
        if layout is None:
            headers = list(frame.columns)
            try:
                layout = layout_of(headers)
            except SourceError as error:
                raise SourceError(f"{where}: {error}") from None
        elif list(frame.columns) != headers:
            raise SourceError(f"{where}: the columns changed between two parts of it")
        try:
            chunk = read_frame(frame, layout, line, default_currency)
        except SourceError as error:
            raise SourceError(f"{where}: {error}") from None
        yield chunk
        line += len(frame)
    if layout is None:
        raise SourceError(f"{where}: has no columns at all, not even a header; deliver it again")


def read_frame(
    frame: pd.DataFrame, layout: Layout, line: int, default_currency: str | None
) -> Chunk:
    """Read one frame, whose first row is the `line`-th of the source."""
    raw = {field.name: _arrow(frame[field.header]) for field in layout.fields}
    lines = pa.array(range(line, line + len(frame)), pa.int32())
    lines, raw = _without_blank_rows(lines, raw, layout.key)
    read = _read_columns(raw, layout, default_currency)
    bad = _rows_with_fault(read, layout, len(lines))
    rows = pa.table({"line": lines} | {name: column.values for name, column in read.items()})
    if pc.any(bad).as_py():  # it copies all that stays
        rows = rows.filter(pc.invert(bad))
    return Chunk(layout, rows, _rejections(lines, raw, read, layout), len(lines))


def _arrow(series: "pd.Series[Any]") -> pa.Array:
    """The column in Arrow, without a copy where it is Arrow already."""
    try:
        column = pa.Array.from_pandas(series)
    except (UnicodeEncodeError, OverflowError, pa.ArrowInvalid, pa.ArrowTypeError):
        # Mixed types, text with half a surrogate pair, or a number of 40 digits: cell by cell.
        column = pa.array([_cell_text(value) for value in series], pa.string())
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column.type, pa.UuidType):  # Arrow writes none as text
        column = pa.array([value and str(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = pc.cast(column, pa.string())
    if pa.types.is_null(column.type):
        column = pc.cast(column, pa.string())
    return column


def _cell_text(value: object) -> str | None:
    if value is None or value is pd.NaT or value != value:  # NaN is not equal to itself
        return None
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _without_blank_rows(
    lines: pa.Array, raw: dict[str, pa.Array], key: str
) -> tuple[pa.Array, dict[str, pa.Array]]:
    """Leave out rows in which nothing stands at all, such as the empty lines at a file's end."""
    if not pa.types.is_string(raw[key].type):
        return lines, raw
    blank = pc.is_null(cells.trimmed(raw[key]))
    if not pc.any(blank).as_py():
        return lines, raw
    for column in raw.values():
        text = cells.trimmed(column) if pa.types.is_string(column.type) else column
        blank = pc.and_(blank, pc.is_null(text))
    filled = pc.invert(blank)
    return lines.filter(filled), {name: column.filter(filled) for name, column in raw.items()}


def _read_columns(
    raw: dict[str, pa.Array], layout: Layout, default_currency: str | None
) -> dict[str, cells.Cells]:
    """Every field as read. A fault of a whole column names it."""
    read: dict[str, cells.Cells] = {}
    meant = pa.scalar(default_currency, pa.string())
    currency: pa.Array = pa.repeat(meant, len(raw[layout.key]))
    if "currency" in raw:
        # What a row does not say stays unsaid: whose money it is, others know better.
        read["currency"] = cells.read_currency(raw["currency"])
        currency = pc.coalesce(read["currency"].values, meant)
    for field in layout.fields:
        if field.name == "currency":
            continue
        column = raw[field.name]
        try:
            if field.read is not None:
                found = field.read(column)
            else:
                found = cells.read_amount(
                    column, layout.numerals, currency, may_be_negative=field.name != "overdue"
                )
        except SourceError as error:
            raise SourceError(f"column {field.header!r}: {error}") from None
        read[field.name] = _required(found) if field.needed else found
    return read


def _required(found: cells.Cells) -> cells.Cells:
    """The column with a fault where a cell is empty."""
    empty = pc.is_null(found.values)
    for fault in found.faults:
        empty = pc.and_not(empty, fault.rows)
    if not pc.any(empty).as_py():
        return found
    return cells.Cells(found.values, (*found.faults, cells.Fault(empty, "is empty")))


def _rows_with_fault(read: dict[str, cells.Cells], layout: Layout, length: int) -> pa.BooleanArray:
    bad: pa.BooleanArray = pa.repeat(False, length)
    for field in layout.fields:
        if field.name in ONLY_ITSELF:
            continue
        for fault in read[field.name].faults:
            bad = pc.or_(bad, fault.rows)
    return bad


def _rejections(
    lines: pa.Array, raw: dict[str, pa.Array], read: dict[str, cells.Cells], layout: Layout
) -> pa.Table:
    """One row per fault: where, what it looks like, why, and whose it is if that was read."""
    tables = [REJECTED.empty_table()]
    told_once = next(field.name for field in layout.fields if field.name != layout.key)
    for field in layout.fields:
        for fault in read[field.name].faults:
            header = field.header
            if fault.reason == cells.DAMAGE["cells"]:
                if field.name != told_once:  # every cell of the row is marked
                    continue
                header = "(row)"
            where = pc.indices_nonzero(fault.rows)
            kinds = kinds_of(pc.take(raw[field.name], where))
            columns = [
                pc.take(lines, where),
                pa.repeat(header, len(where)),
                pa.array(kinds, pa.string()),
                pa.repeat(fault.reason, len(where)),
                pc.take(read[layout.key].values, where),
                pa.repeat(field.name not in ONLY_ITSELF, len(where)),
            ]
            tables.append(pa.table(columns, schema=REJECTED))
    return pa.concat_tables(tables)
