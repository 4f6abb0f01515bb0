"""A package as files: CSV, Excel and JSON with the same rows, and a manifest that proves them."""

import csv
import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from dunflow.config.destination import Format
from dunflow.money import exact
from dunflow.place.cells import GUARD, as_text, guarded, printable
from dunflow.place.content import Value
from dunflow.place.lines import Package
from dunflow.place.seal import encryption

MANIFEST = "manifest.json"
ROWS_PER_SHEET = 1_000_000
"""A sheet of Excel holds 1,048,576."""
_EXACT_DIGITS = 15
"""So many digits of a number survive in a spreadsheet; more is written as text."""


class Writer(Protocol):
    """Writes one file, row by row."""

    def row(self, values: tuple[Value, ...], currency: str) -> None: ...

    def close(self) -> None: ...


@dataclass
class Counted:
    """What went into the files."""

    rows: int
    totals: dict[str, Decimal]
    names: list[str]


def write(
    folder: Path,
    package: Package,
    formats: list[Format],
    fields: list[str],
    rows: Iterable[tuple[Value, ...]],
) -> Counted:
    """Write the package's rows into `folder`, which must be there and empty.

    Needs memory for one row. Personal data: `folder` must be readable by its owner only.
    """
    stem = f"{package.kind}s"
    made: dict[str, Writer] = {}
    for each in formats:
        name = f"{stem}.{SUFFIX[each]}"
        made[name] = WRITERS[each](folder / name, fields)
    counted = Counted(0, {}, list(made))
    currency_at, amount_at = fields.index("currency"), fields.index("amount")
    with ExitStack() as stack:
        for writer in made.values():
            stack.callback(writer.close)
        for values in rows:
            currency = str(values[currency_at])
            for writer in made.values():
                writer.row(values, currency)
            amount = values[amount_at]
            assert isinstance(amount, Decimal)
            counted.rows += 1
            counted.totals[currency] = counted.totals.get(currency, Decimal(0)) + amount
    return counted


def write_manifest(
    folder: Path,
    package: Package,
    portfolio: str,
    fields: list[str],
    counted: Counted,
    recipients: list[str],
) -> None:
    """Says what is in `folder`, and proves it. Nothing about a person, so it is never encrypted."""
    manifest: dict[str, Any] = {
        "reference": package.reference,
        "kind": package.kind,
        "from": portfolio,
        "to": package.destination,
        "as_of": package.business_date.isoformat(),
        "made_at": package.made_at.astimezone(dt.UTC).isoformat(),
        "rows": counted.rows,
        "totals": {code: exact(total, code) for code, total in sorted(counted.totals.items())},
        "fields": fields,
        "csv": {"encoding": "utf-8-sig", "delimiter": ",", "guard": GUARD},
        "encryption": encryption(recipients),
        "files": [
            {
                "name": name,
                "bytes": (folder / name).stat().st_size,
                "sha256": sha256(folder / name),
            }
            for name in counted.names
        ],
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class _Csv:
    def __init__(self, file: Path, fields: list[str]) -> None:
        # With a byte-order mark, without which Excel does not take it for UTF-8.
        self._stream = file.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._stream)
        self._fields = fields
        self._writer.writerow(fields)

    def row(self, values: tuple[Value, ...], currency: str) -> None:
        cells = (as_text(value, currency) for value in values)
        self._writer.writerow(
            [
                guarded(cell) if isinstance(value, str) and cell is not None else cell
                for value, cell in zip(values, cells, strict=True)
            ]
        )

    def close(self) -> None:
        self._stream.close()


class _Json:
    """An array of objects, one to a line. Amounts are text, so that no reader rounds them."""

    def __init__(self, file: Path, fields: list[str]) -> None:
        self._stream = file.open("w", encoding="utf-8")
        self._fields, self._before = fields, "[\n"

    def row(self, values: tuple[Value, ...], currency: str) -> None:
        told = {
            field: value if isinstance(value, int) else as_text(value, currency)
            for field, value in zip(self._fields, values, strict=True)
        }
        self._stream.write(self._before + json.dumps(told, ensure_ascii=False))
        self._before = ",\n"

    def close(self) -> None:
        self._stream.write("[]\n" if self._before == "[\n" else "\n]\n")
        self._stream.close()


class _Excel:
    """Texts as texts, whatever they begin with; amounts and dates as such."""

    def __init__(self, file: Path, fields: list[str]) -> None:
        self._file, self._fields = file, fields
        self._book = Workbook(write_only=True)
        self._left = 0
        self._sheet: Any = None

    def row(self, values: tuple[Value, ...], currency: str) -> None:
        if not self._left:
            self._begin_sheet()
        self._left -= 1
        self._sheet.append(
            [self._cell(value, currency) if value is not None else None for value in values]
        )

    def _begin_sheet(self) -> None:
        self._sheet = self._book.create_sheet()
        self._sheet.freeze_panes = "A2"
        header = [WriteOnlyCell(self._sheet, value=field) for field in self._fields]
        for cell in header:
            cell.font = _BOLD
        self._sheet.append(header)
        self._left = ROWS_PER_SHEET

    def _cell(self, value: Value, currency: str) -> Any:
        if isinstance(value, dt.date | int):
            return value
        if isinstance(value, Decimal):
            return self._amount(value, currency)
        text = printable(str(value))
        if text[:1] not in _LOOKS_SPECIAL:
            return text
        cell = WriteOnlyCell(self._sheet)
        cell.value = text
        # openpyxl takes "=…" for a formula and "#N/A" for an error unless it is told.
        cell.data_type = "s"
        # As if a person had typed an apostrophe: it stays a text when the cell is edited.
        cell.quotePrefix = True
        return cell

    def _amount(self, value: Decimal, currency: str) -> Any:
        text = exact(value, currency)
        if len(value.normalize().as_tuple().digits) > _EXACT_DIGITS:
            return text
        cell = WriteOnlyCell(self._sheet, value=value)
        decimals = len(text.partition(".")[2])
        cell.number_format = "0." + "0" * decimals if decimals else "0"
        return cell

    def close(self) -> None:
        if self._sheet is None:
            self._begin_sheet()
        self._book.save(self._file)
        self._book.close()


_BOLD = Font(bold=True)
_LOOKS_SPECIAL = tuple("=+-@#＝＋－＠'")
SUFFIX: dict[Format, str] = {"csv": "csv", "excel": "xlsx", "json": "json"}
WRITERS: dict[Format, type[_Csv | _Excel | _Json]] = {
    "csv": _Csv,
    "excel": _Excel,
    "json": _Json,
}
