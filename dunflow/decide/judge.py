"""Guards 1 to 9, but the gap, for every account of a date, in one statement."""

import datetime as dt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Label,
    Select,
    Subquery,
    TableClause,
    case,
    func,
    null,
    select,
)

from dunflow.assess.facts import facts
from dunflow.assess.marks import marks
from dunflow.assess.moment import Moment
from dunflow.config.book import Book
from dunflow.decide.guards import quieting, verdict
from dunflow.decide.hand_off import first_met, is_limited, within_capacity
from dunflow.decide.ladder import due_step, rungs
from dunflow.decide.layers import layer
from dunflow.decide.tiers import rank
from dunflow.ledger.scratch import keep


def judge(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    moment: Moment,
    accounts: Select[int] | None,
) -> TableClause:
    """One row per account: facts, rank, due step, and action and reason if a guard spoke.

    `quiet` is the reason of guards 1 to 5, whatever else; `due` is the step's number in the ladder;
    `rises`: the tier is a higher one than before.
    """
    marked = keep(conn, "marked", marks(conn, book, portfolio_id, business_date, moment))
    known = facts(conn, book, portfolio_id, business_date, moment, accounts, marked).subquery(
        "known"
    )
    ranked = layer(known, rank(book, known).label("rank"))
    stepped = layer(
        ranked, due_step(book, ranked, moment).label("due"), quieting(ranked).label("quiet")
    )
    ladder = rungs(book, stepped, moment)
    laid_out = layer(
        stepped,
        ladder.repetition.label("repetition"),
        ladder.lies_ahead.label("lies_ahead"),
        ladder.given_up.label("given_up"),
        *_hand_off(book, stepped, ladder.blocked, moment),
    )
    if is_limited(book):
        laid_out = within_capacity(book, portfolio_id, laid_out, moment)
    g = laid_out.c
    action, reason = verdict(laid_out, moment)
    rows = select(
        g.account_id,
        g.customer_id,
        g.episode_id,
        g.dpd,
        g.overdue,
        g.currency,
        g.rank,
        g.due,
        g.repetition,
        g.quiet,
        action.label("action"),
        reason.label("reason"),
        g.hand_off,
        (g.rank > func.coalesce(g.highest_rank, -1)).label("rises"),
    )
    return keep(conn, "judged", rows)


def _hand_off(
    book: Book, f: Subquery, blocked: ColumnElement[bool], moment: Moment
) -> list[Label[Any]]:
    """Which rule sends it away; or, where room is limited, what is needed to say so."""
    if is_limited(book):
        return [blocked.label("blocked")]
    return [case((blocked, null()), else_=first_met(book, f, moment)).label("hand_off")]
