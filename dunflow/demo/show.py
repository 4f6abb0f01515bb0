"""The demo: a lender of our own, its last dates through the real Airflow, and what came of it."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, func, select

from dunflow import day as stages
from dunflow.clock import DAY
from dunflow.config.book import Book, read_book
from dunflow.decide.explain import Story, explain
from dunflow.demo.core import ensure_core
from dunflow.demo.hand_over import hand_over, wait_for_recalls
from dunflow.demo.lender import CONNECTION, DATABASE, make_lender
from dunflow.errors import DunflowError
from dunflow.home import home
from dunflow.intake.handback.reconcile import Standing
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.migrate import open_ledger
from dunflow.ledger.tables import ACTUAL, account, contact, contact_account, decision, placement
from dunflow.place.deliver import place_of
from dunflow.placements import open_desk, reconcile
from dunflow.report.audit import Checked, audit
from dunflow.stack.airflow import AirflowApi
from dunflow.stack.backfill import States, backfill
from dunflow.stack.ports import Ports
from dunflow.stack.up import Running, up
from dunflow.worklists.make import lists_of

PORTFOLIO = "sunrise_instalment"
SEED = 7

_DATES_AFTER = 2
"""Dates that run after the agency has answered: it is heard, and what was paid comes back."""


@dataclass(frozen=True)
class Shown:
    """What the demo did, and where to look."""

    running: Running
    dates: States
    decided: dict[str, int]
    """Action → decision rows of all dates."""
    contacts: list[tuple[str, str, int]]
    """Step, channel, and how many of them reached a provider or a list."""
    lists: dict[str, int]
    """Folders of the newest date's call lists → calls on each."""
    placed: list[tuple[str, str, int]]
    """Destination, state, and how many accounts are there in it."""
    collected: list[Standing]
    """What each receiver says that it collected."""
    story: Story
    checked: list[Checked]
    report: Path

    @property
    def clean(self) -> bool:
        return all(state == "success" for state in self.dates.values()) and not any(
            each.broken for each in self.checked
        )

    def figures(self) -> dict[str, Any]:
        """For a script. The secrets of `running` are left out: `dunflow up` tells them."""
        return {
            "dates": {str(date): state for date, state in self.dates.items()},
            "decided": self.decided,
            "contacts": [
                {"step": step, "channel": channel, "count": count}
                for step, channel, count in self.contacts
            ],
            "call_lists": self.lists,
            "placed": [
                {"destination": destination, "state": state, "accounts": count}
                for destination, state, count in self.placed
            ],
            "broken_promises": [asdict(each) for each in self.checked if each.broken],
            "airflow": self.running.ports.airflow_url,
            "inbox": self.running.ports.sandbox_url,
            "report": str(self.report),
        }


def show(
    ports: Ports | None,
    dates: int,
    say: Callable[[str], None],
    ran: Callable[[States], None],
) -> Shown:
    """Start the stack, make the lender, and backfill its last `dates` business dates.

    `say` hears what is being done, `ran` how far the dates are. Doing it again goes on where it
    ended: the lender stays as it was made, and dates that ran well are left alone.
    """
    running = up(ports, say)
    say("Making the lender")
    core, last = _lender()
    api, told = AirflowApi(running.ports), States()

    def run(first: dt.date, until: dt.date) -> States:
        return backfill(PORTFOLIO, first, until, lambda states: ran(told | states))

    say("Airflow runs the dates, the oldest first")
    approved = last - _DATES_AFTER * DAY
    told |= run(last - (dates - 1) * DAY, approved)
    say("A person approves the first hand-off, and the agency answers")
    hand_over(api, PORTFOLIO, core, approved + DAY)
    told |= run(approved + DAY, last)
    wait_for_recalls(api, PORTFOLIO, last)
    say("Looking at what happened")
    book = read_book(PORTFOLIO)
    with open_ledger().begin() as conn:
        number = portfolio_id_of(conn, PORTFOLIO)
        return Shown(
            running=running,
            dates=told,
            decided=_decided(conn, number),
            contacts=_contacts(conn, number),
            lists=_lists(),
            placed=_placed(conn, number),
            collected=reconcile(open_desk(PORTFOLIO)).standings,
            story=_story(conn, book, number),
            checked=audit(conn, book, number),
            report=home() / "reports" / PORTFOLIO / f"{last}.html",
        )


def _lender() -> tuple[URL, dt.date]:
    """Make the lender once; its database, and the last business date that it knows of."""
    kept = home() / "demo.json"
    url = ensure_core(DATABASE, CONNECTION)
    if kept.exists():
        return url, dt.date.fromisoformat(json.loads(kept.read_text())["last_business_date"])
    # In the small hours the newest closed date still waits for its usual time.
    last = stages.newest_closed(PORTFOLIO)
    calendar = read_book(PORTFOLIO).portfolio.calendar
    if calendar.usual_time_of(last) > dt.datetime.now(dt.UTC):
        last -= DAY
    make_lender(url, SEED, last)
    kept.write_text(json.dumps({"last_business_date": str(last)}))
    return url, last


def _decided(conn: Connection, portfolio_id: int) -> dict[str, int]:
    rows = conn.execute(
        select(decision.c.action, func.count())
        .where(decision.c.portfolio_id == portfolio_id)
        .group_by(decision.c.action)
        .order_by(func.count().desc())
    )
    return dict(rows.all())


def _contacts(conn: Connection, portfolio_id: int) -> list[tuple[str, str, int]]:
    rows = conn.execute(
        select(contact.c.step, contact.c.channel, func.count())
        .where(contact.c.portfolio_id == portfolio_id, contact.c.state.in_(ACTUAL))
        .group_by(contact.c.step, contact.c.channel)
        # A mandatory step is also done in a later tier, where it was not done before.
        .order_by(func.min(contact.c.severity), func.count().desc())
    )
    return list(rows)


def _lists() -> dict[str, int]:
    desk = open_desk(PORTFOLIO)
    place = place_of(desk.book, "calls", desk.environ)
    made = lists_of(desk, "call")
    return {f"{place.shown}/{each['reference']}": each["lines"] for each in made}


def _placed(conn: Connection, portfolio_id: int) -> list[tuple[str, str, int]]:
    rows = conn.execute(
        select(placement.c.destination, placement.c.state, func.count())
        .where(placement.c.portfolio_id == portfolio_id)
        .group_by(placement.c.destination, placement.c.state)
        .order_by(placement.c.destination, func.count().desc(), placement.c.state)
    )
    return list(rows)


def _story(conn: Connection, book: Book, portfolio_id: int) -> Story:
    """The story of the account that was contacted by the most steps, the smallest id first."""
    chosen = conn.execute(
        select(account.c.account_ref)
        .join(contact_account, contact_account.c.account_id == account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(contact.c.portfolio_id == portfolio_id, contact.c.state.in_(ACTUAL))
        .group_by(account.c.account_ref)
        .order_by(func.count(contact_account.c.step.distinct()).desc(), account.c.account_ref)
        .limit(1)
    ).scalar()
    if chosen is None:
        raise DunflowError(
            "the demo's dates contacted nobody; look at the runs in Airflow, then at "
            f"'dunflow check {PORTFOLIO}'"
        )
    return explain(conn, book, portfolio_id, chosen, None)
