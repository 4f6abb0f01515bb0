"""The work of a run, in a transaction that is taken back at the end.

Nothing is sent, and nothing stays. While it goes on it holds what a run holds: the portfolio's
lock, the partitions of its date, and the customers whom it would contact.
"""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Select, and_, func, select, update

from dunflow.clock import DAY
from dunflow.config.book import Book
from dunflow.day import Day, Figures, decide_in, feeds, plan_in
from dunflow.decide.breaker import TrippedError, check_volume
from dunflow.dry_run import counts
from dunflow.dry_run.in_use import keep_in_use
from dunflow.dry_run.who import write_who
from dunflow.errors import DunflowError, NotClosed
from dunflow.ledger.engine import clear_scratch, lock_portfolio, portfolio_id_of, taken_back
from dunflow.ledger.loads import newest_accepted, state_of
from dunflow.ledger.scratch import keep
from dunflow.ledger.tables import contact, load
from dunflow.remind import brake, faults
from dunflow.remind.claim import claim
from dunflow.remind.wording import UNWORDED
from dunflow.report.figures import figures
from dunflow.snapshot.carried import carry
from dunflow.snapshot.finding import told
from dunflow.snapshot.gate import judge

_BATCH = 1_000


def rehearse(
    day: Day, who: Path | None = None, begun: Callable[[str], None] = lambda _: None
) -> Figures:
    """What a run of the date would do if it ran now, or at its usual time if that is still to come.

    A date that is in goes by its rows; one that is not is pulled; the one that closes next has the
    rows of the newest. Beside what `report.figures` counts: `gate` and `breaker` (what they would
    stop it for, or ""), `contacts`, `raised` and `compared` (see `counts` and `in_use`), `unworded`
    (what is wrong with templates), `stopped` (channels), `faults` (channel → why its sender
    fails) and `feeds` (what a replayed date would take in first, and is not). `who`: a CSV file to
    write, with a row per account.

    Raises NotClosed for a later date, and what a run raises for rows that can't be read.
    """
    book, date = day.book, day.business_date
    at = max(day.clock.now(), book.portfolio.calendar.usual_time_of(date))
    with taken_back(day.engine) as conn:
        number = portfolio_id_of(conn, book.name)
        begun("read the rows")
        rows = _rows(conn, day, number)
        gate = _pass_gate(conn, book, number, date, at)
        begun("decide")
        clear_scratch(conn)
        in_use = keep_in_use(conn, book, number, date, at)
        decided = decide_in(conn, book, number, date, at)
        try:
            check_volume(conn, book, number, date, decided)
            breaker = ""
        except TrippedError as tripped:
            breaker = told(tripped.findings)
        plan_in(conn, book, number, decided)
        waiting = keep(conn, "waiting", _waiting(number, date))
        begun("write the texts")
        unworded = _claim_all(conn, book, number, date, at)
        begun("count")
        if who is not None:
            write_who(conn, number, date, in_use, who)
        return {
            **figures(conn, book, number, date),
            "late": decided.moment.late,  # of this run alone
            "at": at,
            "rows": rows,
            "policy": book.policy.policy,
            "mode": book.portfolio.mode,
            "gate": gate,
            "breaker": breaker,
            "contacts": counts.contacts(conn, book, waiting, _shut(conn, book, number)),
            "unworded": sorted(unworded),
            "stopped": brake.halted(conn, number, _channels(book)),
            "faults": {each: fault.why for each, fault in faults.known(conn, number).items()},
            "raised": counts.raised(conn, book, number, date),
            "feeds": feeds(day) if book.portfolio.clock == "replay" else [],
            "compared": in_use and {**in_use.told(), **counts.changes(conn, number, date, in_use)},
        }


def _rows(conn: Connection, day: Day, portfolio_id: int) -> str:
    """See to it that the date has rows; where they are from."""
    from dunflow.snapshot.load import load as load_rows
    from dunflow.snapshot.source import pull

    book, date, now = day.book, day.business_date, day.clock.now()
    if state_of(conn, portfolio_id, date) not in (None, "gap"):
        lock_portfolio(conn, book.name)
        return "as they were loaded"
    if now < book.portfolio.calendar.close_of(date):
        lock_portfolio(conn, book.name)
        return _carry(conn, book, portfolio_id, date, now)
    pulled = pull(book, date, now, day.environ)
    if load_rows(conn, book, portfolio_id, date, pulled, now).state == "gap":
        raise DunflowError(
            f"{book.name} {date}: the source keeps nothing of it any more, so there is nothing to "
            "decide; take the newest date"
        )
    return "pulled from the source"


def _carry(conn: Connection, book: Book, portfolio_id: int, date: dt.date, now: dt.datetime) -> str:
    newest = newest_accepted(conn, portfolio_id)
    next_on = book.portfolio.calendar.newest_closed(now) + DAY
    if date > next_on:
        raise NotClosed(
            f"{book.name}: {date} lies ahead, and nothing is known of it. The last date that can "
            f"be looked at is {next_on}, the next one to close"
        )
    if newest is None:
        raise DunflowError(f"{book.name}: nothing is loaded yet; take a date that has closed")
    carry(conn, portfolio_id, newest, date, now)
    return f"those of {newest}, as if nobody paid, left or came"


def _pass_gate(
    conn: Connection, book: Book, portfolio_id: int, date: dt.date, at: dt.datetime
) -> str:
    """Go on as if a person had accepted the date; what there would be to accept."""
    if state_of(conn, portfolio_id, date) == "accepted":
        return ""
    verdict = judge(conn, book, portfolio_id, date, at)
    of_date = and_(load.c.portfolio_id == portfolio_id, load.c.business_date == date)
    conn.execute(update(load).where(of_date).values(state="accepted"))
    return "" if verdict.accepted else told(verdict.findings)


def _claim_all(
    conn: Connection, book: Book, portfolio_id: int, date: dt.date, at: dt.datetime
) -> set[str]:
    """Claim what may go out at each instant at which something is due, as a dispatch does, and call
    nobody; what is wrong with templates."""
    going = _open(conn, book, portfolio_id)
    unworded = set[str]()
    due = select(func.min(contact.c.not_before_at)).where(
        contact.c.portfolio_id == portfolio_id,
        contact.c.business_date == date,
        contact.c.state == "planned",
        contact.c.channel.in_(going),
        contact.c.reason.is_distinct_from(UNWORDED),
        contact.c.not_before_at < contact.c.expires_at,
    )
    instant: dt.datetime | None = at
    while instant is not None:
        while (batch := claim(conn, book, portfolio_id, going, instant, _BATCH)).seen:
            unworded |= batch.faults
        instant = conn.execute(due.where(contact.c.not_before_at > instant)).scalar()
    return unworded


def _channels(book: Book) -> list[str]:
    return sorted(book.policy.channels)


def _open(conn: Connection, book: Book, portfolio_id: int) -> list[str]:
    """The channels that nobody stopped, and whose sender does not fail."""
    shut = _shut(conn, book, portfolio_id)
    return [each for each in _channels(book) if each not in shut]


def _shut(conn: Connection, book: Book, portfolio_id: int) -> dict[str, str]:
    """The others, and why."""
    failing = dict.fromkeys(faults.known(conn, portfolio_id), "sender_fault")
    return failing | dict.fromkeys(brake.halted(conn, portfolio_id, _channels(book)), "stopped")


def _waiting(portfolio_id: int, date: dt.date) -> Select[int]:
    """The date's contacts that have not gone out, of this run and of those before."""
    return select(contact.c.contact_id).where(
        contact.c.portfolio_id == portfolio_id,
        contact.c.business_date == date,
        contact.c.state == "planned",
    )
