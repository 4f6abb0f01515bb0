"""Whether episodes are what the snapshots and contacts say."""

from sqlalchemy import Select, exists, false, func, or_, select

from dunflow.assess.progress import progress
from dunflow.ledger.tables import decision, episode, snapshot
from dunflow.report.proofs.scope import Scope


def progress_wrong(scope: Scope) -> Select[int]:
    """Episodes whose kept progress is not what their contacts say."""
    mine = select(episode.c.episode_id).where(episode.c.portfolio_id == scope.portfolio_id)
    true_one = progress(scope.book, None, mine).subquery("true_one")
    return (
        select(episode.c.account_id)
        .outerjoin(true_one, true_one.c.episode_id == episode.c.episode_id)
        .where(
            episode.c.portfolio_id == scope.portfolio_id,
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
    ended = select(episode.c.account_id, episode.c.ended_on).where(
        episode.c.portfolio_id == scope.portfolio_id,
        episode.c.ended_on.between(scope.first, scope.last),
    )
    each = ended.subquery("ended")
    unread = exists().where(
        decision.c.portfolio_id == scope.portfolio_id,
        decision.c.business_date == each.c.ended_on,
        decision.c.account_id == each.c.account_id,
        decision.c.reason == "quarantined",
    )
    due_next = (
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
    owes_anew = func.coalesce(due_next >= each.c.ended_on, false())
    return select(each.c.account_id).where(unread, ~owes_anew)
