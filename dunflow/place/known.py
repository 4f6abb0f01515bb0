"""What a person or a receiver names must be there; a slip of the pen is told, not passed over."""

from sqlalchemy import Connection, select

from dunflow.errors import ConfigError
from dunflow.ledger.tables import account, placement
from dunflow.place.life import Chosen


def require_known(conn: Connection, name: str, portfolio_id: int, chosen: Chosen) -> None:
    """Raises ConfigError for an account that the portfolio does not have."""
    wanted = set(chosen.accounts or ())
    known = select(account.c.account_ref).where(
        account.c.portfolio_id == portfolio_id, account.c.account_ref.in_(wanted)
    )
    missing = sorted(wanted - set(conn.execute(known).scalars()))
    if missing:
        raise ConfigError(
            f"{name}: has no account {', '.join(missing[:5])}; use the ids of the source"
        )


def require_destination(conn: Connection, name: str, portfolio_id: int, destination: str) -> None:
    """Raises ConfigError for a destination that was never given anything."""
    known = select(placement.c.destination).where(placement.c.portfolio_id == portfolio_id)
    there = set(conn.execute(known.distinct()).scalars())
    if destination not in there:
        raise ConfigError(
            f"{name}: nothing was ever proposed to {destination!r}; "
            f"there are {', '.join(sorted(there)) or 'none yet'}"
        )
