"""Evidence on paper: one PDF for each account of a package, in the portfolio's language."""

import datetime as dt
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from dunflow.config.book import Book, root
from dunflow.ledger.tables import package_line
from dunflow.money import for_people
from dunflow.place.content import Value, rows
from dunflow.place.evidence.facts import facts
from dunflow.place.lines import Package
from dunflow.remind.letters.fonts import lacks_signs, spelled

LAYOUT = "include/templates/_base/evidence.typ"
PER_PROCESS = 50
"""Accounts that one process sets: it keeps what it has set, so that memory would grow."""


def write_evidence(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    begun: Package,
    fields: list[str],
    folder: Path,
    now: dt.datetime,
) -> list[str]:
    """Set the evidence of every account of the package into `folder`; the names of the files.

    Says of the person what the package's fields say, and no more. Personal data.
    """
    names: list[str] = []
    inside = conn.execute(
        select(package_line.c.placement_id)
        .where(package_line.c.package_id == begun.package_id)
        .order_by(package_line.c.placement_id)
    )
    for some in _batches(list(inside.scalars())):
        known = facts(conn, book, portfolio_id, begun.business_date, some, fields, now)
        told = rows(conn, book, portfolio_id, begun, fields, some)
        papers = []
        for values in told:
            row = dict(zip(fields, values, strict=True))
            number = int(str(row["placement"]))
            paper = _paper(book, begun, row, now) | known[number]
            papers.append(spelled(paper) | {"by_code": lacks_signs(paper)})
        names += _set(papers, folder)
    return names


def _batches(numbers: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(numbers), PER_PROCESS):
        yield numbers[start : start + PER_PROCESS]


def _paper(book: Book, begun: Package, row: dict[str, Value], now: dt.datetime) -> dict[str, Any]:
    portfolio = book.portfolio
    language, currency = portfolio.language, str(row["currency"])
    named = portfolio.lender.name
    return {
        "name": f"evidence-{row['placement']}.pdf",
        "language": language,
        "lender": named.get(language) or next(iter(named.values())),
        "reference": begun.reference,
        "as_of": begun.business_date.isoformat(),
        "made_at": f"{now.astimezone(portfolio.zone):%Y-%m-%d %H:%M}",
        "zone": portfolio.time_zone,
        "statement": [
            [field, _read(value, currency, language)]
            for field, value in row.items()
            if value is not None and field != "currency"
        ],
    }


def _read(value: Value, currency: str, language: str) -> str:
    return for_people(value, currency, language) if isinstance(value, Decimal) else str(value)


def _set(papers: list[dict[str, Any]], folder: Path) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="dunflow-evidence-") as work:
        source = Path(work) / "evidence.typ"
        shutil.copy(root() / LAYOUT, source)
        for number, paper in enumerate(papers):
            text = json.dumps(paper, ensure_ascii=False)
            (Path(work) / f"{number}.json").write_text(text, encoding="utf-8")
        goals = [str(folder / paper["name"]) for paper in papers]
        module = "dunflow.place.evidence.typeset"
        subprocess.run([sys.executable, "-m", module, str(source), *goals], check=True)
    return [paper["name"] for paper in papers]
