"""Placements for people to look at: account ids and amounts, and nothing about a person."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from dunflow.ledger.tables import account, placement, placement_event
from dunflow.place.life import APPROVAL, Chosen, active


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
            _approved_by().label("approved_by"),
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


def _approved_by() -> ColumnElement[str]:
    """Who has approved a placement, with what they had checked."""
    e = placement_event.c
    one = func.concat(e.told_by, " (" + e.reason + ")")
    return (
        select(func.string_agg(one, aggregate_order_by(literal("; ", Text), e.placement_event_id)))
        .where(e.placement_id == placement.c.placement_id, e.event == APPROVAL)
        .scalar_subquery()
    )
