"""What changed since the nearest accepted business date before."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import TypedDict

from sqlalchemy import Connection, Select, Subquery, and_, case, func, select

from dunflow.assess.ladder_rows import unknown_on
from dunflow.assess.tier_rank import tier_rank
from dunflow.config.book import Book
from dunflow.ledger.loads import neighbours
from dunflow.ledger.tables import decision, snapshot
from dunflow.money import plain


class Movement(TypedDict):
    """Accounts that moved. One that could not be read on either date counts as none of them."""

    since: str
    new: int
    """Overdue now, and not then."""
    up: int
    """In a more severe tier than then."""
    cured: int
    recovered: dict[str, str]
    """Currency → overdue that was there then and is gone, of accounts that paid a part as well."""


def movement(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date, cured: int
) -> Movement | None:
    """Compare with the date before; None where there is none. `cured`: its rows of that action."""
    since = neighbours(conn, portfolio_id, business_date).before
    if since is None:
        return None
    came = conn.execute(_came(portfolio_id, since, business_date)).scalar_one()
    recovered = conn.execute(_recovered(portfolio_id, since, business_date))
    up = conn.execute(_up(book, portfolio_id, since, business_date)).scalar_one()
    return {
        "since": since.isoformat(),
        "new": came,
        "up": up,
        "cured": cured,
        "recovered": per_currency(dict(recovered.tuples().all())),
    }


def per_currency(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    """Amounts as plain text, in the order of their currencies."""
    return {currency: plain(amount, currency) for currency, amount in sorted(amounts.items())}


def _overdue(portfolio_id: int, business_date: dt.date, name: str) -> Subquery:
    return (
        select(
            snapshot.c.account_id,
            snapshot.c.currency,
            snapshot.c.overdue_amount.label("overdue"),
        )
        .where(
            snapshot.c.portfolio_id == portfolio_id,
            snapshot.c.business_date == business_date,
            snapshot.c.due_on < business_date,
            snapshot.c.overdue_amount > 0,
        )
        .subquery(name)
    )


def _came(portfolio_id: int, since: dt.date, business_date: dt.date) -> Select[int]:
    then = _overdue(portfolio_id, since, "then")
    now = _overdue(portfolio_id, business_date, "now")
    return (
        select(func.count())
        .select_from(now)
        .outerjoin(then, then.c.account_id == now.c.account_id)
        .where(
            then.c.account_id.is_(None), now.c.account_id.not_in(unknown_on(portfolio_id, since))
        )
    )


def _recovered(portfolio_id: int, since: dt.date, business_date: dt.date) -> Select[str, Decimal]:
    """Currency and sum; one row per currency of which something is gone."""
    then = _overdue(portfolio_id, since, "then")
    now = _overdue(portfolio_id, business_date, "now")
    left = case((now.c.currency == then.c.currency, now.c.overdue), else_=0)
    return (
        select(then.c.currency, func.sum(then.c.overdue - left))
        .outerjoin(now, now.c.account_id == then.c.account_id)
        .where(
            then.c.overdue > left,
            then.c.account_id.not_in(unknown_on(portfolio_id, business_date)),
        )
        .group_by(then.c.currency)
    )


def _up(book: Book, portfolio_id: int, since: dt.date, business_date: dt.date) -> Select[int]:
    then, now = decision.alias("then"), decision.alias("now")
    return (
        select(func.count())
        .select_from(now)
        .join(then, then.c.account_id == now.c.account_id)
        .where(
            and_(now.c.portfolio_id == portfolio_id, now.c.business_date == business_date),
            and_(then.c.portfolio_id == portfolio_id, then.c.business_date == since),
            tier_rank(book.policy, now.c.tier) > tier_rank(book.policy, then.c.tier),
        )
    )
