"""The tier of each account: the most severe one reached; within an episode it never falls."""

from sqlalchemy import ColumnElement, FromClause, Integer, and_, case, func, literal, null

from dunflow.config.book import Book
from dunflow.decide.conditions import holds


def rank(book: Book, f: FromClause) -> ColumnElement[int]:
    """The tier's rank (0 is the mildest) for the facts `f`; NULL where none is reached."""
    policy = book.policy
    reached: ColumnElement[int] = case(
        *[
            (and_(f.c.dpd >= tier.from_dpd, holds(book, tier.when, f)), literal(number, Integer))
            for number, tier in reversed(list(enumerate(policy.tiers)))
        ],
        else_=null(),
    )
    # greatest() takes no notice of NULL.
    return reached if policy.tier_may_fall else func.greatest(reached, f.c.highest_rank)
