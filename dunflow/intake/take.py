"""Takes rows in from files and from the lender's systems: each once, bad ones aside, nothing lost.

A delivery is one transaction. It is read and staged first; only what is then written waits for the
portfolio's lock, so that a day decides on facts that stand still.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Engine, distinct, func, select

from dunflow.config.book import Book
from dunflow.config.feeds import KINDS, Feed
from dunflow.intake.agreed import take_consents, take_holds, take_promises
from dunflow.intake.delivered import note_delivery
from dunflow.intake.earlier import take_earlier_contacts, take_earlier_placements
from dunflow.intake.given import Given, give
from dunflow.intake.mergers import take_mergers
from dunflow.intake.payments import take_credits, take_payments
from dunflow.intake.plans import take_plans
from dunflow.intake.points import take_contact_points
from dunflow.intake.refusals import take_opt_outs
from dunflow.intake.rejects import Fault, note_rejects
from dunflow.intake.shape import layout_of, type_of
from dunflow.ledger.engine import give_room, lock_portfolio, portfolio_id_of
from dunflow.ledger.scratch import close_scratch, open_scratch
from dunflow.snapshot.columns import read_frames
from dunflow.snapshot.stage import fill_stage

if TYPE_CHECKING:
    import pandas as pd

TAKES: Mapping[str, Callable[[Given], int]] = {
    "payments": take_payments,
    "credits": take_credits,
    "holds": take_holds,
    "promises": take_promises,
    "plans": take_plans,
    "consents": take_consents,
    "opt_outs": take_opt_outs,
    "contact_points": take_contact_points,
    "merged_customers": take_mergers,
    "earlier_contacts": take_earlier_contacts,
    "earlier_placements": take_earlier_placements,
}
"""Kind → what keeps its rows, and tells how many of them changed something."""


@dataclass(frozen=True)
class Delivery:
    """Rows of one kind that came together. `mark` tells a file, and how it is read, from what it
    was before.

    `lines`: whether a row is found again by its line, as in a file.
    """

    kind: str
    origin: str
    frames: "Iterable[pd.DataFrame]"
    feed: Feed
    mark: str | None = None
    lines: bool = True


@dataclass(frozen=True)
class Taken:
    """`new` rows changed something, `known` ones had come before; `rejected`: what is wrong."""

    new: int
    known: int
    rejected: list[Fault]
    unseen: int = 0
    """Accounts that neither a snapshot nor anything else had brought before."""

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(
            self.new + other.new,
            self.known + other.known,
            [*self.rejected, *other.rejected],
            self.unseen + other.unseen,
        )

    def figures(self) -> dict[str, int]:
        return {"new": self.new, "known": self.known, "rejected": len(self.rejected)}


def take(engine: Engine, book: Book, given: Delivery, by: str, now: dt.datetime) -> Taken:
    """Take one delivery in. Raises SourceError, before anything is written, for a wrong header."""
    layout = partial(layout_of, given.kind, given.feed, book.portfolio.zone)
    where = f"{book.name} {given.kind}: {given.origin}"
    kinds = {name: type_of(name) for name in KINDS[given.kind]}
    with engine.begin() as conn:
        give_room(conn)
        open_scratch(conn)
        chunks = read_frames(given.frames, layout, None, where)
        stage = fill_stage(conn, chunks, kinds)
        lock_portfolio(conn, book.name)
        number = portfolio_id_of(conn, book.name)
        rows = give(conn, book, number, given.kind, stage, now, by)
        new = TAKES[given.kind](rows)
        faults = note_rejects(rows, given.kind, given.origin, lines=given.lines)
        rejected = conn.execute(select(func.count(distinct(stage.rejected.c.line)))).scalar_one()
        counts = stage.rows_read, new, rejected
        note_delivery(conn, number, given.kind, given.origin, counts, by, now, given.mark)
        close_scratch(conn)
    return Taken(new, stage.rows_read - rejected - new, faults, rows.unseen)
