"""What its receiver closed, and a person takes on again all the same."""

import datetime as dt

from sqlalchemy import Connection, select

from dunflow.ledger.tables import episode, placement
from dunflow.place.life import Chosen, Moved, active, move

_CLOSED = ("closed",)


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
