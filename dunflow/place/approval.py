"""A person's approval of proposals: what one question is about, and what an answer does.

The first question of a date is about what that date proposes, and about what dates before it
proposed while nobody was asked, as when the portfolio's placements were paused. Where a receiver
wants several people, each further question is about what the one before approved.

Whoever approves says what they have checked, where packs ask for it: a machine can't see to that.
"""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    case,
    cast,
    distinct,
    exists,
    func,
    literal,
    null,
    or_,
    select,
)

from dunflow.config.book import Book
from dunflow.ledger.tables import placement, placement_event
from dunflow.place.life import (
    APPROVAL,
    ASKED,
    FROM,
    MACHINE,
    Chosen,
    Moved,
    PlacementError,
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
    fresh = which.where(placement.c.placement_id.not_in(noted))
    note(conn, fresh, ASKED, literal(question, Text), MACHINE, now)
    return question


def approve(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    chosen: Chosen,
    checked: Collection[str],
    by: str,
    now: dt.datetime,
) -> Moved:
    """Let proposals leave, after asking again whether they may; those that may not are withdrawn.

    Where the receiver wants several approvals, one person's is noted until the last one comes.
    `checked`: what this person has checked. Raises PlacementError if packs ask for more.
    """
    business_date = require_decided(conn, book, portfolio_id)
    which = active(portfolio_id, chosen, FROM["approved"])
    refused = withdraw_refused(conn, book, portfolio_id, business_date, which, now)
    asked = _asked(conn, book, which)
    _require_checked(asked, checked)
    stands = standing(conn, book, portfolio_id, business_date, now, which)
    fit = select(stands.c.placement_id).where(stands.c.refusal.is_(None))
    note(conn, fit, APPROVAL, _kept(asked), by, now)
    voices = (
        # One person's name in another spelling is no second person.
        select(func.count(distinct(func.lower(func.btrim(placement_event.c.told_by)))))
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


def _asked(conn: Connection, book: Book, which: Select[int]) -> dict[str, list[str]]:
    """Receiver → what packs ask to have been checked, where they ask for anything."""
    to = placement.c.destination
    found = conn.execute(select(to).where(placement.c.placement_id.in_(which)).distinct())
    return {each: checks for each in sorted(found.scalars()) if (checks := book.checks(each))}


def _require_checked(asked: dict[str, list[str]], checked: Collection[str]) -> None:
    missing = {
        to: [check for check in checks if check not in checked] for to, checks in asked.items()
    }
    if any(missing.values()):
        told = "; ".join(f"{to}: {', '.join(checks)}" for to, checks in missing.items() if checks)
        wanted = dict.fromkeys(check for checks in missing.values() for check in checks)
        words = " ".join(f"--checked {check}" for check in wanted)
        raise PlacementError(
            f"nothing was approved. Packs ask whoever approves to have checked, for {told}. "
            f"Say so once you have: {words}"
        )


def _kept(asked: dict[str, list[str]]) -> ColumnElement[str]:
    """What was checked, as it is kept with the approval of each placement."""
    if not asked:
        return cast(null(), Text)
    told = {to: f"checked: {', '.join(checks)}" for to, checks in asked.items()}
    return case(told, value=placement.c.destination)


def _approvals(book: Book) -> ColumnElement[int]:
    wanted = {to: each.approvals for to, each in book.portfolio.destinations.items()}
    return of_destination(wanted, placement.c.destination, 1)


def _has(event: str) -> ColumnElement[bool]:
    return exists().where(
        placement_event.c.placement_id == placement.c.placement_id,
        placement_event.c.event == event,
    )
