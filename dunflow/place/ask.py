"""Asking people about proposals: what one question is about, so that its answer means no more.

The first question of a date is about what that date proposes, and about what dates before it
proposed while nobody was asked, as when the portfolio's placements were paused. Where a receiver
wants several people, each further question is about what the one before approved.
"""

import datetime as dt

from sqlalchemy import ColumnElement, Connection, exists, or_

from dunflow.ledger.tables import placement, placement_event
from dunflow.place.life import APPROVAL, ASKED, MACHINE, Chosen, active, note


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


def _has(event: str) -> ColumnElement[bool]:
    return exists().where(
        placement_event.c.placement_id == placement.c.placement_id,
        placement_event.c.event == event,
    )
