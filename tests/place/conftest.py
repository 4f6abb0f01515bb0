"""A ledger on which a day has proposed accounts for an agency."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine

from dunflow import day as stages
from dunflow.clock import VirtualClock
from dunflow.config.book import Book
from dunflow.config.destination import Destination
from dunflow.day import Day
from dunflow.ledger.engine import portfolio_id_of
from dunflow.place.deliver import EXPORTS
from dunflow.placements import Desk
from dunflow.scenario.model import Scenario
from dunflow.scenario.run import Story, book_of
from dunflow.snapshot.pull import Pull

DATE = dt.date(2026, 3, 1)
NOON = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)  # in Shanghai
POLICY = {
    "policy": "at_once",
    "packs": [],
    "tiers": [
        {
            "tier": "only",
            "from_dpd": 1,
            "steps": [{"step": "s", "at_dpd": 999, "channel": "sms", "template": "firm"}],
        }
    ],
    "hand_off": [{"to": "agency", "when": {"dpd": {"from": 1}}}],
}

MakeDesk = Callable[..., Desk]


def book(destination: Destination | None, hand_off: list[dict[str, Any]] | None) -> Book:
    policy = POLICY | ({"hand_off": hand_off} if hand_off else {})
    story = {"scenario": "s", "policy": policy, "accounts": {}, "timeline": [], "expect": {}}
    made = book_of(Story(Path(__file__), Scenario.model_validate(story)))
    if destination is None:
        return made
    portfolio = made.portfolio.model_copy(update={"destinations": {"agency": destination}})
    return Book(portfolio, made.policy, made.floor, made.folder)


def row(account: str, overdue: str = "1300.00", **more: Any) -> dict[str, Any]:
    return {
        "account": account,
        "customer": f"C{account}",
        "due_on": "2026-01-01",
        "overdue": overdue,
        "currency": "CNY",
        "name": "Somebody",
        **more,
    }


def _run(ledger: Engine, whole: Book, date: dt.date, rows: list[dict[str, Any]]) -> None:
    clock = VirtualClock(whole.portfolio.calendar.usual_time_of(date))
    day = Day(ledger, whole, date, clock, {})
    columns = ["phone", "email", "address", "language", "time_zone", "balance", "product"]
    columns += ["segment", "instalments_overdue", "last_payment_on"]
    frame = pd.DataFrame(rows)
    for column in columns:
        if column not in frame:
            frame[column] = None
    close = whole.portfolio.calendar.close_of(date)
    stages.snapshot(day, Pull(iter([frame.astype("string[pyarrow]")]), close))
    stages.gate(day)
    stages.decide(day)


@pytest.fixture
def make_desk(ledger: Engine, tmp_path: Path) -> MakeDesk:
    """Runs `DATE` for these rows, which proposes every one of them, and the dates of `before`."""

    def make(
        rows: list[dict[str, Any]],
        destination: Destination | None = None,
        hand_off: list[dict[str, Any]] | None = None,
        before: dict[dt.date, list[dict[str, Any]]] | None = None,
    ) -> Desk:
        whole = book(destination, hand_off)
        for date, some in ((before or {}) | {DATE: rows}).items():
            _run(ledger, whole, date, some)
        with ledger.begin() as conn:
            number = portfolio_id_of(conn, whole.name)
        environ = {EXPORTS: str(tmp_path / "exports")}
        return Desk(ledger, whole, number, VirtualClock(NOON), environ)

    return make


@pytest.fixture
def arrived(tmp_path: Path) -> Callable[[], list[Path]]:
    """The packages at the agency, in the order of their names."""
    return lambda: sorted((tmp_path / "exports").glob("*/agency/[!.]*"))
