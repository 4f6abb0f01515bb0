"""A portfolio's placements: what waits, what a person decides, what is delivered.

Whoever works on them (Airflow, the command line, a scenario) calls these.
"""

import datetime as dt
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from dunflow.clock import Clock
from dunflow.config.book import Book, read_book
from dunflow.home import local_secrets
from dunflow.intake.handback.reconcile import Reconciled, reconciled
from dunflow.intake.handback.rejects import open_faults
from dunflow.intake.handback.take import Taken, take_handback
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.loads import newest_decided
from dunflow.ledger.migrate import open_ledger
from dunflow.ledger.replay import clock_of
from dunflow.money import exact
from dunflow.place import again, approval, life
from dunflow.place.export import Exported, export
from dunflow.place.known import require_destination, require_known
from dunflow.place.life import Chosen, Moved
from dunflow.place.listing import listing, summary
from dunflow.place.lock import placement_lock

Figures = dict[str, Any]
"""Counts, amounts and names of packages as JSON; never anything about a person."""


@dataclass(frozen=True)
class Desk:
    """One portfolio's placements, and what working on them needs."""

    engine: Engine
    book: Book
    portfolio_id: int
    clock: Clock
    environ: Mapping[str, str]


def open_desk(portfolio: str, now: dt.datetime | None = None) -> Desk:
    """The placements of the ledger that the environment names. `now` stands in for the clock.

    Raises ConfigError for a `now` of a portfolio whose senders reach real people.
    """
    book, engine = read_book(portfolio), open_ledger()
    with engine.begin() as conn:
        number = portfolio_id_of(conn, portfolio)
    clock = clock_of(engine, book, number, now)
    return Desk(engine, book, number, clock, local_secrets() | os.environ)


def approve(desk: Desk, chosen: Chosen, by: str, checked: Collection[str] = ()) -> Moved:
    """Let proposals leave with the next export. What may no longer leave is withdrawn.

    `checked`: which of the checks that packs ask for this person has made.
    """
    with placement_lock(desk.engine, desk.book.name), desk.engine.begin() as conn:
        require_known(conn, desk.book.name, desk.portfolio_id, chosen)
        now = desk.clock.now()
        return approval.approve(conn, desk.book, desk.portfolio_id, chosen, checked, by, now)


def reject(desk: Desk, chosen: Chosen, reason: str, by: str) -> Moved:
    """Turn proposals down."""
    with placement_lock(desk.engine, desk.book.name), desk.engine.begin() as conn:
        require_known(conn, desk.book.name, desk.portfolio_id, chosen)
        return life.reject(conn, desk.portfolio_id, chosen, reason, by, desk.clock.now())


def end(desk: Desk, chosen: Chosen, state: str, reason: str | None, by: str) -> Moved:
    """Move what has left: recalled, acknowledged, refused, returned or closed."""
    with placement_lock(desk.engine, desk.book.name), desk.engine.begin() as conn:
        require_known(conn, desk.book.name, desk.portfolio_id, chosen)
        return life.end(conn, desk.portfolio_id, chosen, state, reason, by, desk.clock.now())


def reopen(desk: Desk, chosen: Chosen, reason: str, by: str) -> Moved:
    """Have the ladder go on with what its receiver closed."""
    with placement_lock(desk.engine, desk.book.name), desk.engine.begin() as conn:
        require_known(conn, desk.book.name, desk.portfolio_id, chosen)
        now = desk.clock.now()
        return again.reopen(conn, desk.portfolio_id, chosen, reason, by, now)


def propose(desk: Desk, chosen: Chosen, reason: str, by: str) -> Moved:
    """Propose again, by hand, what had ended."""
    with placement_lock(desk.engine, desk.book.name), desk.engine.begin() as conn:
        require_known(conn, desk.book.name, desk.portfolio_id, chosen)
        return again.propose_again(
            conn, desk.book, desk.portfolio_id, chosen, reason, by, desk.clock.now()
        )


def deliver(desk: Desk) -> Exported:
    """Recall what must come back, and deliver what is to be told."""
    return export(desk.engine, desk.book, desk.clock, desk.environ)


def receive(desk: Desk, destination: str, file: Path, by: str) -> Taken:
    """Take in a file that a receiver of placements has sent; each row once, bad ones aside."""
    with placement_lock(desk.engine, desk.book.name), desk.engine.begin() as conn:
        require_destination(conn, desk.book.name, desk.portfolio_id, destination)
        return take_handback(
            conn, desk.book, desk.portfolio_id, destination, file, by, desk.clock.now()
        )


def rejects(desk: Desk) -> list[Figures]:
    """Rows of receivers' files that could not be taken in, and that nobody has mended."""
    with desk.engine.connect() as conn:
        return open_faults(conn, desk.portfolio_id)


def reconcile(desk: Desk, destination: str | None = None) -> Reconciled:
    """What receivers say that they collected, against what was booked and what they paid us."""
    with desk.engine.connect() as conn:
        return reconciled(conn, desk.book, desk.portfolio_id, destination)


def ask(desk: Desk, business_date: dt.date | None, turn: int) -> tuple[str, list[Figures]]:
    """The name of a date's question, and what it is about, summed up by destination, date and
    currency, each with what who approves must have checked; without a date that of the newest one
    decided."""
    with placement_lock(desk.engine, desk.book.name), desk.engine.begin() as conn:
        date = business_date or newest_decided(conn, desk.portfolio_id)
        if date is None:
            return "", []
        question = approval.ask(conn, desk.portfolio_id, date, turn, desk.clock.now())
        found = summary(conn, desk.portfolio_id, Chosen(question=question), ("proposed",))
    sums = [
        asdict(each)
        | {
            "business_date": str(each.business_date),
            "amount": exact(each.amount, each.currency),
            "checks": desk.book.checks(each.destination),
        }
        for each in found
    ]
    return question, sums


def rows(desk: Desk, chosen: Chosen, states: tuple[str, ...]) -> list[Figures]:
    """The placements themselves, the newest first: account, destination, state, amount, …

    `checks`: of a proposal what who approves must have checked. `approved_by` tells of all who did,
    and of what they had checked.
    """
    with desk.engine.connect() as conn:
        found = listing(conn, desk.portfolio_id, chosen, states)
    return [
        each | {"checks": desk.book.checks(each["to"]) if each["state"] == "proposed" else []}
        for each in found
    ]
