"""Senders that are themselves at fault: what every worker knows of them.

Wrong credentials or an exhausted quota concern every message of a channel. The first worker that
meets them writes it down; no worker claims for the channel until it is time to try again, and then
a single message tries.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from dunflow.ledger.tables import sender_fault
from dunflow.remind.schedule import try_sender_at
from dunflow.remind.senders.outcome import Down


@dataclass(frozen=True)
class Fault:
    """Why a channel stands still, since when, and when it is tried again."""

    why: str
    since_at: dt.datetime
    try_at: dt.datetime


def note(
    conn: Connection, portfolio_id: int, spoken: dict[str, Down | None], now: dt.datetime
) -> None:
    """Keep what the senders said: a fault, or (None) that they work again."""
    for channel, down in sorted(spoken.items()):
        if down is None:
            mend(conn, portfolio_id, channel)
        else:
            _keep(conn, portfolio_id, channel, down, now)


STOPPED = "stopped"
"""The code of a message that was not tried, since its channel had just failed."""


def mend(conn: Connection, portfolio_id: int, channel: str) -> None:
    """The channel's sender works, or a person says that it does."""
    conn.execute(
        delete(sender_fault).where(
            sender_fault.c.portfolio_id == portfolio_id, sender_fault.c.channel == channel
        )
    )


def known(conn: Connection, portfolio_id: int) -> dict[str, Fault]:
    """channel → its fault, whether or not it is time to try it again."""
    rows = conn.execute(
        select(
            sender_fault.c.channel,
            sender_fault.c.why,
            sender_fault.c.since_at,
            sender_fault.c.try_at,
        ).where(sender_fault.c.portfolio_id == portfolio_id)
    )
    return {channel: Fault(*rest) for channel, *rest in rows}


def take_trial(conn: Connection, portfolio_id: int, channel: str, now: dt.datetime) -> bool:
    """Whether this worker is the one that tries the channel again; another one waits meanwhile."""
    taken = conn.execute(
        update(sender_fault)
        .where(
            sender_fault.c.portfolio_id == portfolio_id,
            sender_fault.c.channel == channel,
            sender_fault.c.try_at <= now,
        )
        .values(try_at=try_sender_at(1, now))
        .returning(sender_fault.c.channel)
    )
    return taken.first() is not None


def _keep(conn: Connection, portfolio_id: int, channel: str, down: Down, now: dt.datetime) -> None:
    tries = sender_fault.c.tries + 1
    later = case((tries == 2, try_sender_at(2, now)), else_=try_sender_at(3, now))
    conn.execute(
        insert(sender_fault)
        .values(
            portfolio_id=portfolio_id,
            channel=channel,
            code=down.code,
            why=down.why,
            since_at=now,
            try_at=try_sender_at(1, now),
            tries=1,
        )
        .on_conflict_do_update(
            index_elements=[sender_fault.c.portfolio_id, sender_fault.c.channel],
            set_={
                "code": down.code,
                "why": down.why,
                "tries": tries,
                "try_at": func.greatest(sender_fault.c.try_at, later),
            },
        )
    )
