"""What was taken in so far: each delivery's origin, its mark, and up to when it was asked."""

import datetime as dt

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from dunflow.ledger.tables import delivery

Counts = tuple[int, int, int]
"""Rows read; those of them that changed something; those that were rejected."""


def until_of(conn: Connection, portfolio_id: int, kind: str, origin: str) -> dt.datetime | None:
    """Up to when an origin was asked the last time; None: never."""
    asked: dt.datetime | None = conn.execute(
        select(delivery.c.until_at).where(
            delivery.c.portfolio_id == portfolio_id,
            delivery.c.kind == kind,
            delivery.c.origin == origin,
        )
    ).scalar()
    return asked


def note_delivery(
    conn: Connection,
    portfolio_id: int,
    kind: str,
    origin: str,
    counts: Counts,
    by: str,
    now: dt.datetime,
    mark: str | None = None,
) -> None:
    """That an origin was read now; `mark` tells a file from what it was before."""
    read, new, rejected = counts
    told = {
        "mark": mark,
        "until_at": now,
        "taken_at": now,
        "taken_by": by,
        "rows_read": read,
        "new": new,
        "rejected": rejected,
    }
    row = insert(delivery).values(portfolio_id=portfolio_id, kind=kind, origin=origin, **told)
    conn.execute(row.on_conflict_do_update(index_elements=delivery.primary_key, set_=told))
