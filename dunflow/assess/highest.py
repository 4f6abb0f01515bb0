"""The highest tier of an episode: told from its decisions, but for those that only rows say which
came otherwise since.

A tier that was decided on a wrong due date, and of which nobody heard, was never reached: below it
lie steps that are still to be done.
"""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    TableClause,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy import type_coerce as coerce

from dunflow.assess.tier_rank import tier_of_rank, tier_rank
from dunflow.config.book import Book
from dunflow.ledger.tables import (
    NOT_SENT,
    contact,
    contact_account,
    decision,
    episode,
    load,
    run,
    snapshot,
)


def find_highest_tier(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    touched: TableClause,
    counts: ColumnElement[bool] | None = None,
) -> None:
    """Of each episode of these accounts as it is now; with `counts`, by those decisions only."""
    highest = (
        select(
            episode.c.episode_id, func.max(tier_rank(book.policy, decision.c.tier)).label("rank")
        )
        .join(touched, touched.c.account_id == episode.c.account_id)
        .outerjoin(
            decision,
            and_(
                decision.c.portfolio_id == portfolio_id,
                decision.c.account_id == episode.c.account_id,
                decision.c.business_date >= episode.c.started_on,
                or_(episode.c.ended_on.is_(None), decision.c.business_date < episode.c.ended_on),
                holds_still(book, portfolio_id),
                true() if counts is None else counts,
            ),
        )
        .group_by(episode.c.episode_id)
        .subquery()
    )
    tier = tier_of_rank(book.policy, highest.c.rank)
    conn.execute(
        update(episode)
        .where(
            episode.c.episode_id == highest.c.episode_id,
            episode.c.highest_tier.is_distinct_from(tier),
        )
        .values(highest_tier=tier)
    )


def holds_still(book: Book, portfolio_id: int) -> ColumnElement[bool]:
    """Whether a decision's tier counts: the date's rows say so still, or somebody was told of it.

    A row that only went on with the tier of such a one before it counts no more than that.
    """
    # Asked of few rows, so that it costs the others nothing.
    d, before = decision, decision.alias("before")
    reached_from = {
        name: literal(tier.from_dpd) for tier in book.policy.tiers for name in tier.names
    }
    reached = d.c.dpd >= case(reached_from, value=d.c.tier, else_=literal(0))
    went_on = (
        exists()
        .where(
            before.c.portfolio_id == portfolio_id,
            before.c.account_id == d.c.account_id,
            before.c.business_date < d.c.business_date,
            tier_rank(book.policy, before.c.tier) == tier_rank(book.policy, d.c.tier),
            *_hold_no_more(before, portfolio_id),
        )
        .correlate(d)
    )
    own = or_(d.c.business_date.not_in(came_again(portfolio_id)), _is_said(d), _may_be_known(d))
    return and_(own, or_(reached, _may_be_known(d), ~went_on))


def misled(book: Book, portfolio_id: int, dates: Collection[dt.date]) -> Select[int]:
    """Accounts that are in their tier only by decisions of these dates that hold no more."""
    return select(decision.c.account_id).where(
        decision.c.portfolio_id == portfolio_id,
        decision.c.business_date.in_(sorted(dates)),
        exists().where(
            episode.c.account_id == decision.c.account_id,
            episode.c.ended_on.is_(None),
            tier_rank(book.policy, episode.c.highest_tier)
            == tier_rank(book.policy, decision.c.tier),
        ),
        *_hold_no_more(decision, portfolio_id),
    )


def _hold_no_more(rows: FromClause, portfolio_id: int) -> list[ColumnElement[bool]]:
    """What is so of decisions that only rows say which came otherwise since."""
    again = rows.c.business_date.in_(came_again(portfolio_id))
    return [again, ~_is_said(rows), ~_may_be_known(rows)]


def came_again(portfolio_id: int, since: dt.date = dt.date.min) -> Select[dt.date]:
    """The dates of which the rows may be others than those that were decided on."""
    earlier = and_(
        run.c.portfolio_id == load.c.portfolio_id, run.c.business_date == load.c.business_date
    )
    runs = select(func.count()).where(earlier).scalar_subquery()
    return select(load.c.business_date).where(
        load.c.portfolio_id == portfolio_id,
        load.c.business_date >= since,
        or_(
            load.c.state != "accepted",
            exists().where(earlier, ~run.c.late, run.c.decided_at < load.c.loaded_at),
            runs > 1,
        ),
    )


def _is_said(decided: FromClause) -> ColumnElement[bool]:
    """Whether the date's accepted rows have the account as overdue as it was decided on."""
    s, d = snapshot.c, decided.c
    return (
        exists()
        .where(
            load.c.portfolio_id == d.portfolio_id,
            load.c.business_date == d.business_date,
            load.c.state == "accepted",
            s.portfolio_id == d.portfolio_id,
            s.business_date == d.business_date,
            s.account_id == d.account_id,
            coerce(s.business_date - s.due_on, Integer) == d.dpd,
            s.currency == d.currency,
            # What was paid since was no longer decided on.
            s.overdue_amount >= d.overdue_amount,
        )
        .correlate(decided)
    )


def _may_be_known(decided: FromClause) -> ColumnElement[bool]:
    """Whether a contact of the decision's date about the account went out, or still may."""
    return (
        exists()
        .where(
            contact_account.c.account_id == decided.c.account_id,
            contact_account.c.dropped.is_(None),
            contact.c.contact_id == contact_account.c.contact_id,
            contact.c.business_date == decided.c.business_date,
            contact.c.state.not_in(NOT_SENT),
        )
        .correlate(decided)
    )
