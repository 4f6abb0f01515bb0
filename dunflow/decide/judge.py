"""Guards 1 to 9 for every account of a date, in one statement."""

import datetime as dt

from sqlalchemy import Connection, Select, Table, literal_column, select

from dunflow.assess.facts import Moment, facts
from dunflow.config.book import Book
from dunflow.decide.guards import quieting, verdict
from dunflow.decide.ladder import rungs
from dunflow.decide.tiers import rank
from dunflow.ledger.scratch import keep


def judge(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    moment: Moment,
    accounts: Select[int] | None,
) -> Table:
    """One row per account: facts, rank, due step, and action and reason if a guard spoke.

    `quiet` is the reason of guards 1 to 5, whatever else; `due` is the step's number in the ladder.
    """
    known = facts(book, portfolio_id, business_date, moment, accounts).subquery("known")
    # OFFSET 0 keeps the planner from copying the tier's expression into each rung's.
    ranked = select(known, rank(book, known).label("rank")).offset(literal_column("0"))
    f = ranked.subquery("f")
    ladder = rungs(book, f, moment)
    laid_out = select(
        f,
        ladder.due.label("due"),
        ladder.repetition.label("repetition"),
        ladder.lies_ahead.label("lies_ahead"),
        ladder.given_up.label("given_up"),
        ladder.hand_off.label("hand_off"),
    ).offset(literal_column("0"))
    g = laid_out.subquery("g")
    action, reason = verdict(book, g, moment)
    rows = select(
        g.c.account_id,
        g.c.customer_id,
        g.c.episode_id,
        g.c.dpd,
        g.c.overdue,
        g.c.currency,
        g.c.rank,
        g.c.due,
        g.c.repetition,
        quieting(g).label("quiet"),
        action.label("action"),
        reason.label("reason"),
        g.c.hand_off,
    )
    return keep(conn, "judged", rows, index="account_id")
