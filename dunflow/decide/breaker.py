"""The volume breaker: a run that would contact many more people than usual stops before it does."""

import datetime as dt
import statistics
from decimal import Decimal

from sqlalchemy import Connection, func, select

from dunflow.config.book import Book
from dunflow.decide.decide import Decided
from dunflow.errors import BreakerTripped
from dunflow.ledger.tables import acceptance, run

USUAL_RUNS = 7


def check_volume(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date, decided: Decided
) -> None:
    """Raises BreakerTripped, which undoes the deciding transaction, unless a person accepted."""
    if decided.moment.late:
        return
    t = decided.turn.c
    wanted: int = conn.execute(
        select(func.count()).select_from(decided.turn).where(t.reason == "step_due")
    ).scalar_one()
    allowed, why = _allowed(conn, book, portfolio_id, business_date)
    if allowed is None or wanted <= allowed:
        return
    accepted = conn.execute(
        select(acceptance.c.acceptance_id).where(
            acceptance.c.portfolio_id == portfolio_id, acceptance.c.business_date == business_date
        )
    ).first()
    if accepted:
        return
    raise BreakerTripped(
        f"{book.name} {business_date}: {wanted} contacts would be planned, and {allowed} are "
        f"allowed ({why}). Nothing was planned. If it is right so: "
        f'dunflow accept {book.name} {business_date} --reason "…", and run the date again'
    )


def _allowed(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date
) -> tuple[int | None, str]:
    """The lower of the two limits, and what it comes from."""
    limits = book.portfolio.volume
    found: list[tuple[int, str]] = []
    if limits.max_contacts is not None:
        found.append((limits.max_contacts, "volume.max_contacts"))
    usual = _usual(conn, portfolio_id, business_date)
    if limits.max_times_usual is not None and usual is not None:
        most = max(int(usual * limits.max_times_usual), limits.small)
        found.append((most, f"volume.max_times_usual: {usual} is usual"))
    return min(found, default=(None, ""))


def _usual(conn: Connection, portfolio_id: int, business_date: dt.date) -> Decimal | None:
    """The median of what the last seven dates planned in punctual runs; None before the first."""
    planned = (
        select(run.c.business_date, func.sum(run.c.planned))
        .where(
            run.c.portfolio_id == portfolio_id,
            run.c.business_date < business_date,
            ~run.c.late,
        )
        .group_by(run.c.business_date)
        .order_by(run.c.business_date.desc())
        .limit(USUAL_RUNS)
    )
    counts = [count for _, count in conn.execute(planned)]
    return Decimal(statistics.median(counts)) if counts else None
