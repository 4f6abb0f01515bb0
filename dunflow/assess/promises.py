"""Promises to pay: pending, kept or broken by the payments that were really received.

The promises of an account share what comes in, the earliest day first. A payment counts for those
that were made before it and whose time is not over, and no part of it for two of them. Whoever was
cured in the time of a promise kept it.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Numeric,
    Select,
    and_,
    case,
    column,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from dunflow.assess.cures import was_cured
from dunflow.assess.progress import local_day
from dunflow.assess.received import received
from dunflow.config.book import Book
from dunflow.ledger.given import only
from dunflow.ledger.owners import same_owner
from dunflow.ledger.tables import Instant, payment, promise


def pending_promises(
    book: Book, portfolio_id: int, at: dt.datetime, few: Sequence[int] | None = None
) -> Select[Any]:
    """`account_id, promise_id` of promises that are waited for."""
    asked = _asked(portfolio_id, at, few).where(_ends_at(book) > at).subquery("asked")
    states = promise_states(book, asked).subquery("states")
    return select(states.c.account_id, states.c.promise_id).where(states.c.state == "pending")


def broken_promises(
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    at: dt.datetime,
    few: Sequence[int] | None = None,
) -> Select[Any]:
    """`account_id, times`: how many promises of an account were broken by whose it is now."""
    asked = _asked(portfolio_id, at, few).where(_ends_at(book) <= at).subquery("asked")
    states = promise_states(book, asked).subquery("states")
    made_on = local_day(book, promise.c.made_at)
    return (
        select(states.c.account_id, func.count().label("times"))
        .join(promise, promise.c.promise_id == states.c.promise_id)
        .where(
            states.c.state == "broken",
            same_owner(portfolio_id, states.c.account_id, made_on, business_date),
        )
        .group_by(states.c.account_id)
    )


def _asked(portfolio_id: int, at: dt.datetime, few: Sequence[int] | None) -> Select[Any]:
    return (
        select(promise.c.account_id, literal(at, Instant).label("at"))
        .where(promise.c.portfolio_id == portfolio_id, *only(promise.c.account_id, few))
        .distinct()
    )


def promise_states(book: Book, asked: FromClause, *, as_known: bool = False) -> Select[Any]:
    """`promise_id, account_id, at, state` of the promises of the accounts that `asked` names, as of
    the instant `at` beside each: `pending`, `kept` or `broken`.

    Those that were cancelled before their time was over are in none of these states. `as_known`: by
    what we had been told by then; a feed may tell it days late.
    """
    shared = _shared(book, asked, as_known)
    s = shared.c
    cured = was_cured(book, s.account_id, s.made_at, s.ends_at, s.at)
    state = case(
        (or_(s.taken >= s.amount, cured), "kept"),
        (s.ends_at <= s.at, "broken"),
        else_="pending",
    )
    return select(s.promise_id, s.account_id, s.at, state.label("state"))


def _shared(book: Book, asked: FromClause, as_known: bool) -> CTE:
    """Each promise with what it `taken`s of the money that came in, one after the other: the n-th
    of an account finds `left` what those before it did not take."""
    ranked = _ranked(book, asked, as_known)
    money = _money(asked, as_known)
    r, of_account = ranked.c, ("account_id", "currency", "at")
    first = _take(ranked, money.c.amounts, money.c.booked)
    begins = (
        select(*r, money.c.booked, first.c.taken, first.c.left)
        .select_from(ranked)
        .outerjoin(money, and_(*[r[name] == money.c[name] for name in of_account]))
        .join(first, true())
        .where(r.nth == 1)
    )
    before = begins.cte(recursive=True)
    following = _take(ranked, before.c.left, before.c.booked)
    goes_on = (
        select(*r, before.c.booked, following.c.taken, following.c.left)
        .select_from(before)
        .join(
            ranked,
            and_(*[r[name] == before.c[name] for name in of_account], r.nth == before.c.nth + 1),
        )
        .join(following, true())
    )
    return before.union_all(goes_on)


def _ranked(book: Book, asked: FromClause, as_known: bool) -> CTE:
    """The promises that stood, in the order in which they take: `nth` of each account."""
    p = promise.c
    ends_at = _ends_at(book)
    stood = or_(p.cancelled_at.is_(None), p.cancelled_at > func.least(asked.c.at, ends_at))
    nth = func.row_number().over(
        partition_by=[p.account_id, p.currency, asked.c.at],
        order_by=[ends_at, p.made_at, p.promise_id],
    )
    return (
        select(p.promise_id, p.account_id, p.currency, asked.c.at, p.amount, p.made_at)
        .add_columns(ends_at.label("ends_at"), nth.label("nth"))
        .join(asked, asked.c.account_id == p.account_id)
        .where(p.made_at <= asked.c.at, stood)
        .where(*([p.recorded_at <= asked.c.at] if as_known else []))
        .cte()
    )


def _money(asked: FromClause, as_known: bool) -> CTE:
    """What each account received, as arrays in the order of time."""
    known = [payment.c.recorded_at <= asked.c.at] if as_known else []
    here = payment.join(asked, asked.c.account_id == payment.c.account_id)
    came = received([payment.c.booked_at <= asked.c.at, *known], here, [asked.c.at])
    c = came.subquery("came").c

    def in_time(each: ColumnElement[Any]) -> ColumnElement[Any]:
        ordered = aggregate_order_by(each, c.booked_at, c.payment_id)
        return func.array_agg(ordered, type_=ARRAY(each.type))

    return (
        select(c.account_id, c.currency, c.at)
        .add_columns(in_time(c.amount).label("amounts"), in_time(c.booked_at).label("booked"))
        .group_by(c.account_id, c.currency, c.at)
        .cte()
    )


def _take(ranked: CTE, amounts: ColumnElement[Any], booked: ColumnElement[Any]) -> FromClause:
    """`taken`: what the promise takes of the money; `left`: what is left of each payment."""
    came = (
        func.unnest(amounts, booked)
        .table_valued(
            column("amount", Numeric), column("booked_at", Instant), with_ordinality="place"
        )
        .render_derived()
    )
    in_time = and_(came.c.booked_at > ranked.c.made_at, came.c.booked_at < ranked.c.ends_at)
    counts = case((in_time, came.c.amount), else_=literal(0, Numeric))
    before = func.sum(counts).over(order_by=came.c.place, rows=(None, -1))
    wanted = func.greatest(ranked.c.amount - func.coalesce(before, 0), 0)
    took = (
        select(came.c.place, came.c.amount, func.least(counts, wanted).label("taken"))
        .correlate_except(came)
        .subquery("took")
    )
    rest = aggregate_order_by(took.c.amount - took.c.taken, took.c.place)
    return select(
        func.coalesce(func.sum(took.c.taken), literal(0, Numeric)).label("taken"),
        func.array_agg(rest, type_=ARRAY(Numeric)).label("left"),
    ).lateral()


def _ends_at(book: Book) -> ColumnElement[dt.datetime]:
    """The end of the promised day plus the grace days, in the portfolio's zone."""
    days = book.policy.broken_promise_grace_days + 1
    midnight = promise.c.promised_on + func.make_interval(0, 0, 0, days)
    return func.timezone(literal(book.portfolio.time_zone), midnight)
