"""Takes text in as a file of some kind."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from dunflow.config.book import Book, read_book
from dunflow.intake.feeds import take_file
from dunflow.intake.take import Taken

NOW = dt.datetime(2026, 3, 10, 4, tzinfo=dt.UTC)
Take = Callable[[str, str], Taken]


@pytest.fixture
def book() -> Book:
    return read_book("sunrise_instalment")


@pytest.fixture
def take(ledger: Engine, book: Book, tmp_path: Path) -> Take:
    """Takes in the text of a CSV file of a kind, as it may come from a spreadsheet."""

    def taken(kind: str, text: str) -> Taken:
        file = tmp_path / f"{kind}.csv"
        file.write_text(text, encoding="utf-8-sig")
        return take_file(ledger, book, kind, file, "ann", NOW)

    return taken
