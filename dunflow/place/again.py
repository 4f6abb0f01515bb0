"""What had ended, and a person takes up again all the same: closed ones, and new proposals."""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, exists, func, literal, select
from sqlalchemy.dialects.postgresql import insert as pg_insert

from dunflow.config.book import Book
from dunflow.ledger.owners import owner_on
from dunflow.ledger.tables import PLACEMENT_ACTIVE, episode, placement
from dunflow.place.life import Chosen, Moved, active, move, note, of_destination, require_decided
from dunflow.place.standing import standing

_CLOSED = ("closed",)
_ENDED = ("rejected", "withdrawn", "refused", "recalled", "returned", "closed")


def reopen(
    conn: Connection, portfolio_id: int, chosen: Chosen, reason: str, by: str, now: dt.datetime
) -> Moved:
    """Let closed placements of this episode count as given back: the accounts are ours again."""
    current = (
        select(placement.c.placement_id)
        .join(episode, episode.c.episode_id == placement.c.episode_id)
        .where(
            placement.c.placement_id.in_(active(portfolio_id, chosen, _CLOSED)),
            episode.c.ended_on.is_(None),
        )
    )
    return Moved({"returned": move(conn, current, "returned", _CLOSED, reason, by, now)}, {})


def propose_again(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    chosen: Chosen,
    reason: str,
    by: str,
    now: dt.datetime,
) -> Moved:
    """Propose by hand what the machine would not propose again in this episode.

    Only to a destination that had these accounts before, and where its rule is met now; of several
    the most severe one, as a day does.
    """
    business_date = require_decided(conn, book, portfolio_id)
    which = active(portfolio_id, chosen, _ENDED)
    last = select(func.max(placement.c.placement_id).label("placement_id")).where(
        placement.c.placement_id.in_(which)
    )
    last = last.group_by(placement.c.account_id, placement.c.destination)
    stands = standing(conn, book, portfolio_id, business_date, now, last)
    old = placement.alias("old")
    there = exists().where(
        placement.c.account_id == stands.c.account_id, placement.c.state.in_(PLACEMENT_ACTIVE)
    )
    columns: dict[str, ColumnElement[Any]] = {
        "portfolio_id": old.c.portfolio_id,
        "account_id": old.c.account_id,
        "customer_id": owner_on(portfolio_id, old.c.account_id, literal(business_date)),
        "episode_id": old.c.episode_id,
        "business_date": literal(business_date),
        "destination": old.c.destination,
        "state": literal("proposed", Text),
        "reason": literal(reason, Text),
        "amount": stands.c.overdue,
        "currency": stands.c.currency,
        "proposed_at": literal(now),
    }
    severity = {rule.to: rank for rank, rule in enumerate(book.policy.hand_off)}
    new = (
        select(*columns.values())
        .join_from(old, stands, stands.c.placement_id == old.c.placement_id)
        .where(stands.c.refusal.is_(None), ~there)
        .order_by(of_destination(severity, old.c.destination, -1).desc(), old.c.account_id)
    )
    # Of several destinations that may have an account the most severe one comes first, and gets it.
    rows = pg_insert(placement).from_select(list(columns), new).on_conflict_do_nothing()
    made = rows.returning(placement.c.placement_id)
    numbers = list(conn.execute(made).scalars())
    note(
        conn,
        select(placement.c.placement_id).where(placement.c.placement_id.in_(numbers)),
        "proposed",
        literal(reason, Text),
        by,
        now,
    )
    counted = select(stands.c.refusal, func.count()).where(stands.c.refusal.is_not(None))
    refused: dict[str, int] = dict(conn.execute(counted.group_by(stands.c.refusal)).all())
    return Moved({"proposed": len(numbers)}, refused)
