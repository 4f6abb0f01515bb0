"""What receivers of placements collected and the core has not booked yet, and what they closed."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Numeric,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
    true,
)

from dunflow.assess.ladder_rows import settled_at
from dunflow.assess.moment import Moment, is_present
from dunflow.assess.progress import local_day
from dunflow.config.book import Book
from dunflow.ledger.given import only
from dunflow.ledger.tables import (
    Instant,
    episode,
    handback,
    load,
    payment,
    placement,
    snapshot,
)


def collections(book: Book, portfolio_id: int) -> Select[Any]:
    """`account_id, currency, amount, since_on, until_on`: all that was collected on an account,
    whoever collected it, with its first and last day."""
    day = local_day(book, handback.c.happened_at)
    return (
        select(
            placement.c.account_id,
            handback.c.currency,
            func.sum(handback.c.amount).label("amount"),
            func.min(day).label("since_on"),
            func.max(day).label("until_on"),
        )
        .join(placement, placement.c.placement_id == handback.c.placement_id)
        .where(handback.c.portfolio_id == portfolio_id, handback.c.kind == "payment")
        .group_by(placement.c.account_id, handback.c.currency)
    )


def booked_since(
    book: Book, collected: FromClause, known: ColumnElement[bool] | None = None
) -> ColumnElement[Any]:
    """What the core booked on the account from the first day on on which anything was collected:
    by days, as a receiver may tell no more than the day."""
    c = collected.c
    return (
        select(func.coalesce(func.sum(payment.c.amount), literal(0, Numeric)))
        .where(
            payment.c.account_id == c.account_id,
            payment.c.currency == c.currency,
            local_day(book, payment.c.booked_at) >= c.since_on,
            true() if known is None else known,
        )
        .correlate(collected)
        .scalar_subquery()
    )


def paid_to_receivers(
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    moment: Moment,
    few: Sequence[int] | None,
) -> Select[Any]:
    """`account_id, amount` of what is not booked yet, where all that was owed was collected.

    A part that was collected tells nothing here: a core without a feed of payments may have
    booked it long ago, and the snapshot says what is left.
    """
    mine = (
        collections(book, portfolio_id)
        .join(episode, episode.c.episode_id == placement.c.episode_id)
        .where(
            is_present(business_date, moment),
            handback.c.happened_at <= moment.at,
            *only(placement.c.account_id, few),
        )
        .subquery("mine")
    )
    s = snapshot.c
    unbooked = mine.c.amount - booked_since(book, mine, payment.c.booked_at <= moment.at)
    return (
        select(s.account_id, unbooked.label("amount"))
        .join(mine, and_(mine.c.account_id == s.account_id, mine.c.currency == s.currency))
        .where(
            s.portfolio_id == portfolio_id,
            s.business_date == business_date,
            # What fell due later is another debt: this one is booked.
            s.due_on <= mine.c.until_on,
            func.coalesce(
                owed_before(portfolio_id, mine) - mine.c.amount
                <= settled_at(book.policy, s.currency),
                True,
            ),
        )
    )


def owed_before(portfolio_id: int, mine: FromClause) -> ColumnElement[Any]:
    """What was owed at the last accepted close before the first of it was collected."""
    then, its = snapshot.alias("then"), load.alias("its")
    last = (
        select(func.max(its.c.business_date))
        .where(
            its.c.portfolio_id == portfolio_id,
            its.c.state == "accepted",
            its.c.business_date < mine.c.since_on,
        )
        .correlate(mine)
        .scalar_subquery()
    )
    return (
        select(then.c.overdue_amount)
        .where(
            then.c.portfolio_id == portfolio_id,
            then.c.business_date == last,
            then.c.account_id == mine.c.account_id,
        )
        .correlate(mine)
        .scalar_subquery()
    )


def closed(portfolio_id: int, business_date: dt.date, moment: Moment) -> Select[int]:
    """Accounts that the last receiver of this episode is done with: paid there, settled, written
    off. Until a person takes one on again, it is not asked for."""
    then = or_(placement.c.ended_at.is_(None), placement.c.ended_at <= moment.at)
    return (
        select(placement.c.account_id)
        .join(episode, episode.c.episode_id == placement.c.episode_id)
        .where(
            placement.c.portfolio_id == portfolio_id,
            is_closed(literal(moment.at, Instant)),
            is_present(business_date, moment),
            then,
        )
    )


def is_closed(at: ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    """Whether a row of `placement` is closed, and nobody was given its account since, as of an
    instant."""
    later = placement.alias("later")
    given = select(later.c.placement_id).where(
        later.c.account_id == placement.c.account_id,
        later.c.placement_id > placement.c.placement_id,
        later.c.exported_at <= at,
    )
    return and_(placement.c.state == "closed", ~given.correlate_except(later).exists())
