import datetime as dt
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest

from dunflow.errors import SourceError
from tests.snapshot.conftest import DATE, Room

HEADER = ["account", "customer", "due_on", "overdue", "name"]
DUE = dt.datetime(2026, 3, 1)  # noqa: DTZ001 - a spreadsheet's dates have no zone


@pytest.fixture
def sheets(furnish: Callable[..., Room]) -> Callable[..., Room]:
    """A room whose source is a workbook with these rows."""

    def made(rows: list[list[Any]], **source: Any) -> Room:
        room = furnish({"format": "excel", "path": "{business_date}.xlsx"} | source)
        book = openpyxl.Workbook()
        for cells in rows:
            book.active.append(cells)
        for cell in book.active["A"]:
            if cell.value == 10:
                cell.number_format = "0000"
        book.save(room.book.folder / f"{DATE}.xlsx")
        return room

    return made


def test_cells_are_read_as_the_sheet_means_them(sheets: Callable[..., Room]) -> None:
    room = sheets(
        [
            HEADER,
            ["text", "C", DUE, 1234.56, "王"],
            [10, "C", DUE, 0.1 + 0.2, None],
            [42, "C", "2026-03-01", "7.50", 12],
            ["1234567890123456789", 7, DUE, 100, "x"],
            [None] * 5,
            ["formula", "C", DUE, "=1+1", "x"],
        ]
    )
    room.pull()
    assert room.amounts() == {
        "text": "1234.56",
        "0010": "0.3",
        "42": "7.5",
        "1234567890123456789": "100",
    }
    # No program has calculated the formula, so the sheet holds no value for it.
    assert room.rejections() == [(6, "overdue", "is empty", "formula")]


def test_a_blank_beyond_the_header_is_nothing(sheets: Callable[..., Room]) -> None:
    room = sheets([HEADER, ["A", "C", DUE, 1, "x", None, " "]])
    room.pull()
    assert room.amounts() == {"A": "1"}


def test_what_excel_has_spoilt_is_rejected(sheets: Callable[..., Room]) -> None:
    rounded = "is a number that a spreadsheet has rounded or rewritten"
    room = sheets(
        [
            HEADER,
            [1234567890123456789, "C", DUE, 1, "x"],
            ["A", 1.5, DUE, 1, "x"],
            ["B", "C", DUE, dt.datetime(2026, 1, 3), "x"],  # noqa: DTZ001 - was "1.3"
            ["D", "C", DUE, "#N/A", "x"],
            ["E", "C", dt.datetime(2026, 3, 1, 10, 30), 1, "x"],  # noqa: DTZ001
            ["F", "C", 46082, 1, "x"],
            ["G", "C", DUE, 1, "x", "beyond the header"],
            ["H", "C", DUE, 1e15, "x"],
            ["I", "C", DUE, True, "x"],
            ["good", "C", DUE, 1, "x"],
        ]
    )
    room.pull()
    assert room.rejections() == [
        (1, "account", rounded, None),
        (2, "customer", rounded, "A"),
        (3, "overdue", "is a date that a spreadsheet made of something else", "B"),
        (4, "overdue", "is a spreadsheet's error value", "D"),
        (5, "due_on", "is no date of the format %Y-%m-%d", "E"),
        (6, "due_on", "is no date of the format %Y-%m-%d", "F"),
        (7, "(row)", "the row has more or fewer cells than the header", "G"),
        (8, "overdue", rounded, "H"),
        (9, "overdue", "is no number as the portfolio declares them", "I"),
    ]
    assert room.amounts() == {"good": "1"}


def test_typed_numbers_do_not_depend_on_the_declared_signs(sheets: Callable[..., Room]) -> None:
    rows = [HEADER, ["A", "C", DUE, 1488.69, "x"], ["B", "C", DUE, "1.488,69", "x"]]
    room = sheets(rows, decimal=",", grouping=".")
    room.pull()
    assert room.amounts() == {"A": "1488.69", "B": "1488.69"}


def test_the_sheet_is_never_guessed(sheets: Callable[..., Room]) -> None:
    room = sheets([HEADER, ["A", "C", DUE, 1, "x"]])
    file = room.book.folder / f"{DATE}.xlsx"
    book = openpyxl.load_workbook(file)
    book.create_sheet("Notes")
    book.save(file)
    with pytest.raises(SourceError, match="has several sheets; name one of 'Sheet', 'Notes'"):
        room.pull()


def test_a_file_that_is_no_workbook_is_refused(sheets: Callable[..., Room]) -> None:
    room = sheets([HEADER])
    (room.book.folder / f"{DATE}.xlsx").write_text("account,customer")
    with pytest.raises(SourceError, match="is no Excel workbook"):
        room.pull()


def test_a_workbook_that_was_damaged_on_its_way_is_refused(sheets: Callable[..., Room]) -> None:
    room = sheets([HEADER, *[[f"A{n}", f"C{n}", DUE, n, "x"] for n in range(500)]])
    file = room.book.folder / f"{DATE}.xlsx"
    whole = file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        sheet = archive.getinfo("xl/worksheets/sheet1.xml")
    for place in range(sheet.header_offset + 100, sheet.header_offset + sheet.compress_size, 997):
        damaged = bytearray(whole)
        damaged[place : place + 8] = bytes(8)
        file.write_bytes(damaged)
        with pytest.raises(SourceError, match="can't be read"):
            room.pull()
