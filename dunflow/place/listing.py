"""Placements for people to look at: account ids and amounts, and nothing about a person."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select

from dunflow.ledger.tables import account, placement
from dunflow.place.life import Chosen, active


@dataclass(frozen=True)
class Sum:
    """So many placements of one date to one destination, in one currency."""

    business_date: dt.date
    destination: str
    currency: str
    accounts: int
    amount: Decimal


def summary(
    conn: Connection, portfolio_id: int, chosen: Chosen, states: tuple[str, ...]
) -> list[Sum]:
    """Counts and amounts of the placements that are meant, the oldest date first."""
    p = placement.c
    by = (p.business_date, p.destination, p.currency)
    rows = conn.execute(
        select(*by, func.count(), func.sum(p.amount))
        .where(p.placement_id.in_(active(portfolio_id, chosen, states)))
        .group_by(*by)
        .order_by(*by)
    )
    return [Sum(*row) for row in rows]


def listing(
    conn: Connection, portfolio_id: int, chosen: Chosen, states: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The placements that are meant, the newest first."""
    p = placement.c
    rows = conn.execute(
        select(
            p.business_date.label("date"),
            account.c.account_ref.label("account"),
            p.destination.label("to"),
            p.state,
            p.reason,
            p.amount,
            p.currency,
            p.proposed_at,
            p.exported_at,
            p.ended_at,
        )
        .join(account, account.c.account_id == p.account_id)
        .where(p.placement_id.in_(active(portfolio_id, chosen, states)))
        .order_by(p.placement_id.desc())
    )
    return [dict(row._mapping) for row in rows]
