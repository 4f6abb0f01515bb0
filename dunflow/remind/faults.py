"""Senders that are themselves at fault: what every worker knows of them.

Wrong credentials or an exhausted quota concern every message of a channel. The first worker that
meets them writes it down; no worker claims for the channel until it is time to try again, and then
a single message tries.

Some faults show only in what becomes of messages that were accepted, such as those of a number that
no carrier lets through. Of these only a message that arrives tells that they are over.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
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
            _end(conn, portfolio_id, channel, ~sender_fault.c.told_later)
        else:
            _keep(conn, portfolio_id, channel, down, now)


def note_later(
    conn: Connection, portfolio_id: int, told: dict[str, Down | dt.datetime], now: dt.datetime
) -> None:
    """Keep what came of accepted messages: a fault, or since when one is that arrived."""
    for channel, said in sorted(told.items()):
        if isinstance(said, Down):
            _keep(conn, portfolio_id, channel, said, now, told_later=True)
        else:
            sent_after = sender_fault.c.since_at < said
            _end(conn, portfolio_id, channel, and_(sender_fault.c.told_later, sent_after))


STOPPED = "stopped"
"""The code of a message that was not tried, since its channel had just failed."""


def mend(conn: Connection, portfolio_id: int, channel: str) -> None:
    """A person says that the channel's sender works."""
    _end(conn, portfolio_id, channel, true())


def _end(conn: Connection, portfolio_id: int, channel: str, which: ColumnElement[bool]) -> None:
    conn.execute(
        delete(sender_fault).where(
            sender_fault.c.portfolio_id == portfolio_id, sender_fault.c.channel == channel, which
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
    """Whether this worker is the one that tries the channel again; another one waits meanwhile,
    for as long as it takes to hear what came of it."""
    taken = conn.execute(
        update(sender_fault)
        .where(
            sender_fault.c.portfolio_id == portfolio_id,
            sender_fault.c.channel == channel,
            sender_fault.c.try_at <= now,
        )
        .values(
            try_at=case(
                (sender_fault.c.told_later, try_sender_at(3, now)), else_=try_sender_at(1, now)
            )
        )
        .returning(sender_fault.c.channel)
    )
    return taken.first() is not None


def _keep(
    conn: Connection,
    portfolio_id: int,
    channel: str,
    down: Down,
    now: dt.datetime,
    *,
    told_later: bool = False,
) -> None:
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
            told_later=told_later,
        )
        .on_conflict_do_update(
            index_elements=[sender_fault.c.portfolio_id, sender_fault.c.channel],
            set_={
                "code": down.code,
                "why": down.why,
                "tries": tries,
                "try_at": func.greatest(sender_fault.c.try_at, later),
                "told_later": or_(sender_fault.c.told_later, literal(told_later)),
            },
        )
    )
