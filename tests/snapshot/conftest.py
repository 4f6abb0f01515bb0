"""A book whose source is a list of rows, and a lender's core that is a table."""

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, Select, func, select

from dunflow.config.base import build
from dunflow.config.book import Book, make_book
from dunflow.config.policy import Policy
from dunflow.config.portfolio import Portfolio
from dunflow.ledger.engine import portfolio_id_of, portfolio_lock
from dunflow.ledger.tables import account, quarantine, snapshot
from dunflow.snapshot.accept import accept
from dunflow.snapshot.gate import Verdict, judge
from dunflow.snapshot.load import Loaded, load
from dunflow.snapshot.pull import Pull
from dunflow.snapshot.source import pull

DATE = dt.date(2026, 3, 10)
Row = dict[str, Any]


def make(folder: Path, source: Row | None = None, **overrides: Any) -> Book:
    """A book in `folder`, a Chinese one unless `overrides` say otherwise."""
    portfolio = {
        "portfolio": "shore",
        "time_zone": "Asia/Shanghai",
        "region": "CN",
        "language": "zh",
        "currency": "CNY",
        "run_at": "06:30",
        "source": {"kind": "files", "path": "{business_date}.csv"} | (source or {}),
        "lender": {
            "name": {"zh": "海岸"},
            "phone": "1",
            "pay_url": "https://pay.example",
            "complaints": "c",
        },
    } | overrides
    policy = {
        "policy": "one",
        "packs": [],
        "tiers": [
            {
                "tier": "first",
                "from_dpd": 1,
                "steps": [{"step": "s", "at_dpd": 1, "channel": "sms", "template": "courtesy"}],
            }
        ],
    }
    return make_book(
        build(Portfolio, portfolio, "portfolio"),
        build(Policy, policy, "policy"),
        folder,
        [],
        "policy",
    )


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return make(tmp_path)


def row(account: str, **facts: Any) -> Row:
    """A good row, with `facts` in place of what they name."""
    usual = {
        "account": account,
        "customer": f"C-{account}",
        "due_on": "2026-03-01",
        "overdue": "100.00",
    }
    return usual | facts


class Room:
    """The snapshot stages on one ledger, as a day calls them."""

    def __init__(self, engine: Engine, book: Book) -> None:
        self.engine = engine
        self.book = book

    def usual(self, date: dt.date) -> dt.datetime:
        return self.book.portfolio.calendar.usual_time_of(date)

    def load(self, rows: list[Row] | pd.DataFrame, date: dt.date = DATE) -> Loaded:
        frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, dtype="str")
        return self.load_pull(Pull(iter([frame]), self.usual(date)), date)

    def load_pull(self, pulled: Pull, date: dt.date = DATE) -> Loaded:
        with portfolio_lock(self.engine, self.book.name) as conn:
            number = portfolio_id_of(conn, self.book.name)
            return load(conn, self.book, number, date, pulled, self.usual(date))

    def pull(self, date: dt.date = DATE, now: dt.datetime | None = None) -> Loaded:
        """Pull from the book's source and load."""
        at = now or self.usual(date)
        with portfolio_lock(self.engine, self.book.name) as conn:
            number = portfolio_id_of(conn, self.book.name)
            return load(conn, self.book, number, date, pull(self.book, date, at, os.environ), at)

    def judge(self, date: dt.date = DATE) -> Verdict:
        with portfolio_lock(self.engine, self.book.name) as conn:
            number = portfolio_id_of(conn, self.book.name)
            return judge(conn, self.book, number, date, self.usual(date))

    def accept(self, date: dt.date = DATE, reason: str = "the book was sold") -> None:
        with portfolio_lock(self.engine, self.book.name) as conn:
            number = portfolio_id_of(conn, self.book.name)
            accept(conn, self.book, number, date, reason, "an engineer", self.usual(date))

    def ask(self, query: Select[Any]) -> list[Any]:
        with self.engine.connect() as conn:
            return [tuple(found) for found in conn.execute(query)]

    def rejections(self, date: dt.date = DATE) -> list[tuple[Any, ...]]:
        """`line, column, reason, account` of each faulty row, in their order."""
        return self._quarantined(date, rejects_account=True)

    def bad_contacts(self, date: dt.date = DATE) -> list[tuple[Any, ...]]:
        return self._quarantined(date, rejects_account=False)

    def _quarantined(self, date: dt.date, *, rejects_account: bool) -> list[tuple[Any, ...]]:
        q = quarantine.c
        return self.ask(
            select(q.line, q.column_name, q.reason, account.c.account_ref)
            .outerjoin_from(quarantine, account, account.c.account_id == q.account_id)
            .where(q.business_date == date, q.rejects_account == rejects_account)
            .order_by(q.line, q.column_name)
        )

    def amounts(self, date: dt.date = DATE) -> dict[str, str]:
        """Account → overdue amount, of the date's snapshot."""
        shown = func.trim_scale(snapshot.c.overdue_amount)
        rows = self.ask(
            select(account.c.account_ref, shown)
            .join(account, account.c.account_id == snapshot.c.account_id)
            .where(snapshot.c.business_date == date)
        )
        return {ref: f"{amount:f}" for ref, amount in rows}


@pytest.fixture
def room(ledger: Engine, book: Book) -> Room:
    return Room(ledger, book)


@pytest.fixture
def furnish(ledger: Engine, tmp_path: Path) -> Callable[..., Room]:
    """A room whose source, and whatever else, is as declared."""

    def furnished(source: Row | None = None, **overrides: Any) -> Room:
        return Room(ledger, make(tmp_path, source, **overrides))

    return furnished
