"""Takes text in as a file of some kind."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine

from dunflow.config.book import Book, read_book, root
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


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ledger: Engine) -> Path:
    """A portfolio that would contact real people, on this ledger."""
    shipped = root() / "include/portfolios/sunrise_instalment"
    folder = tmp_path / "portfolios/live_book"
    folder.mkdir(parents=True)
    document: dict[str, Any] = yaml.safe_load((shipped / "portfolio.yaml").read_text())
    document |= {"portfolio": "live_book", "clock": "real"}
    del document["intake"]
    del document["destinations"]["harbour_agency"]["returns"]
    (folder / "portfolio.yaml").write_text(yaml.safe_dump(document, allow_unicode=True))
    for name in ("policy.yaml", "snapshot.sql"):
        (folder / name).write_text((shipped / name).read_text())
    monkeypatch.setenv("DUNFLOW_PORTFOLIOS", str(folder.parent))
    monkeypatch.setenv("DUNFLOW_LEDGER_URL", ledger.url.render_as_string(hide_password=False))
    return folder
