"""What changed since the nearest business date before that was decided."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypedDict

from sqlalchemy import ColumnElement, Connection, Select, Subquery, and_, case, func, select, true

from dunflow.assess.episodes import ended_since
from dunflow.assess.tier_rank import tier_rank
from dunflow.config.book import Book
from dunflow.ledger.tables import decision, load, run
from dunflow.money import plain


class Movement(TypedDict):
    """Accounts that moved. One that could not be read on either date counts as none of them."""

    since: str
    new: int
    """Overdue now, and not then."""
    up: int
    """In a more severe tier than then."""
    cured: int
    """Left the ladder; of those who left the snapshot, too, the decision rows say so."""
    recovered: dict[str, str]
    """Currency → what was overdue then and is no more, also of accounts that paid a part."""


def movement(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date
) -> Movement | None:
    """Compare with the date before; None where there is none, or nothing was decided yet.

    All but the cured come from one pass over the decision rows of both dates, since joining a
    million accounts is what costs.
    """
    dates = list(conn.execute(_decided_until(portfolio_id, business_date)).scalars())
    if len(dates) < 2 or dates[0] != business_date:
        return None
    rows = conn.execute(_moved(book, portfolio_id, dates[1], business_date)).all()
    return {
        "since": dates[1].isoformat(),
        "new": sum(row.new for row in rows),
        "up": sum(row.up for row in rows),
        "cured": ended_since(conn, portfolio_id, dates[1], business_date),
        "recovered": per_currency({row.currency: row.recovered for row in rows if row.recovered}),
    }


def per_currency(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    """Amounts as plain text, in the order of their currencies."""
    return {currency: plain(amount, currency) for currency, amount in sorted(amounts.items())}


def _decided_until(portfolio_id: int, business_date: dt.date) -> Select[dt.date]:
    """The newest two decided dates of which the older is the one to compare with."""
    return (
        select(run.c.business_date)
        .distinct()
        .join(
            load,
            and_(
                load.c.portfolio_id == run.c.portfolio_id,
                load.c.business_date == run.c.business_date,
            ),
        )
        .where(
            run.c.portfolio_id == portfolio_id,
            run.c.business_date <= business_date,
            (load.c.state == "accepted") | (run.c.business_date == business_date),
        )
        .order_by(run.c.business_date.desc())
        .limit(2)
    )


def _moved(
    book: Book, portfolio_id: int, since: dt.date, business_date: dt.date
) -> Select[*tuple[Any, ...]]:
    """One row per currency of that date, and one without for the accounts that it did not have.

    Each condition begins with what is false of most accounts, so that the rest is seldom looked at.
    """
    older = _rows(portfolio_id, since, "older")
    newer = _rows(portfolio_id, business_date, "newer")
    then, now = older.c, newer.c
    new = and_(
        then.overdue.is_(None),
        now.overdue.is_not(None),
        then.reason.is_distinct_from("quarantined"),
    )
    up = and_(
        now.tier != then.tier,
        tier_rank(book.policy, now.tier) > tier_rank(book.policy, then.tier),
    )
    left = func.coalesce(now.overdue, 0)
    # A corrected currency is nobody's payment.
    known = and_(now.reason.is_distinct_from("quarantined"), _same(now.currency, then.currency))
    less = and_(then.overdue > left, known)
    return (
        select(
            then.currency,
            func.count().filter(new).label("new"),
            func.count().filter(up).label("up"),
            func.sum(then.overdue - left).filter(less).label("recovered"),
        )
        .join_from(older, newer, now.account_id == then.account_id, full=True)
        .group_by(then.currency)
    )


def _same(now: ColumnElement[str], then: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a currency is the one of then; of who is not there any more nothing else is known."""
    return func.coalesce(now == then, true())


def _rows(portfolio_id: int, business_date: dt.date, name: str) -> Subquery:
    """The decision rows of a date; `overdue` is NULL for what is not overdue."""
    d = decision.c
    return (
        select(
            d.account_id,
            d.reason,
            d.tier,
            d.currency,
            case((d.dpd >= 1, d.overdue_amount)).label("overdue"),
        )
        .where(d.portfolio_id == portfolio_id, d.business_date == business_date)
        .subquery(name)
    )
