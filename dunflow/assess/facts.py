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
    Date,
    FromClause,
    Integer,
    Numeric,
    Select,
    Subquery,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy import type_coerce as coerce

from dunflow.assess.holds import first_holds
from dunflow.assess.ladder_rows import days_past_due, settled_at
from dunflow.assess.plans import broken_plans, current_plans
from dunflow.assess.progress import local_day, progress
from dunflow.assess.promises import broken_promises, pending_promises
from dunflow.assess.tier_rank import tier_rank
from dunflow.config.book import Book
from dunflow.ledger.given import only
from dunflow.ledger.tables import (
    IN_FLIGHT,
    PLACEMENT_ACTIVE,
    account,
    contact,
    contact_account,
    credit,
    decision,
    episode,
    load,
    payment,
    placement,
    plan,
    promise,
    snapshot,
)


@dataclass(frozen=True)
class Moment:
    """When a run looks: the instant, whether it is late, and the portfolio's calendar day of it."""

    at: dt.datetime
    late: bool
    day: dt.date


def facts(
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    moment: Moment,
    accounts: Select[int] | Sequence[int] | None = None,
) -> Select[Any]:
    """One row per account of the snapshot (or of `accounts` only), as decisions see it.

    With a sequence, which is for a few accounts, nothing about any others is read.

    `overdue` is what the snapshot says less what the payment feed delivered since; `credit_covers`,
    `placed`, `in_flight`, `promise_pending`, `plan_current` are flags; `hold_kind` is NULL where
    there is none.
    """
    s, e = snapshot, episode
    few = accounts if isinstance(accounts, Sequence) else None
    paid = (
        _paid(book, portfolio_id, business_date, moment)
        .where(*only(payment.c.account_id, few))
        .subquery("paid")
    )
    left = case(
        (paid.c.amount.is_(None), s.c.overdue_amount),
        else_=func.greatest(s.c.overdue_amount - paid.c.amount, 0),
    )
    last_paid_on = func.greatest(s.c.last_payment_on, paid.c.last_on)
    covering = _covering(book, portfolio_id, business_date, moment, few).subquery("covering")
    holding = first_holds(book, portfolio_id, business_date, moment.at, few).subquery("holding")
    pending = (
        pending_promises(book, portfolio_id, moment.at)
        .where(*only(promise.c.account_id, few))
        .subquery("pending")
    )
    planned = (
        current_plans(book, portfolio_id, moment.at)
        .where(*only(plan.c.account_id, few))
        .subquery("planned")
    )
    placed = (
        _placed(portfolio_id, moment).where(*only(placement.c.account_id, few)).subquery("placed")
    )
    past = (_past_then if moment.late else _past)(book, portfolio_id, business_date, moment)
    tables: FromClause = (
        s.outerjoin(e, _episode_of(s, business_date, moment))
        .outerjoin(paid, and_(paid.c.account_id == s.c.account_id, paid.c.currency == s.c.currency))
        .outerjoin(
            covering,
            and_(covering.c.customer_id == s.c.customer_id, covering.c.currency == s.c.currency),
        )
        .outerjoin(holding, holding.c.account_id == s.c.account_id)
        .outerjoin(pending, pending.c.account_id == s.c.account_id)
        .outerjoin(planned, planned.c.account_id == s.c.account_id)
        .outerjoin(placed, placed.c.account_id == s.c.account_id)
    )
    for joined, on in past.joins:
        tables = tables.outerjoin(joined, on)
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
        settled_at(book.policy, s.c.currency).label("settled_at"),
        covering.c.customer_id.is_not(None).label("credit_covers"),
        placed.c.account_id.is_not(None).label("placed"),
        holding.c.kind.label("hold_kind"),
        pending.c.account_id.is_not(None).label("promise_pending"),
        planned.c.account_id.is_not(None).label("plan_current"),
        *past.columns,
    ]
    for fact, counted in _counted(book, portfolio_id, business_date, moment).items():
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


def _episode_of(rows: FromClause, business_date: dt.date, moment: Moment) -> ColumnElement[bool]:
    same = episode.c.account_id == rows.c.account_id
    if not moment.late:
        return and_(same, episode.c.ended_on.is_(None))
    return and_(
        same,
        episode.c.started_on <= business_date,
        or_(episode.c.ended_on.is_(None), episode.c.ended_on > business_date),
    )


def _paid(book: Book, portfolio_id: int, business_date: dt.date, moment: Moment) -> Select[Any]:
    """What the feed delivered that the core booked after the snapshot was taken."""
    as_of = (
        select(load.c.as_of_at)
        .where(load.c.portfolio_id == portfolio_id, load.c.business_date == business_date)
        .scalar_subquery()
    )
    return (
        select(
            payment.c.account_id,
            payment.c.currency,
            func.sum(payment.c.amount).label("amount"),
            func.max(local_day(book, payment.c.booked_at)).label("last_on"),
        )
        .where(
            payment.c.portfolio_id == portfolio_id,
            payment.c.booked_at >= as_of,  # the close is the first moment of the day after
            payment.c.booked_at <= moment.at,
        )
        .group_by(payment.c.account_id, payment.c.currency)
    )


def _covering(
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    moment: Moment,
    few: Sequence[int] | None,
) -> Select[Any]:
    """Customers and currencies in which unapplied credit is at least all that is still owed.

    Settled accounts count as nothing; so do those that are not on the ladder yet.
    """
    s = snapshot.alias("owing")
    unapplied = (
        select(credit.c.customer_id, credit.c.currency, func.sum(credit.c.amount).label("amount"))
        .where(
            credit.c.portfolio_id == portfolio_id,
            ~credit.c.cancelled,
            credit.c.booked_at <= moment.at,
        )
        .group_by(credit.c.customer_id, credit.c.currency)
        .subquery("unapplied")
    )
    paid = _paid(book, portfolio_id, business_date, moment).subquery("paid_too")
    theirs = select(snapshot.c.customer_id).where(
        snapshot.c.portfolio_id == portfolio_id,
        snapshot.c.business_date == business_date,
        *only(snapshot.c.account_id, few),
    )
    left = s.c.overdue_amount - func.coalesce(paid.c.amount, 0)
    owed = case((left > settled_at(book.policy, s.c.currency), left), else_=literal(0, Numeric))
    return (
        select(s.c.customer_id, s.c.currency)
        .join(
            unapplied,
            and_(unapplied.c.customer_id == s.c.customer_id, unapplied.c.currency == s.c.currency),
        )
        .outerjoin(paid, and_(paid.c.account_id == s.c.account_id, paid.c.currency == s.c.currency))
        .where(
            s.c.portfolio_id == portfolio_id,
            s.c.business_date == business_date,
            days_past_due(business_date, s.c.due_on) >= book.policy.ladder_from_dpd,
            *([] if few is None else [s.c.customer_id.in_(theirs)]),
        )
        .group_by(s.c.customer_id, s.c.currency, unapplied.c.amount)
        .having(unapplied.c.amount >= func.sum(owed))
    )


def _placed(portfolio_id: int, moment: Moment) -> Select[Any]:
    still: ColumnElement[bool] = placement.c.state.in_(PLACEMENT_ACTIVE)
    if moment.late:
        still = or_(still, placement.c.ended_at > moment.at)
    return (
        select(placement.c.account_id)
        .where(
            placement.c.portfolio_id == portfolio_id, placement.c.proposed_at <= moment.at, still
        )
        .distinct()
    )


@dataclass(frozen=True)
class _Past:
    """What the ladder needs from before: progress, highest tier, last contact, in flight."""

    joins: list[tuple[FromClause, ColumnElement[bool]]]
    columns: list[ColumnElement[Any]]


def _past(book: Book, portfolio_id: int, _date: dt.date, _moment: Moment) -> _Past:
    """As it is now, kept beside episode and account."""
    flying = (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(contact.c.portfolio_id == portfolio_id, contact.c.state.in_(IN_FLIGHT))
        .distinct()
        .subquery("flying")
    )
    return _Past(
        [
            (account, account.c.account_id == snapshot.c.account_id),
            (flying, flying.c.account_id == snapshot.c.account_id),
        ],
        [
            episode.c.progress,
            tier_rank(book.policy, episode.c.highest_tier).label("highest_rank"),
            account.c.last_contact_at,
            flying.c.account_id.is_not(None).label("in_flight"),
        ],
    )


def _past_then(book: Book, portfolio_id: int, business_date: dt.date, moment: Moment) -> _Past:
    """As it was at the usual time of a date that runs late, told from contacts and decisions.

    A late run contacts nobody, so the last contact and what is in flight don't matter.
    """
    on_date = (
        select(episode.c.episode_id)
        .join(snapshot, snapshot.c.account_id == episode.c.account_id)
        .where(
            snapshot.c.portfolio_id == portfolio_id,
            snapshot.c.business_date == business_date,
            _episode_of(snapshot, business_date, moment),
        )
    )
    then = progress(book, moment.at, on_date).subquery("then")
    before = (
        select(
            episode.c.episode_id,
            func.max(tier_rank(book.policy, decision.c.tier)).label("rank"),
        )
        .join(
            decision,
            and_(
                decision.c.portfolio_id == portfolio_id,
                decision.c.account_id == episode.c.account_id,
                decision.c.business_date >= episode.c.started_on,
                decision.c.business_date < business_date,
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
            cast(null(), account.c.last_contact_at.type).label("last_contact_at"),
            false().label("in_flight"),
        ],
    )


def _counted(
    book: Book, portfolio_id: int, business_date: dt.date, moment: Moment
) -> dict[str, Subquery]:
    """Counts (`account_id, times`) that cost a look back: only those that the policy uses."""
    used = book.policy.facts
    counted = {}
    if "broken_promises" in used:
        counted["broken_promises"] = broken_promises(book, portfolio_id, moment.at).subquery()
    if "broken_plans" in used:
        counted["broken_plans"] = broken_plans(book, portfolio_id, moment.at).subquery()
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
