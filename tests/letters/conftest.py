"""A day that lists letters, and what is on their pages."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pypdfium2 as pdfium
import pytest
from sqlalchemy import Engine, select

from dunflow import day as stages
from dunflow.clock import VirtualClock
from dunflow.day import Day
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import contact
from dunflow.letters import print_letters
from dunflow.place.deliver import EXPORTS, DeliveryError, Place
from dunflow.placements import Desk
from dunflow.scenario.model import Scenario
from dunflow.scenario.run import Story, book_of
from dunflow.snapshot.pull import Pull

DATE = dt.date(2026, 3, 9)
STEP = {"step": "s", "at_dpd": 1, "channel": "letter", "template": "final"}
POLICY = {
    "policy": "by_letter",
    "packs": [],
    "tiers": [{"tier": "only", "from_dpd": 1, "steps": [STEP]}],
}
BEFORE = POLICY | {
    "tiers": [
        {
            "tier": "before",
            "from_dpd": -3,
            "steps": [{**STEP, "at_dpd": -3, "template": "courtesy"}],
        }
    ]
}
NOTICE = POLICY | {
    "tiers": [{"tier": "only", "from_dpd": 1, "steps": [{**STEP, "purpose": "notice"}]}],
    "hand_off": [{"to": "court", "when": {"dpd": {"from": 2}}}],
}
COURT = {"court": {"kind": "legal", "evidence": True}}
MANY = [("BIG", f"{number:08}", "C9", "en", "1 Long Road\nBeijing") for number in range(400)]
FEW = [
    ("Ann #set *Example* $x$", "0010", "C1", "en", "12 Some Street\nShanghai 200000"),
    ("王小明", "20", "C2", "zh", "上海市浦东新区1号"),
    ("Nobody", "30", "C3", "en", "1\n2\n3\n4\n5\n6\n7"),
]
NEVER = ("cancelled", "never_printed")
MakeDesk = Callable[..., Desk]


@pytest.fixture
def listed(ledger: Engine, tmp_path: Path) -> MakeDesk:
    """A day that lists a letter for each customer of these rows."""

    def make(
        rows: list[tuple[str, ...]],
        folder: Path | None = None,
        policy: dict[str, Any] = POLICY,
        date: dt.date = DATE,
        destinations: dict[str, Any] = COURT,
        due_on: str | list[str] = "2026-03-08",
    ) -> Desk:
        story = {"scenario": "s", "policy": policy, "accounts": {}, "timeline": [], "expect": {}}
        story["portfolio"] = {"destinations": destinations}
        book = book_of(Story(Path(__file__), Scenario.model_validate(story)))
        book = replace(book, folder=folder or book.folder)
        clock = VirtualClock(book.portfolio.calendar.usual_time_of(date))
        day = Day(ledger, book, date, clock, {})
        frame = pd.DataFrame(rows, columns=["name", "account", "customer", "language", "address"])
        blank = ["phone", "email", "time_zone", "balance", "product", "segment"]
        blank += ["instalments_overdue", "last_payment_on"]
        given = {"due_on": due_on, "overdue": "1300.00", "currency": "CNY"}
        frame = frame.assign(**given, **dict.fromkeys(blank))
        close = book.portfolio.calendar.close_of(date)
        stages.snapshot(day, Pull(iter([frame.astype("string[pyarrow]")]), close))
        stages.gate(day)
        stages.decide(day)
        stages.remind(day)
        with ledger.begin() as conn:
            number = portfolio_id_of(conn, book.name)
        return Desk(ledger, book, number, clock, {EXPORTS: str(tmp_path)})

    return make


def pages(tmp_path: Path) -> list[str]:
    files = sorted(tmp_path.glob("*/letters/[!.]*/*.pdf"))
    return [page.get_textpage().get_text_range() for f in files for page in pdfium.PdfDocument(f)]


def states(desk: Desk) -> list[tuple[str, str | None]]:
    with desk.engine.connect() as conn:
        rows = conn.execute(select(contact.c.state, contact.c.reason).order_by("contact_id"))
        return [tuple(row) for row in rows]


def fail_to_print(desk: Desk) -> None:
    """Try, while the printer's folder takes nothing."""

    def fails(*_: object) -> None:
        raise OSError("no room")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Place, "_put", fails)
        with pytest.raises(DeliveryError, match="no room"):
            print_letters(desk)
