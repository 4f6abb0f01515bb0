"""An agency's reader gets back every value, and its spreadsheet runs none of them."""

import csv
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunflow import placements
from dunflow.place.cells import guarded, unguarded
from dunflow.place.files import sha256
from dunflow.place.life import Chosen
from tests.place.conftest import MakeDesk, row

HOSTILE = "=cmd|' /C calc'!A0, \"two\"\nlines"
ROWS = [
    row("0010", "1300.00", name=HOSTILE, phone="+8613800000000", address="1 Some Street"),
    row("10", "0.10", name="-5.00", address="@SUM(1+1)*cmd|' /C calc'!A0"),
    row("6222021234567890123", "12345678901234.56", name="'=1+1", address="=2+3"),
    row("KW", "1.234", currency="KWD", name="王小明", address="上海市浦东新区1号"),
    row("JP", "1935", currency="JPY", name="#DIV/0!", address="+1-2"),
]


@pytest.fixture
def package(make_desk: MakeDesk, arrived: Callable[[], list[Path]]) -> Path:
    desk = make_desk(ROWS)
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk)
    (found,) = arrived()
    return found


def _by_account(frame: pd.DataFrame) -> dict[str, dict[str, str]]:
    return {row["account"]: row for row in frame.to_dict("records")}


def test_csv_read_by_pandas_gives_every_value_back(package: Path) -> None:
    frame = pd.read_csv(package / "placements.csv", dtype=str, keep_default_na=False)
    found = _by_account(frame.map(unguarded))
    for sent in ROWS:
        read = found[sent["account"]]
        assert read["amount"] == sent["overdue"]
        assert read["name"] == sent["name"]
        assert read["address"] == sent["address"]
        assert read["customer"] == sent["customer"]
    assert found["0010"]["phone"] == "+8613800000000"


def test_excel_read_by_pandas_gives_every_value_back(package: Path) -> None:
    frame = pd.read_excel(
        package / "placements.xlsx", dtype=str, keep_default_na=False, na_values=[]
    )
    found = _by_account(frame)
    for sent in ROWS:
        read = found[sent["account"]]
        assert read["name"] == sent["name"]
        assert read["address"] == sent["address"]
        assert Decimal(read["amount"]) == Decimal(sent["overdue"])


def test_no_cell_of_the_workbook_is_a_formula_or_an_error(package: Path) -> None:
    sheet = openpyxl.load_workbook(package / "placements.xlsx").active
    assert sheet is not None
    kinds = {cell.data_type for line in sheet.iter_rows() for cell in line}
    assert kinds <= {"s", "n", "d"}
    assert kinds >= {"s", "n"}


def test_no_cell_of_the_csv_starts_a_formula(package: Path) -> None:
    with (package / "placements.csv").open(encoding="utf-8-sig", newline="") as stream:
        cells = [cell for line in csv.reader(stream) for cell in line]
    risky = [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))]
    assert set(risky) == {"-5.00", "+8613800000000"}  # plain numbers, which can call nothing


def test_json_gives_every_value_back(package: Path) -> None:
    told = json.loads((package / "placements.json").read_text(encoding="utf-8"))
    found = {each["account"]: each for each in told}
    for sent in ROWS:
        assert found[sent["account"]]["amount"] == sent["overdue"]
        assert found[sent["account"]]["name"] == sent["name"]


def test_the_manifest_proves_counts_totals_and_files(package: Path) -> None:
    manifest = json.loads((package / "manifest.json").read_text())
    assert manifest["rows"] == 5
    assert manifest["totals"] == {"CNY": "12345678902534.66", "JPY": "1935", "KWD": "1.234"}
    assert {each["name"] for each in manifest["files"]} == {
        "placements.csv",
        "placements.xlsx",
        "placements.json",
    }
    for each in manifest["files"]:
        file = package / each["name"]
        assert (each["bytes"], each["sha256"]) == (file.stat().st_size, sha256(file))


@given(st.text(alphabet="'=+-@＝ 1a.\t", max_size=6))
def test_taking_the_guard_off_always_gives_the_text_back(text: str) -> None:
    assert unguarded(guarded(text)) == text
