"""Drains an outbox to the sandbox, in turns with loops that only send."""

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests
from sqlalchemy import Engine, text

from bench.days import let_consent
from bench.debtors import make_debtors
from bench.loops import MakeSend, messages, our_client, run_loop, stock_client
from dunflow import day as stages
from dunflow.clock import DatabaseClock, VirtualClock
from dunflow.config.book import Book, read_book
from dunflow.home import home, local_secrets
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.migrate import open_ledger
from dunflow.remind.dispatch import THREADS, Dispatcher
from dunflow.remind.senders.choose import SANDBOX_URL
from dunflow.remind.senders.outcome import Message
from dunflow.sandbox.credentials import read_credentials

PORTFOLIO = "bench_sender"
CHANNELS = ("sms", "email")
DATE = dt.date(2026, 7, 8)
"""A Wednesday; on the day after it people may be contacted."""
OPEN_AT = dt.datetime(2026, 7, 9, 2, 0, tzinfo=dt.UTC)
"""Ten o'clock in Shanghai, when the first turn begins."""
TURNS = 2
"""Each way sends a share of its contacts, then the next way does, so often: what else the machine
does meanwhile strikes all of them."""
TURN_EVERY = dt.timedelta(minutes=20)

ANSWER_S = 0.1
"""How long a provider takes to answer, about. The sandbox answers at once, so that what the outbox
costs shows; what it costs there is the second question, and a share of the contacts answers it."""
AFAR = 1_600

WAYS = ("outbox", "bare loop", "stock client")
WAYS_AFAR = ("outbox, afar", "bare, afar")


@dataclass
class Sent:
    """What one way of sending cost. `our_s` and `sandbox_s` are seconds of a processor."""

    contacts: int = 0
    seconds: float = 0.0
    our_s: float = 0.0
    sandbox_s: float = 0.0

    @property
    def per_second(self) -> float:
        return self.contacts / self.seconds


@dataclass
class Sending:
    """Channel → way → cost."""

    threads: int
    ways: dict[str, dict[str, Sent]] = field(default_factory=dict)


@dataclass(frozen=True)
class ShiftedClock:
    """The database's clock, moved: the date is one of the past, and its contacts are due."""

    real: DatabaseClock
    by: dt.timedelta

    def now(self) -> dt.datetime:
        return self.real.now() + self.by


def measure_sending(contacts: int, told: Callable[[str], None]) -> Sending:
    """Send so many contacts of each channel in each way."""
    told(f"planning {contacts:,} contacts of each channel")
    make_debtors(contacts + min(contacts, AFAR))
    engine, book = open_ledger(), read_book(PORTFOLIO)
    _plan(engine, book, contacts)
    measured = Sending(THREADS)
    with _sandbox() as (url, process):
        environ = local_secrets() | os.environ | {SANDBOX_URL: url}
        for channel in CHANNELS:
            told(f"sending by {channel}")
            measured.ways[channel] = _measure(engine, book, channel, contacts, environ, process)
    engine.dispose()
    return measured


def _plan(engine: Engine, book: Book, contacts: int) -> None:
    """One date, decided, whose contacts are due a share at a time; the rest after the last turn."""
    clock = VirtualClock(book.portfolio.calendar.usual_time_of(DATE))
    day = stages.Day(engine, book, DATE, clock, local_secrets())
    stages.snapshot(day)
    stages.gate(day)
    let_consent(day)
    stages.decide(day)
    with engine.begin() as conn:
        conn.execute(
            text(
                "UPDATE contact SET not_before_at = :open_at + turn.number * :every FROM ("
                "  SELECT contact_id, least(:turns, (row_number() OVER (PARTITION BY channel"
                "    ORDER BY contact_id) - 1) * :turns / :contacts) AS number FROM contact"
                "  WHERE portfolio_id = :portfolio_id) AS turn "
                "WHERE turn.contact_id = contact.contact_id"
            ),
            {
                "open_at": OPEN_AT,
                "every": TURN_EVERY,
                "turns": TURNS,
                "contacts": contacts,
                "portfolio_id": portfolio_id_of(conn, book.name),
            },
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))


def _measure(
    engine: Engine,
    book: Book,
    channel: str,
    contacts: int,
    environ: Mapping[str, str],
    sandbox: psutil.Process,
) -> dict[str, Sent]:
    costs = {way: Sent() for way in (*WAYS, *WAYS_AFAR)}
    loops = {"bare loop": our_client, "stock client": stock_client}
    ready = messages(channel, book, contacts)
    for turn in range(TURNS):
        at = OPEN_AT + turn * TURN_EVERY
        with _cost(costs["outbox"], sandbox) as cost:
            cost.contacts += _drain(engine, book, channel, at, environ)
        _hear(engine)
        share = ready[turn::TURNS]
        for way, make in loops.items():
            with _cost(costs[way], sandbox) as cost:
                cost.contacts += _loop(make, channel, book, environ, share)
    _move_away(channel, environ)
    outbox, bare = WAYS_AFAR
    with _cost(costs[outbox], sandbox) as cost:
        cost.contacts += _drain(engine, book, channel, OPEN_AT + TURNS * TURN_EVERY, environ)
    with _cost(costs[bare], sandbox) as cost:
        cost.contacts += _loop(our_client, channel, book, environ, ready[:AFAR])
    return costs


def _move_away(channel: str, environ: Mapping[str, str]) -> None:
    """From now on the sandbox takes its time for each answer by this channel."""
    answer = requests.post(
        f"{environ[SANDBOX_URL]}/_sandbox/faults",
        json={"channel": channel, "kind": "slow", "seconds": ANSWER_S},
        headers={"Authorization": f"Bearer {read_credentials(environ).inbox_token}"},
        timeout=10,
    )
    answer.raise_for_status()


def _drain(
    engine: Engine, book: Book, channel: str, at: dt.datetime, environ: Mapping[str, str]
) -> int:
    real = DatabaseClock(engine)
    clock = ShiftedClock(real, at - real.now())
    with engine.begin() as conn:
        number = portfolio_id_of(conn, book.name)
    with Dispatcher(engine, book, number, clock, environ) as dispatcher:
        return dispatcher.drain([channel]).outcomes["accepted"]


def _hear(engine: Engine) -> None:
    """As if callbacks had told what became of all that went out: none of it is asked for."""
    with engine.begin() as conn:
        conn.execute(text("UPDATE contact SET ask_at = NULL WHERE ask_at IS NOT NULL"))


def _loop(
    make: MakeSend, channel: str, book: Book, environ: Mapping[str, str], share: list[Message]
) -> int:
    return run_loop([make(channel, book, environ) for _ in range(THREADS)], share)


@contextmanager
def _cost(sent: Sent, sandbox: psutil.Process) -> Iterator[Sent]:
    began, ours, its = time.perf_counter(), time.process_time(), _cpu_s(sandbox)
    yield sent
    sent.seconds += time.perf_counter() - began
    sent.our_s += time.process_time() - ours
    sent.sandbox_s += _cpu_s(sandbox) - its


def _cpu_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


@contextmanager
def _sandbox() -> Iterator[tuple[str, psutil.Process]]:
    """A sandbox of its own process, and its URL."""
    state: Path = home() / "sandbox"
    process = subprocess.Popen(
        [sys.executable, "-m", "dunflow.sandbox", "--port", "0", "--state", str(state)],
        env=os.environ | local_secrets(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield process.stdout.readline().split()[-1], psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()
