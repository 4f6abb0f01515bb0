"""A day's stages, in their order. Whoever runs a day (Airflow, the command line) calls these.

Loading is one transaction; assess, decide and planning together are another; both under the
portfolio's lock. Calls to providers stand outside of any. A stage that is run again finds the
ledger as it is, and changes nothing that it did already.
"""

import datetime as dt
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

from dunflow.assess.episodes import assess
from dunflow.clock import DAY, Clock, DatabaseClock, VirtualClock
from dunflow.config.book import Book, read_book
from dunflow.decide.breaker import (
    TrippedError,
    check_volume,
    judge_anew,
    note_stopped,
    why_stopped,
)
from dunflow.decide.decide import Decided
from dunflow.decide.decide import decide as decide_rows
from dunflow.decide.lateness import moment_of
from dunflow.errors import BreakerTripped, ConfigError, GateFailed, NotClosed
from dunflow.home import home, local_secrets
from dunflow.ledger.engine import (
    at_work,
    give_room,
    lock_portfolio,
    portfolio_id_of,
    portfolio_lock,
)
from dunflow.ledger.loads import require_accepted
from dunflow.ledger.migrate import open_ledger
from dunflow.ledger.replay import set_clock
from dunflow.place.candidates import propose
from dunflow.place.life import withdraw_overtaken
from dunflow.remind import brake, outbox
from dunflow.remind.plan import plan
from dunflow.snapshot.finding import told
from dunflow.snapshot.gate import judge
from dunflow.snapshot.pull import Pull, require_closed

# A stage that needs a heavy library (pandas, the SDKs) imports it where it begins: in Airflow each
# stage of each date is a process of its own, which should not wait for the libraries of the others.
if TYPE_CHECKING:
    from dunflow.remind.dispatch import Dispatcher, Progress
    from dunflow.remind.drained import Drained

Figures = dict[str, Any]
"""Counts and amounts as JSON; never anything about a person."""


@dataclass(frozen=True)
class Day:
    """One business date of one portfolio, and what its stages need."""

    engine: Engine
    book: Book
    business_date: dt.date
    clock: Clock
    environ: Mapping[str, str]


def open_day(
    portfolio: str,
    business_date: dt.date,
    now: dt.datetime | None = None,
    *,
    to_look: bool = False,
) -> Day:
    """A day of the ledger that the environment names. `now` stands in for the clock; `to_look`: the
    date may still go on, since nothing is going to be done.

    A replayed portfolio's clock stands at the usual start of the date's run. Raises ConfigError for
    a `now` of one whose senders reach real people, and NotClosed for a date to be replayed that is
    not history yet: after it every real date would be late.
    """
    book = read_book(portfolio)
    stands = None if now is None else set_clock(book, now)
    engine = open_ledger()
    clock: Clock = stands or DatabaseClock(engine)
    if stands is None and book.portfolio.clock == "replay":
        is_over = clock.now() >= book.portfolio.calendar.close_of(business_date)
        if not to_look:
            require_closed(book, business_date, clock.now())
        if is_over:
            clock = VirtualClock(book.portfolio.calendar.usual_time_of(business_date))
    return Day(engine, book, business_date, clock, local_secrets() | os.environ)


def date_of(key: str) -> dt.date:
    """The date of a partition key. Raises ConfigError for one that tells none."""
    try:
        date = dt.date.fromisoformat(key)
    except ValueError:
        date = None
    if date is None or date.isoformat() != key:
        raise ConfigError(
            f"the partition key {key!r} is no business date; trigger a run with one such as "
            "2026-03-01, or with none for the newest date that has closed"
        )
    return date


def newest_closed(portfolio: str) -> dt.date:
    """The date that a run without one is for."""
    book = read_book(portfolio)
    return book.portfolio.calendar.newest_closed(dt.datetime.now(dt.UTC))


def open_dispatch(portfolio: str, now: dt.datetime | None = None) -> Day:
    """What is due now, whatever its date; the figures are those of the newest date that has closed.
    `now` stands in for the clock.

    Raises ConfigError for a replayed portfolio, whose days play their own dispatching.
    """
    book = read_book(portfolio)
    if book.portfolio.clock == "replay":
        raise ConfigError(
            f"{portfolio}: clock is replay, so each date plays its own dispatching; run one: "
            f"dunflow day {portfolio} DATE"
        )
    stands = None if now is None else set_clock(book, now)
    engine = open_ledger()
    clock = stands or DatabaseClock(engine)
    newest = book.portfolio.calendar.newest_closed(clock.now())
    return Day(engine, book, newest, clock, local_secrets() | os.environ)


def opens_at(portfolio: str, business_date: dt.date, now: dt.datetime) -> dt.datetime:
    """When the run of a date usually starts, which is worth waiting for.

    Raises NotClosed for a date after the one that closes next: most likely a slip of the pen, and
    the runs of all dates before it would wait behind it.
    """
    calendar = read_book(portfolio).portfolio.calendar
    closes_next = calendar.newest_closed(now) + DAY
    if business_date > closes_next:
        raise NotClosed(
            f"{portfolio}: {business_date} lies ahead, and no run waits so long: the next date to "
            f"close is {closes_next}. Trigger a run with that date or an earlier one"
        )
    return calendar.usual_time_of(business_date)


def snapshot(day: Day, delivered: Pull | None = None) -> Figures:
    """Pull the date's rows (or take those `delivered`), validate and load them."""
    from dunflow.snapshot.load import load
    from dunflow.snapshot.source import pull

    now = day.clock.now()
    require_closed(day.book, day.business_date, now)
    if day.book.portfolio.clock == "replay":
        for kind in feeds(day):  # what the intake would have brought by now
            intake(day, kind)
    with day.engine.begin() as conn:
        number = portfolio_id_of(conn, day.book.name)
    with at_work(day.engine) as conn:
        pulled = delivered or pull(day.book, day.business_date, now, day.environ)
        loaded = load(conn, day.book, number, day.business_date, pulled, now)
    return {"snapshot": loaded.figures()}


def intake(day: Day, kind: str) -> Figures:
    """Take in what is new at one of the portfolio's feeds, was left by receivers of placements,
    came onto SendGrid's lists, or was texted to the portfolio's numbers.

    Raises SourceError if it can't be.
    """
    from dunflow.intake import answers, suppressed
    from dunflow.intake.feeds import take_feed
    from dunflow.intake.handback import collect

    now = day.clock.now()
    outside = {
        collect.KIND: collect.collect,
        suppressed.KIND: suppressed.take_suppressed,
        answers.KIND: answers.take_answers,
    }
    if kind in outside:
        return {kind: outside[kind](day.engine, day.book, day.environ, "intake", now)}
    feed = dict(day.book.portfolio.intake.feeds())[kind]
    taken = take_feed(day.engine, day.book, kind, feed, day.environ, "intake", now)
    return {kind: taken.figures()}


def feeds(day: Day) -> list[str]:
    """The kinds of rows that the portfolio's feeds, receivers of placements and providers bring."""
    from dunflow.intake import answers, suppressed
    from dunflow.intake.handback import collect

    fed: list[str] = [kind for kind, _ in day.book.portfolio.intake.feeds()]
    if collect.collects(day.book):
        fed.append(collect.KIND)
    if suppressed.is_asked(day.book):
        fed.append(suppressed.KIND)
    if answers.is_asked(day.book):
        fed.append(answers.KIND)
    return fed


def gate(day: Day) -> Figures:
    """Judge whether the date's snapshot is to be trusted. Raises GateFailed if it is not.

    `vouched`: what a person accepted of it, knowing.
    """
    with day.engine.begin() as conn:
        lock_portfolio(conn, day.book.name)
        give_room(conn)
        number = portfolio_id_of(conn, day.book.name)
        verdict = judge(conn, day.book, number, day.business_date, day.clock.now())
    if not verdict.accepted:
        raise GateFailed(verdict.why())
    return {"accepted": True, "vouched": told(verdict.findings)}


def decide(day: Day) -> Figures:
    """Assess, decide and plan, as one transaction; action → count of the date's rows, and what a
    person accepted of the volumes, knowing.

    Raises BreakerTripped where so many contacts or cures need a person first.
    """
    book, date = day.book, day.business_date
    try:
        return _decide(day)
    except TrippedError as tripped:
        with day.engine.begin() as conn:
            lock_portfolio(conn, book.name)
            note_stopped(conn, portfolio_id_of(conn, book.name), date, tripped.findings)
        raise BreakerTripped(why_stopped(book.name, date, tripped.findings)) from None


def _decide(day: Day) -> Figures:
    book, date = day.book, day.business_date
    with portfolio_lock(day.engine, book.name) as conn:
        number = portfolio_id_of(conn, book.name)
        decided = decide_in(conn, book, number, date, day.clock.now())
        found = check_volume(conn, book, number, date, decided)
        plan_in(conn, book, number, decided)
    vouched = {"vouched": told(found)}
    return {"late": decided.moment.late, "decide": decided.counts, "breaker": vouched}


def decide_in(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date, now: dt.datetime
) -> Decided:
    """Assess and decide inside the caller's transaction, which holds the portfolio's lock.

    Raises GateFailed where the snapshot is not trusted.
    """
    judge_anew(conn, portfolio_id, business_date)
    require_accepted(conn, book.name, portfolio_id, business_date)
    outbox.sweep(conn, portfolio_id, now)
    outbox.expire_older(conn, portfolio_id, business_date, now)
    moment = moment_of(conn, book, portfolio_id, business_date, now)
    assess(conn, book, portfolio_id, business_date)
    if not moment.late:
        withdraw_overtaken(conn, portfolio_id, now)
    return decide_rows(conn, book, portfolio_id, business_date, moment)


def plan_in(conn: Connection, book: Book, portfolio_id: int, decided: Decided) -> None:
    """What the decided rows lead to, in the same transaction: contacts and proposals."""
    plan(conn, book, portfolio_id, decided)
    propose(conn, portfolio_id, decided)


def channels(day: Day) -> list[str]:
    """The channels by which the policy reaches people, and those by which contacts are still open:
    a policy may lose a channel while a message of it is in doubt."""
    with day.engine.begin() as conn:
        still_open = outbox.open_channels(conn, portfolio_id_of(conn, day.book.name))
    return sorted(day.book.policy.channels | still_open)


def remind(day: Day, only: list[str] | None = None, progress: "Progress | None" = None) -> Figures:
    """Send what may go out now; a replayed portfolio plays the whole day's dispatching.

    State → count of the date's contacts, and the channels that a person stopped. Raises SenderDown,
    and ConfigError where a template is at fault, after the others had their turn.
    """
    from dunflow.remind.dispatch import Dispatcher

    wanted = channels(day) if only is None else only
    with day.engine.begin() as conn:
        number = portfolio_id_of(conn, day.book.name)
    with Dispatcher(day.engine, day.book, number, day.clock, day.environ) as dispatcher:
        drained = dispatcher.drain(wanted, progress)
        if day.book.portfolio.clock == "replay" and not drained.down:
            drained.add(_play_day(day, number, dispatcher, wanted, progress))
    drained.raise_if_held_up()
    with day.engine.connect() as conn:
        states = outbox.states(conn, number, day.business_date, wanted)
        return {"remind": states, "stopped": brake.halted(conn, number, wanted)}


ASK_WITHIN_S = 180.0
"""So long a dispatch goes on asking: well below the five minutes between two of them."""


def ask_on(day: Day) -> Figures:
    """Ask the providers on about all that is due for it: SendGrid takes few questions at a time,
    and of a great many SMS Twilio's list is long.

    State that contacts in doubt came to → count. Raises SenderDown.
    """
    from dunflow.remind.asking import ASKABLE
    from dunflow.remind.dispatch import Dispatcher

    asked_by = [channel for channel in channels(day) if channel in ASKABLE]
    with day.engine.begin() as conn:
        number = portfolio_id_of(conn, day.book.name)
    with Dispatcher(day.engine, day.book, number, day.clock, day.environ) as dispatcher:
        asked = dispatcher.asking.ask_on(asked_by, ASK_WITHIN_S)
    asked.raise_if_held_up()
    return asked.outcomes


def report(day: Day) -> Figures:
    """The date's figures, also as a page below DUNFLOW_HOME/reports.

    The pages of a few dates before are written again, with what became of their contacts since.
    """
    from dunflow.report.page import write_pages

    with day.engine.begin() as conn:
        number = portfolio_id_of(conn, day.book.name)
    reports = home() / "reports"
    now = day.clock.now()
    if day.book.portfolio.clock == "replay":
        # The whole date was played. Where each stage is a process of its own, the clock stands at
        # its beginning again.
        now = max(now, day.book.portfolio.calendar.lives_until(day.business_date))
    written = write_pages(day.engine, day.book, number, day.business_date, reports, now)
    return dict(written.figures)


def let_go(portfolio: str) -> Figures:
    """Let go of what the portfolio has kept long enough; counts, and since when all is kept."""
    from dunflow.retain.age import age

    book, engine = read_book(portfolio), open_ledger()
    with engine.begin() as conn:
        number = portfolio_id_of(conn, portfolio)
    aged = vars(age(engine, book, number, DatabaseClock(engine).now()))
    return aged | {"since": str(aged["since"]) if aged["since"] else None}


def broken_promises(portfolio: str) -> list[str]:
    """The promises that the audit finds broken, with how often."""
    from dunflow.report.audit import audit

    book, engine = read_book(portfolio), open_ledger()
    with engine.begin() as conn:
        checked = audit(conn, book, portfolio_id_of(conn, portfolio))
    return [f"{each.promise}: {each.broken}" for each in checked if each.broken]


def run(day: Day, begun: Callable[[str], None] = lambda _: None) -> Figures:
    """All stages, as one process. `begun` hears the name of each stage as it begins.

    Of a date that the source kept nothing of there is nothing to decide.
    """
    begun("snapshot")
    loaded = snapshot(day)
    if loaded["snapshot"]["state"] == "gap":
        return loaded
    begun("gate")
    judged = gate(day)
    begun("decide")
    decided = decide(day)
    begun("remind")
    reminded = remind(day)
    begun("report")
    # The gate has spoken since the rows were loaded.
    state = report(day)["snapshot"]["state"]
    snapshot_of = {**loaded["snapshot"], "state": state}
    return {"snapshot": snapshot_of, "gate": judged, **decided, **reminded}


def _play_day(
    day: Day,
    portfolio_id: int,
    dispatcher: "Dispatcher",
    wanted: list[str],
    progress: "Progress | None",
) -> "Drained":
    from dunflow.remind.dispatch import play

    assert isinstance(day.clock, VirtualClock)
    until = day.book.portfolio.calendar.lives_until(day.business_date)
    return play(
        dispatcher,
        day.engine,
        portfolio_id,
        day.clock,
        wanted,
        until,
        day.business_date,
        progress,
    )
