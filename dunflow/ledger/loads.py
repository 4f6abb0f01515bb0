"""Which business dates are there: the accepted snapshots of a portfolio."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    func,
    null,
    or_,
    select,
    update,
)

from dunflow.errors import GateFailed
from dunflow.ledger.tables import load, run


@dataclass(frozen=True)
class Neighbours:
    """The accepted business dates nearest to one date; None where there is none."""

    before: dt.date | None
    after: dt.date | None


def neighbours(conn: Connection, portfolio_id: int, business_date: dt.date) -> Neighbours:
    """The nearest accepted dates before and after `business_date`."""
    date = load.c.business_date
    nearest = select(
        func.max(date).filter(date < business_date), func.min(date).filter(date > business_date)
    ).where(load.c.portfolio_id == portfolio_id, load.c.state == "accepted")
    return Neighbours(*conn.execute(nearest).one())


def overtaken_dates(conn: Connection, portfolio_id: int) -> list[dt.date]:
    """The business dates of which the episodes still go by rows that count no longer: they came
    again and have not been assessed since, or are trusted no more."""
    found = conn.execute(
        select(load.c.business_date)
        .where(load.c.portfolio_id == portfolio_id, _is_overtaken())
        .order_by(load.c.business_date)
    )
    return list(found.scalars())


def was_assessed(conn: Connection, portfolio_id: int, business_date: dt.date) -> bool:
    """Whether the episodes count the date; its rows may have been others then."""
    return bool(
        conn.execute(
            select(load.c.assessed_load_at.is_not(None)).where(
                load.c.portfolio_id == portfolio_id, load.c.business_date == business_date
            )
        ).scalar()
    )


def note_assessed(conn: Connection, portfolio_id: int, business_date: dt.date) -> None:
    """Keep that the episodes go by the rows of this date, and of all others as they are now."""
    here = or_(load.c.business_date == business_date, _is_overtaken())
    trusted = case((load.c.state == "accepted", load.c.loaded_at), else_=null())
    conn.execute(
        update(load)
        .where(load.c.portfolio_id == portfolio_id, here)
        .values(assessed_load_at=trusted)
    )


def _is_overtaken() -> ColumnElement[bool]:
    others = load.c.assessed_load_at != load.c.loaded_at
    return and_(load.c.assessed_load_at.is_not(None), or_(others, load.c.state != "accepted"))


def is_stopped() -> ColumnElement[bool]:
    """Whether it was the breaker that stopped a load's date."""
    return func.coalesce(func.jsonb_typeof(load.c.stopped) == "array", False)


def state_shown() -> ColumnElement[str]:
    """A load's state for people: `stopped` where it was the breaker that refused it."""
    return case((is_stopped(), "stopped"), else_=load.c.state).label("state")


def newest_accepted(conn: Connection, portfolio_id: int) -> dt.date | None:
    """The business date whose facts are the newest; None before the first one."""
    found: dt.date | None = conn.execute(
        select(func.max(load.c.business_date)).where(
            load.c.portfolio_id == portfolio_id, load.c.state == "accepted"
        )
    ).scalar()
    return found


def newest_decided(conn: Connection, portfolio_id: int) -> dt.date | None:
    """The newest accepted business date of which a run has decided by the rows that are loaded;
    None before the first one.

    The breaker speaks while a date is decided. What can't be undone must not go by a snapshot that
    it may stop yet.
    """
    decided = exists().where(
        run.c.portfolio_id == load.c.portfolio_id,
        run.c.business_date == load.c.business_date,
        # A late run looks from the usual time of its date, which tells nothing of its rows.
        or_(run.c.decided_at >= load.c.loaded_at, run.c.late),
    )
    found: dt.date | None = conn.execute(
        select(func.max(load.c.business_date)).where(
            load.c.portfolio_id == portfolio_id, load.c.state == "accepted", decided
        )
    ).scalar()
    return found


def newest_loaded(conn: Connection, portfolio_id: int) -> dt.date | None:
    """The newest business date that was loaded, trusted or not; None before the first one."""
    found: dt.date | None = conn.execute(
        select(func.max(load.c.business_date)).where(load.c.portfolio_id == portfolio_id)
    ).scalar()
    return found


def has_loaded(conn: Connection, portfolio_id: int, first: dt.date, last: dt.date) -> bool:
    """Whether any date from `first` to `last` was loaded, trusted or not."""
    there = exists().where(
        load.c.portfolio_id == portfolio_id, load.c.business_date.between(first, last)
    )
    return bool(conn.execute(select(there)).scalar())


def state_of(conn: Connection, portfolio_id: int, business_date: dt.date) -> str | None:
    """The state of the date's load; None if nothing is loaded."""
    found: str | None = conn.execute(
        select(load.c.state).where(
            load.c.portfolio_id == portfolio_id, load.c.business_date == business_date
        )
    ).scalar()
    return found


def require_accepted(
    conn: Connection, name: str, portfolio_id: int, business_date: dt.date
) -> None:
    """Raises GateFailed unless the date's snapshot is there and trusted."""
    state = state_of(conn, portfolio_id, business_date)
    if state != "accepted":
        raise GateFailed(
            f"{name} {business_date}: the snapshot is {state or 'missing'}, so nothing is decided; "
            f"load it and pass the gate first: dunflow day {name} {business_date}"
        )
