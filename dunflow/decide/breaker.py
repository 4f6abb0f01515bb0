"""The volume breaker: a run that would contact many more people than usual, or find many more
accounts cured than can be, stops before it does."""

import datetime as dt
import statistics
from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import Connection, func, null, select, update

from dunflow.assess.episodes import ended_since
from dunflow.clock import DAY
from dunflow.config.book import Book
from dunflow.decide.decide import Decided
from dunflow.ledger.loads import is_stopped
from dunflow.ledger.tables import decision, load, run
from dunflow.snapshot.finding import Finding, are_covered, told, vouched_for

USUAL_RUNS = 7


class TrippedError(Exception):
    """Undoes the deciding transaction, and carries what was found to who writes it down."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("the volume breaker tripped")
        self.findings = findings


def check_volume(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date, decided: Decided
) -> tuple[Finding, ...]:
    """What was found. Raises TrippedError, unless a person accepted the date knowing of it."""
    findings = (
        *_cures(conn, book, portfolio_id, business_date),
        *_contacts(conn, book, portfolio_id, business_date, decided),
    )
    if not are_covered(findings, vouched_for(conn, portfolio_id, business_date)):
        raise TrippedError(findings)
    return findings


def note_stopped(
    conn: Connection, portfolio_id: int, business_date: dt.date, findings: tuple[Finding, ...]
) -> None:
    """Keep what stopped the date, for the person who may accept it. Until then its snapshot is no
    more trusted than one that the gate refused: other dates must not be judged by it.

    Under the portfolio's lock: somebody may have accepted just now, and another run decided.
    """
    if are_covered(findings, vouched_for(conn, portfolio_id, business_date)):
        return
    conn.execute(
        update(load)
        .where(load.c.portfolio_id == portfolio_id, load.c.business_date == business_date)
        .values(state="refused", stopped=[each.as_json() for each in findings])
    )


def judge_anew(conn: Connection, portfolio_id: int, business_date: dt.date) -> None:
    """Trust the snapshot of a date that the breaker stopped for as long as it is decided again: the
    breaker is about to speak once more, perhaps by other limits."""
    conn.execute(
        update(load)
        .where(
            load.c.portfolio_id == portfolio_id,
            load.c.business_date == business_date,
            is_stopped(),
        )
        .values(state="accepted", stopped=null())
    )


def why_stopped(name: str, business_date: dt.date, findings: tuple[Finding, ...]) -> str:
    """What was seen, what is allowed, and how to go on, for the person who has to decide."""
    return (
        f"{name} {business_date}: the volume breaker stopped the run, and nothing was planned. "
        f"{told(findings)}. If it is right so: "
        f'dunflow accept {name} {business_date} --reason "…", and run the date again'
    )


def _cures(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date
) -> Iterator[Finding]:
    limits = book.portfolio.volume
    if limits.max_cured is None:
        return
    d = decision.c
    still_there: int = conn.execute(
        select(func.count(d.episode_id).filter(d.action != "cured")).where(
            d.portfolio_id == portfolio_id, d.business_date == business_date
        )
    ).scalar_one()
    before_on = decided_before(conn, portfolio_id, business_date) or business_date - DAY
    # Who was cured on dates that are missing is found out now.
    cured = ended_since(conn, portfolio_id, before_on, business_date)
    on_ladder = cured + still_there
    share = Decimal(cured) / max(on_ladder, 1)
    allowed = 1 - (1 - limits.max_cured) ** (business_date - before_on).days
    yield Finding(
        "accounts that are cured",
        f"{cured:,} of {on_ladder:,} ({share:.0%}) since {before_on}",
        f"{allowed:.0%}, or fewer than {limits.small:,}",
        share <= allowed or cured < limits.small,
        share,
    )


def decided_before(conn: Connection, portfolio_id: int, business_date: dt.date) -> dt.date | None:
    """The nearest decided date before."""
    found: dt.date | None = conn.execute(
        select(func.max(run.c.business_date)).where(
            run.c.portfolio_id == portfolio_id, run.c.business_date < business_date
        )
    ).scalar()
    return found


def _contacts(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date, decided: Decided
) -> Iterator[Finding]:
    if decided.moment.late:  # which contacts nobody
        return
    wanted: int = conn.execute(
        select(func.count()).select_from(decided.turn).where(decided.turn.c.reason == "step_due")
    ).scalar_one()
    allowed, why = _allowed(conn, book, portfolio_id, business_date)
    if allowed is not None:
        seen, most = f"{wanted:,}", f"{allowed:,} ({why})"
        yield Finding("contacts to be planned", seen, most, wanted <= allowed, Decimal(wanted))


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
