"""Tiers and steps that accounts on the ladder have had, and the policy has no more."""

from sqlalchemy import Connection, Text, column, func, select, true

from dunflow.assess.progress import progress
from dunflow.config.book import Book
from dunflow.config.policy import Policy
from dunflow.ledger.tables import episode


def lost_tiers(conn: Connection, policy: Policy, portfolio_id: int) -> dict[str, int]:
    """Name → the accounts that stand in it, or stood in it as their highest."""
    known = [name for tier in policy.tiers for name in tier.names]
    rows = conn.execute(
        select(episode.c.highest_tier, func.count())
        .where(
            episode.c.portfolio_id == portfolio_id,
            episode.c.ended_on.is_(None),
            episode.c.highest_tier.not_in(known),
        )
        .group_by(episode.c.highest_tier)
        .order_by(episode.c.highest_tier)
    )
    return dict(rows.all())


def lost_steps(conn: Connection, book: Book, portfolio_id: int) -> dict[str, int]:
    """Name → the accounts for which it was done, tried or waived.

    By what really happened: what is kept of it may go by a `was` that the policy has no more.
    """
    known = [step.step for step in book.policy.ladder]
    open_ones = select(episode.c.episode_id).where(
        episode.c.portfolio_id == portfolio_id, episode.c.ended_on.is_(None)
    )
    told = progress(book, None, open_ones).subquery("told")
    keys = func.jsonb_object_keys(told.c.progress).table_valued(column("step", Text))
    named = keys.render_derived()
    rows = conn.execute(
        select(named.c.step, func.count())
        .select_from(told)
        .join(named, true())
        .where(named.c.step.not_in(known))
        .group_by(named.c.step)
        .order_by(named.c.step)
    )
    return dict(rows.all())
