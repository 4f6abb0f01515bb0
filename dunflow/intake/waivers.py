"""Waivers: a person lets the ladder pass a mandatory step that can't be carried out.

What comes after it goes on with the next run. A step that a pack demands is never passed.
"""

import datetime as dt
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from dunflow.assess.progress import refresh
from dunflow.config.book import Book
from dunflow.decide.guards import BLOCKING
from dunflow.errors import DunflowError
from dunflow.intake.holders import account_of
from dunflow.ledger.tables import account, decision, episode, run, waiver


class WaiveError(DunflowError):
    """The step can't be passed: no such one, a pack demands it, or nothing blocks it."""


def waive(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    account_ref: str,
    step: str,
    *,
    reason: str,
    by: str,
    now: dt.datetime,
) -> bool:
    """Pass a blocked mandatory step of the account's open episode. False: it is passed already.

    Should run under the portfolio's lock, so that no run decides halfway. Raises WaiveError.
    """
    _require_mandatory(book, step)
    if demanded := book.demands(step):
        raise WaiveError(
            f"{step}: can't be waived, since {'; '.join(demanded)}; "
            "mend the contact point, or give the step a channel that reaches the customer"
        )
    account_id = account_of(conn, portfolio_id, account_ref)
    blocked = conn.execute(
        select(
            decision.c.business_date,
            decision.c.action,
            decision.c.reason,
            decision.c.step,
            episode.c.episode_id,
        )
        .outerjoin(
            episode,
            and_(episode.c.account_id == decision.c.account_id, episode.c.ended_on.is_(None)),
        )
        .where(decision.c.portfolio_id == portfolio_id, decision.c.account_id == account_id)
        .order_by(decision.c.business_date.desc())
        .limit(1)
    ).first()
    if blocked is None:
        raise WaiveError(f"account {account_ref!r}: nothing was decided about it yet")
    is_blocked = blocked.action == "suppress" and blocked.reason.startswith(BLOCKING)
    due_now = book.policy.step_now.get(blocked.step, blocked.step)
    if blocked.episode_id is None or due_now != step or not is_blocked:
        due = f", step {blocked.step}" if blocked.step else ""
        raise WaiveError(
            f"account {account_ref!r}: is not blocked at {step!r}; the decision of "
            f"{blocked.business_date} is {blocked.action}, {blocked.reason}{due}"
        )
    passed = conn.execute(
        insert(waiver)
        .values(
            portfolio_id=portfolio_id,
            account_id=account_id,
            episode_id=blocked.episode_id,
            business_date=blocked.business_date,
            step=step,
            reason=reason,
            waived_by=by,
            waived_at=now,
        )
        .on_conflict_do_nothing()
        .returning(waiver.c.waiver_id)
    ).first()
    mine = select(episode.c.episode_id).where(episode.c.episode_id == blocked.episode_id)
    refresh(conn, book, mine)
    return passed is not None


def blocked(conn: Connection, book: Book, portfolio_id: int) -> list[dict[str, Any]]:
    """The accounts that the newest decided date finds blocked at a mandatory step, severe first."""
    d = decision.c
    newest = (
        select(func.max(run.c.business_date))
        .where(run.c.portfolio_id == portfolio_id)
        .scalar_subquery()
    )
    mandatory = [name for each in book.policy.ladder if each.mandatory for name in each.names]
    rows = conn.execute(
        select(account.c.account_ref.label("account"), d.step, d.reason, d.tier, d.dpd)
        .join(account, account.c.account_id == d.account_id)
        .where(
            d.portfolio_id == portfolio_id,
            d.business_date == newest,
            d.action == "suppress",
            d.step.in_(mandatory),
            or_(*[d.reason.startswith(reason, autoescape=True) for reason in BLOCKING]),
        )
        .order_by(d.dpd.desc(), account.c.account_ref)
    )
    return [dict(row._mapping) for row in rows]


def _require_mandatory(book: Book, step: str) -> None:
    mandatory = [each.step for each in book.policy.ladder if each.mandatory]
    if step not in mandatory:
        there = ", ".join(mandatory) or "none"
        raise WaiveError(f"{step}: is no mandatory step of {book.name}; those are: {there}")
