"""Whether episodes are what the snapshots and contacts say."""

import datetime as dt

from sqlalchemy import ColumnElement, Select, Subquery, exists, false, func, or_, select

from dunflow.assess.progress import has_former_names, progress
from dunflow.ledger.tables import decision, episode, load, run, snapshot
from dunflow.report.proofs.scope import Scope


def progress_wrong(scope: Scope) -> Select[int]:
    """Episodes whose kept progress is not what their contacts say.

    Of those that ended nothing is asked any more, so they keep the names that steps had then. Where
    a step was renamed since the last run, the next one brings them in line.
    """
    mine = select(episode.c.episode_id).where(
        episode.c.portfolio_id == scope.portfolio_id, episode.c.ended_on.is_(None)
    )
    true_one = progress(scope.book, None, mine).subquery("true_one")
    return (
        select(episode.c.account_id)
        .outerjoin(true_one, true_one.c.episode_id == episode.c.episode_id)
        .where(
            episode.c.portfolio_id == scope.portfolio_id,
            episode.c.ended_on.is_(None),
            ~has_former_names(scope.book.policy),
            episode.c.progress.is_distinct_from(true_one.c.progress),
        )
    )


def episodes_overlap(scope: Scope) -> Select[int]:
    other = episode.alias("other")
    return (
        select(episode.c.account_id)
        .join(other, other.c.account_id == episode.c.account_id)
        .where(
            episode.c.portfolio_id == scope.portfolio_id,
            episode.c.episode_id != other.c.episode_id,
            episode.c.started_on <= other.c.started_on,
            or_(episode.c.ended_on.is_(None), episode.c.ended_on > other.c.started_on),
        )
    )


def unknown_but_cured(scope: Scope) -> Select[int]:
    """Accounts whose row could not be read, and that were taken as cured that very day.

    Unless their next row says so: what it owes became due only then.
    """
    each = _ended(scope)
    unread = exists().where(
        decision.c.portfolio_id == scope.portfolio_id,
        decision.c.business_date == each.c.ended_on,
        decision.c.account_id == each.c.account_id,
        decision.c.reason == "quarantined",
    )
    owes_anew = func.coalesce(_due_next(scope, each) >= each.c.ended_on, false())
    return select(each.c.account_id).where(unread, ~owes_anew)


def cured_by_nobody(scope: Scope) -> Select[int]:
    """Accounts that were taken as cured on a date whose rows came again, and are not trusted.

    A newer date has run since, and shows that they owe as before. What was done for them counts.
    """
    each = _ended(scope)
    newer = run.alias("newer")
    distrusted = exists().where(
        load.c.portfolio_id == scope.portfolio_id,
        load.c.business_date == each.c.ended_on,
        load.c.state != "accepted",
        newer.c.portfolio_id == load.c.portfolio_id,
        newer.c.business_date > load.c.business_date,
        newer.c.decided_at > load.c.loaded_at,
    )
    owes_as_before = _due_next(scope, each) < each.c.ended_on
    return select(each.c.account_id).where(distrusted, owes_as_before)


def _ended(scope: Scope) -> Subquery:
    return (
        select(episode.c.account_id, episode.c.ended_on)
        .where(
            episode.c.portfolio_id == scope.portfolio_id,
            episode.c.ended_on.between(scope.first, scope.last),
        )
        .subquery("ended")
    )


def _due_next(scope: Scope, each: Subquery) -> ColumnElement[dt.date]:
    """Since when it owed as it was next seen; NULL: it never was."""
    return (
        select(snapshot.c.due_on)
        .where(
            snapshot.c.portfolio_id == scope.portfolio_id,
            snapshot.c.account_id == each.c.account_id,
            snapshot.c.business_date > each.c.ended_on,
        )
        .order_by(snapshot.c.business_date)
        .limit(1)
        .scalar_subquery()
    )
