"""A person's approval of proposals: what one question is about, and what an answer does.

The first question of a date is about what that date proposes, and about what dates before it
proposed while nobody was asked, as when the portfolio's placements were paused. Where a receiver
wants several people, each further question is about what the one before approved.
"""

import datetime as dt

from sqlalchemy import ColumnElement, Connection, distinct, exists, func, or_, select

from dunflow.config.book import Book
from dunflow.ledger.tables import placement, placement_event
from dunflow.place.life import (
    APPROVAL,
    ASKED,
    FROM,
    MACHINE,
    Chosen,
    Moved,
    active,
    move,
    note,
    of_destination,
    require_decided,
    withdraw_refused,
)
from dunflow.place.standing import standing


def question_of(business_date: dt.date, turn: int) -> str:
    """The name of a date's question: its events have it as their reason."""
    return f"{business_date}, question {turn}"


def ask(
    conn: Connection, portfolio_id: int, business_date: dt.date, turn: int, now: dt.datetime
) -> str:
    """Note with each proposal that it is asked about now; the question's name.

    Asked once more, as when its task is cleared, it is also about what has come since.
    """
    question = question_of(business_date, turn)
    before = question_of(business_date, turn - 1) if turn > 1 else None
    which = active(portfolio_id, Chosen(question=before), ("proposed",))
    if before:
        which = which.where(_has(APPROVAL))
    else:
        which = which.where(
            or_(
                placement.c.business_date == business_date,
                (placement.c.business_date < business_date) & ~_has(ASKED),
            )
        )
    noted = active(portfolio_id, Chosen(question=question), ("proposed",))
    note(conn, which.where(placement.c.placement_id.not_in(noted)), ASKED, question, MACHINE, now)
    return question


def approve(
    conn: Connection, book: Book, portfolio_id: int, chosen: Chosen, by: str, now: dt.datetime
) -> Moved:
    """Let proposals leave, after asking again whether they may; those that may not are withdrawn.

    Where the receiver wants several approvals, one person's is noted until the last one comes.
    """
    business_date = require_decided(conn, book, portfolio_id)
    which = active(portfolio_id, chosen, FROM["approved"])
    refused = withdraw_refused(conn, book, portfolio_id, business_date, which, now)
    stands = standing(conn, book, portfolio_id, business_date, now, which)
    fit = select(stands.c.placement_id).where(stands.c.refusal.is_(None))
    note(conn, fit, APPROVAL, None, by, now)
    voices = (
        select(func.count(distinct(placement_event.c.told_by)))
        .where(
            placement_event.c.placement_id == placement.c.placement_id,
            placement_event.c.event == APPROVAL,
        )
        .scalar_subquery()
    )
    enough = fit.where(
        exists().where(
            placement.c.placement_id == stands.c.placement_id, voices >= _approvals(book)
        )
    )
    approved = move(conn, enough, "approved", FROM["approved"], None, by, now)
    noted: int = conn.execute(select(func.count()).select_from(fit.subquery())).scalar_one()
    counts = {"approved": approved} | ({"waiting for another approval": noted} if noted else {})
    return Moved(counts, refused)


def _approvals(book: Book) -> ColumnElement[int]:
    wanted = {to: each.approvals for to, each in book.portfolio.destinations.items()}
    return of_destination(wanted, placement.c.destination, 1)


def _has(event: str) -> ColumnElement[bool]:
    return exists().where(
        placement_event.c.placement_id == placement.c.placement_id,
        placement_event.c.event == event,
    )
