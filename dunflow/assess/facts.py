"""The facts about each account on a date: what conditions and guards look at.

Everything is as of one `Moment`. A punctual run's moment is its own now. A late run's is the usual
time of its date: payments up to then count as far as they are known by now, and what the pipeline
itself did afterwards does not.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Integer,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal,
    select,
)
from sqlalchemy import type_coerce as coerce

from dunflow.assess.highest import holds_still
from dunflow.assess.ladder_rows import days_past_due, settled_at
from dunflow.assess.marks import FLAGS, marks
from dunflow.assess.moment import Moment, is_present
from dunflow.assess.plans import broken_plans
from dunflow.assess.progress import local_day, progress
from dunflow.assess.promises import broken_promises
from dunflow.assess.received import received
from dunflow.assess.tier_rank import tier_rank
from dunflow.config.book import Book
from dunflow.ledger.given import only
from dunflow.ledger.tables import decision, episode, payment, snapshot


def facts(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    moment: Moment,
    accounts: Select[int] | Sequence[int] | None = None,
    marked: FromClause | None = None,
) -> Select[Any]:
    """One row per account of the snapshot (or of `accounts` only), as decisions see it.

    With a sequence, which is for a few accounts, nothing about any others is read. `marked`: the
    rows of `marks` where they are kept already.

    `overdue` is what the snapshot says less what the payment feed delivered since; `credit_covers`,
    `placed`, `closed`, `in_flight`, `promise_pending`, `plan_current` are flags, and so is
    `collected`: what receivers collected, and the core has not booked, covers `overdue`.
    `hold_kind` is NULL where there is none, and so is `had_by` (see `marks`).
    """
    s, e = snapshot, episode
    few = accounts if isinstance(accounts, Sequence) else None
    if marked is None:
        marked = marks(conn, book, portfolio_id, business_date, moment, few).subquery("marked")
    m = marked.c
    left = case(
        (m.paid.is_(None), s.c.overdue_amount),
        else_=func.greatest(s.c.overdue_amount - m.paid, 0),
    )
    settles = settled_at(book.policy, s.c.currency)
    past = _past_then(book, portfolio_id, business_date, moment) if moment.late else _past(book)
    its_episode = and_(e.c.account_id == s.c.account_id, is_present(business_date, moment))
    tables: FromClause = s.outerjoin(e, its_episode).outerjoin(
        marked, m.account_id == s.c.account_id
    )
    for joined, on in past.joins:
        tables = tables.outerjoin(joined, on)
    last_paid_on: ColumnElement[Any] = s.c.last_payment_on
    if "days_since_payment" in book.policy.facts:
        came = _last_paid(book, portfolio_id, business_date, moment, few).subquery("came")
        same = and_(came.c.account_id == s.c.account_id, came.c.currency == s.c.currency)
        tables = tables.outerjoin(came, same)
        last_paid_on = func.greatest(last_paid_on, came.c.last_on)
    columns = [
        s.c.account_id,
        s.c.customer_id,
        e.c.episode_id,
        days_past_due(business_date, s.c.due_on).label("dpd"),
        s.c.due_on,
        left.label("overdue"),
        s.c.balance_amount.label("balance"),
        s.c.currency,
        s.c.product,
        s.c.segment,
        s.c.instalments_overdue,
        s.c.attributes,
        # What was paid in the hours between the date's close and its run is no day ahead of it.
        case(
            (last_paid_on > business_date, 0),
            else_=coerce(literal(business_date, Date) - last_paid_on, Integer),
        ).label("days_since_payment"),
        settles.label("settled_at"),
        func.coalesce(left - m.collected <= settles, False).label("collected"),
        m.hold_kind,
        m.had_by,
        *[func.coalesce(m[flag], False).label(flag) for flag in FLAGS],
        *past.columns,
    ]
    for fact, counted in _counted(book, portfolio_id, business_date, moment, few).items():
        tables = tables.outerjoin(counted, counted.c.account_id == s.c.account_id)
        columns.append(func.coalesce(counted.c.times, 0).label(fact))
    rows = (
        select(*columns)
        .select_from(tables)
        .where(s.c.portfolio_id == portfolio_id, s.c.business_date == business_date)
    )
    if isinstance(accounts, Select):
        return rows.where(s.c.account_id.in_(accounts))
    return rows.where(*only(s.c.account_id, few))


@dataclass(frozen=True)
class _Past:
    """What the ladder needs from before: progress and highest tier."""

    joins: list[tuple[FromClause, ColumnElement[bool]]]
    columns: list[ColumnElement[Any]]


def _past(book: Book) -> _Past:
    """As it is now, kept with the episode."""
    return _Past(
        [],
        [
            episode.c.progress,
            tier_rank(book.policy, episode.c.highest_tier).label("highest_rank"),
        ],
    )


def _past_then(book: Book, portfolio_id: int, business_date: dt.date, moment: Moment) -> _Past:
    """As it was at the usual time of a date that runs late, told from contacts and decisions."""
    on_date = (
        select(episode.c.episode_id)
        .join(snapshot, snapshot.c.account_id == episode.c.account_id)
        .where(
            snapshot.c.portfolio_id == portfolio_id,
            snapshot.c.business_date == business_date,
            is_present(business_date, moment),
        )
    )
    then = progress(book, moment.at, on_date).subquery("then")
    before = (
        select(
            episode.c.episode_id,
            func.max(tier_rank(book.policy, decision.c.tier)).label("rank"),
        )
        .join_from(
            episode,
            decision,
            and_(
                decision.c.portfolio_id == portfolio_id,
                decision.c.account_id == episode.c.account_id,
                decision.c.business_date >= episode.c.started_on,
                decision.c.business_date < business_date,
                holds_still(book, portfolio_id),
            ),
        )
        .where(episode.c.episode_id.in_(on_date))
        .group_by(episode.c.episode_id)
        .subquery("before")
    )
    return _Past(
        [
            (then, then.c.episode_id == episode.c.episode_id),
            (before, before.c.episode_id == episode.c.episode_id),
        ],
        [
            then.c.progress,
            before.c.rank.label("highest_rank"),
        ],
    )


def _last_paid(
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    moment: Moment,
    few: Sequence[int] | None,
) -> Select[Any]:
    """`account_id, currency, last_on`: the day of the last payment that nobody took back."""
    seen = select(snapshot.c.account_id).where(
        snapshot.c.portfolio_id == portfolio_id,
        snapshot.c.business_date == business_date,
        *only(snapshot.c.account_id, few),
    )
    which = [payment.c.account_id.in_(seen), payment.c.booked_at <= moment.at]
    came = received([*which, *only(payment.c.account_id, few)]).subquery("received").c
    return select(
        came.account_id,
        came.currency,
        func.max(local_day(book, came.booked_at)).label("last_on"),
    ).group_by(came.account_id, came.currency)


def _counted(
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    moment: Moment,
    few: Sequence[int] | None,
) -> dict[str, Subquery]:
    """Counts (`account_id, times`) that cost a look back: only those that the policy uses."""
    used = book.policy.facts
    counted = {}
    if "broken_promises" in used:
        broken = broken_promises(book, portfolio_id, business_date, moment.at, few)
        counted["broken_promises"] = broken.subquery()
    if "broken_plans" in used:
        broken = broken_plans(book, portfolio_id, business_date, moment.at)
        counted["broken_plans"] = broken.subquery()
    if "episodes_12m" in used:
        year_ago = business_date - dt.timedelta(days=365)
        counted["episodes_12m"] = (
            select(episode.c.account_id, func.count().label("times"))
            .where(
                episode.c.portfolio_id == portfolio_id,
                episode.c.started_on.between(year_ago, business_date),
            )
            .group_by(episode.c.account_id)
            .subquery()
        )
    return counted
