"""The brake: a person stops a portfolio's sending, whole or by channel, wherever it runs.

It is asked for inside each claim. So what a worker claimed before still goes out, a matter of
seconds, and nothing after. Decisions and plans go on; asking about what went out does too.
"""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert

from dunflow.errors import DunflowError
from dunflow.ledger.tables import stop

EVERY = None
"""The channel of a stop of the whole portfolio."""


class BrakeError(DunflowError):
    """Nothing is stopped there that could be resumed."""


def pull(
    conn: Connection,
    portfolio_id: int,
    channel: str | None,
    reason: str,
    by: str,
    now: dt.datetime,
) -> bool:
    """Stop a channel, or all (None). False: it stood still already, and the first reason stays."""
    stopped = conn.execute(
        insert(stop)
        .values(
            portfolio_id=portfolio_id,
            channel=channel,
            reason=reason,
            stopped_by=by,
            stopped_at=now,
        )
        .on_conflict_do_nothing()
        .returning(stop.c.stop_id)
    )
    return stopped.first() is not None


def release(
    conn: Connection,
    portfolio_id: int,
    channel: str | None,
    reason: str,
    by: str,
    now: dt.datetime,
) -> None:
    """Lift the stop of this channel, or the one of all (None), each only by its own name."""
    lifted = conn.execute(
        update(stop)
        .where(
            stop.c.portfolio_id == portfolio_id,
            stop.c.channel.is_not_distinct_from(channel),
            stop.c.resumed_at.is_(None),
        )
        .values(resumed_by=by, resumed_reason=reason, resumed_at=now)
        .returning(stop.c.stop_id)
    )
    if lifted.first() is None:
        there = [each or "all channels" for each in pulled(conn, portfolio_id)]
        raise BrakeError(
            f"{channel or 'all channels'}: not stopped; stopped is: {', '.join(there) or 'nothing'}"
        )


def pulled(conn: Connection, portfolio_id: int) -> list[str | None]:
    """What stands still; None: all channels."""
    return list(conn.execute(select(stop.c.channel).where(_in_force(portfolio_id))).scalars())


def standing(conn: Connection, portfolio_id: int) -> list[dict[str, Any]]:
    """The stops in force, the oldest first: what, why, by whom, since when."""
    rows = conn.execute(
        select(
            func.coalesce(stop.c.channel, "all channels").label("channel"),
            stop.c.reason,
            stop.c.stopped_by,
            stop.c.stopped_at,
        )
        .where(_in_force(portfolio_id))
        .order_by(stop.c.stopped_at, stop.c.stop_id)
    )
    return [dict(row) for row in rows.mappings()]


def halted(conn: Connection, portfolio_id: int, channels: list[str]) -> list[str]:
    """Those of `channels` by which nothing goes out."""
    still = pulled(conn, portfolio_id)
    return [each for each in channels if EVERY in still or each in still]


def _in_force(portfolio_id: int) -> ColumnElement[bool]:
    return and_(stop.c.portfolio_id == portfolio_id, stop.c.resumed_at.is_(None))
