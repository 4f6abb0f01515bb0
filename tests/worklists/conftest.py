"""A lender whose people phone and visit, and what they write on their lists."""

import csv
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, Table, select

from dunflow import day as stages
from dunflow.clock import VirtualClock
from dunflow.config.policy import Channel
from dunflow.config.portfolio import Calls, Team
from dunflow.day import Day
from dunflow.intake.results import Taken, take_results
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import (
    contact,
)
from dunflow.place.deliver import EXPORTS
from dunflow.placements import Desk
from dunflow.scenario.model import Scenario
from dunflow.scenario.run import Story, book_of
from dunflow.snapshot.pull import Pull
from dunflow.worklists.make import write_lists

DATE = dt.date(2026, 3, 9)
HERE = Path(__file__).parents[1] / "scenarios/own/none.yaml"
ROWS = [
    # name, account, customer, language, due, overdue, phone, time zone
    ("=cmd|' /C calc'!A0", "A1", "C1", "zh", "2026-03-08", "100.00", "+8613800138001", None),
    ("王小明", "0020", "C2", "zh", "2026-01-08", "50.00", "+8613800138002", None),
    ("Ann", "A3", "C3", "en", "2026-03-08", "900.00", "+8613800138003", "Europe/Berlin"),
    ("Bob", "A4", "C4", "en", "2026-03-08", "1000.00", "+8613800138004", None),
    ("Bob", "A5", "C4", "en", "2026-03-08", "1.50", "+8613800138004", None),
]
AT = {"at": "2026-03-10 17:00"}
COLUMNS = ["name", "account", "customer", "language", "due_on", "overdue", "phone", "time_zone"]


class Office:
    """A day whose contacts are listed, and the folder that the lists go to."""

    def __init__(self, desk: Desk, folder: Path, rows: list[Any]) -> None:
        self.desk, self.folder, self._rows = desk, folder, rows

    def live(self, date: dt.date, hour: int, gone: str | None = None) -> None:
        """A day of the book, up to this hour of the next one, without the account `gone`."""
        desk, calendar = self.desk, self.desk.book.portfolio.calendar
        clock = desk.clock
        assert isinstance(clock, VirtualClock)
        clock.move_to(calendar.usual_time_of(date))
        day = Day(desk.engine, desk.book, date, clock, {})
        frame = pd.DataFrame([row for row in self._rows if row[1] != gone], columns=COLUMNS)
        blank = ["email", "balance", "product", "segment", "instalments_overdue"]
        given = {"currency": "CNY", "address": "1 Some Street", "last_payment_on": None}
        frame = frame.assign(**given, **dict.fromkeys(blank))
        delivered = Pull(iter([frame.astype("string[pyarrow]")]), calendar.close_of(date))
        stages.snapshot(day, delivered)
        stages.gate(day)
        stages.decide(day)
        clock.move_to(calendar.start_of(date) + dt.timedelta(days=1, hours=hour))
        stages.remind(day)

    def write(self, channel: Channel = "call") -> list[dict[str, Any]]:
        return write_lists(self.desk, channel)

    def table(self, made: dict[str, Any]) -> list[dict[str, str]]:
        with self.file(made).open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.DictReader(stream))

    def file(self, made: dict[str, Any], number: int = 0) -> Path:
        (folder,) = self.folder.glob(f"*/*/{made['reference']}")
        return folder / str(made["files"][number]["name"])

    def bring_back(self, made: dict[str, Any], said: dict[str, dict[str, str]]) -> Taken:
        """The list, filled in: account → what is written into its line."""
        rows = [row | said.get(row["account"], {}) for row in self.table(made)]
        file = self.folder / "back.csv"
        with file.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return self.take(file)

    def take(self, file: Path, channel: Channel = "call") -> Taken:
        now = self.desk.clock.now() + dt.timedelta(hours=8)
        with self.desk.engine.begin() as conn:
            number = self.desk.portfolio_id
            return take_results(conn, self.desk.book, number, channel, file, "ann", now)

    def rows(self, table: Table) -> list[Any]:
        with self.desk.engine.connect() as conn:
            return list(conn.execute(select(table)))

    def states(self) -> dict[str, str]:
        with self.desk.engine.connect() as conn:
            return dict(conn.execute(select(contact.c.reference, contact.c.state)).all())


Open = Callable[..., Office]


@pytest.fixture
def office(ledger: Engine, tmp_path: Path) -> Open:
    def make(
        channel: Channel = "call",
        teams: list[Team] | None = None,
        hour: int = 16,
        rows: list[Any] = ROWS,
        **policy: Any,
    ) -> Office:
        often = {"channel": channel, "repeat": {"every_days": 1, "times": 9}}
        steps = [
            [{"step": "mild", "at_dpd": 1, "template": "firm"} | often],
            [{"step": "hard", "at_dpd": 31, "template": "final"} | often],
        ]
        tiers = [
            {"tier": "early", "from_dpd": 1, "steps": steps[0]},
            {"tier": "late", "from_dpd": 31, "steps": steps[1]},
        ]
        story = {
            "scenario": "s",
            "policy": {"policy": "p", "packs": ["own-day"], "tiers": tiers} | policy,
            "accounts": {},
            "timeline": [],
            "expect": {},
        }
        book = book_of(Story(HERE, Scenario.model_validate(story)))
        calls = Calls(teams=teams) if teams else Calls()
        portfolio = book.portfolio.model_copy(update={"calls": calls})
        book = type(book)(portfolio, book.policy, book.floor, book.folder)
        with ledger.begin() as conn:
            number = portfolio_id_of(conn, book.name)
        clock = VirtualClock(portfolio.calendar.usual_time_of(DATE))
        at = Office(Desk(ledger, book, number, clock, {EXPORTS: str(tmp_path)}), tmp_path, rows)
        # Berlin's eight o'clock is Shanghai's three in the afternoon.
        at.live(DATE, hour)
        return at

    return make
