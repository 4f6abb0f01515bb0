"""Guard 11: one contact per customer and day. The most severe account leads; some are covered."""

import datetime as dt
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Subquery,
    TableClause,
    Text,
    and_,
    case,
    false,
    func,
    literal,
    null,
    select,
)

from dunflow.assess.moment import Moment
from dunflow.config.book import Book
from dunflow.ledger.scratch import keep
from dunflow.ledger.tables import ACTUAL, ALIVE, contact

T = TypeVar("T")

_WEEK = dt.timedelta(days=7)

# What planning asks of an account, so that it need not look it up again.
_CARRIED = (
    "account_id",
    "customer_id",
    "episode_id",
    "currency",
    "due",
    "repetition",
    "rank",
    "dpd",
    "overdue",
)


def turns(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    judged: TableClause,
    reached: TableClause,
    moment: Moment,
) -> TableClause:
    """One row per account that a channel is there for: whether it leads, is covered, or waits.

    Beside what was judged and how it is reached: `leader_id` is the account that leads for the
    customer today (itself, where everyone may); `reason` is `step_due`, `covered` or
    `customer_turn`.
    """
    ready = (
        select(
            *[judged.c[name] for name in _CARRIED],
            reached.c.account_ref,
            reached.c.channel,
            reached.c.not_before_at,
        )
        .join(reached, reached.c.account_id == judged.c.account_id)
        .where(reached.c.reason.is_(None))
        .subquery("ready")
    )
    if book.policy.per_customer == "per_account":
        rows = select(
            ready, ready.c.account_id.label("leader_id"), literal("step_due", Text).label("reason")
        )
        return keep(conn, "turn", rows)
    ranked = select(
        ready,
        _leaders(ready, ready.c.account_id).label("leader_id"),
        _leaders(ready, ready.c.currency).label("leader_currency"),
        _leaders(ready, ready.c.due).label("leader_due"),
    ).subquery("ranked")
    busy = _busy(book, portfolio_id, moment).subquery("busy")
    r = ranked.c
    covered = and_(
        r.currency == r.leader_currency,
        ~_alone(book, r.leader_due, notices_only=True),
        ~_alone(book, r.due, notices_only=False),
    )
    rows = select(
        *[r[each.name] for each in ready.c],
        case((busy.c.customer_id.is_not(None), null()), else_=r.leader_id).label("leader_id"),
        case(
            (busy.c.customer_id.is_not(None), literal("customer_turn", Text)),
            (r.account_id == r.leader_id, literal("step_due", Text)),
            (covered, literal("covered", Text)),
            else_=literal("customer_turn", Text),
        ).label("reason"),
    ).join_from(ranked, busy, busy.c.customer_id == r.customer_id, isouter=True)
    return keep(conn, "turn", rows)


def _leaders(ready: Subquery, column: ColumnElement[T]) -> ColumnElement[T]:
    """The value that `column` has for the customer's most severe account."""
    return func.first_value(column).over(
        partition_by=ready.c.customer_id,
        order_by=(
            ready.c.rank.desc(),
            ready.c.dpd.desc(),
            ready.c.overdue.desc(),
            ready.c.account_ref,
        ),
    )


def _alone(book: Book, due: ColumnElement[int], *, notices_only: bool) -> ColumnElement[bool]:
    """Steps that stand alone: a notice covers no other; a mandatory step is covered by none."""
    numbers = [
        number
        for number, step in enumerate(book.policy.ladder)
        if step.purpose == "notice" or (step.mandatory and not notices_only)
    ]
    return due.in_(numbers) if numbers else false()


def _busy(book: Book, portfolio_id: int, moment: Moment) -> CompoundSelect[int]:
    """Customers who already have a living or an actual contact today."""
    ours = select(contact.c.customer_id).where(contact.c.portfolio_id == portfolio_id)
    today = book.portfolio.calendar.start_of(moment.day)
    went_today = and_(
        contact.c.state.in_(ACTUAL),
        contact.c.accepted_at >= today,
        # Implied, as contacts live for a day or so; it spares the look at all that ever went out.
        contact.c.business_date > moment.day - _WEEK,
    )
    return ours.where(contact.c.state.in_(ALIVE)).union(ours.where(went_today))
