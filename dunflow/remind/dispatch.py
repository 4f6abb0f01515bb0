"""Drains the outbox: claim, call the providers, record, until nothing is due."""

import datetime as dt
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType

from sqlalchemy import Engine

from dunflow.clock import Clock, VirtualClock
from dunflow.config.book import Book
from dunflow.errors import SenderDown
from dunflow.remind import outbox
from dunflow.remind.claim import Claimed, claim
from dunflow.remind.senders.choose import make_sender
from dunflow.remind.senders.outcome import Busy, Down, Outcome, Sender
from dunflow.remind.settle import settle

THREADS = 4
HELD_AT_MOST_S = 10.0
"""A row held longer than this is checked again before the call."""

Progress = Callable[[int], None]


@dataclass
class Drained:
    """What a drain did: outcomes by state, and the channels whose sender is down, with the why."""

    outcomes: dict[str, int] = field(default_factory=dict)
    down: dict[str, str] = field(default_factory=dict)

    def raise_if_down(self) -> None:
        """Raises SenderDown that names each channel. What it could not send is still planned."""
        if self.down:
            told = "; ".join(f"{channel}: {why}" for channel, why in sorted(self.down.items()))
            raise SenderDown(f"{told}. The channel stopped, its contacts stay planned")


class Dispatcher:
    """Sends one portfolio's due contacts. Holds the senders, one per thread and channel."""

    def __init__(
        self,
        engine: Engine,
        book: Book,
        portfolio_id: int,
        clock: Clock,
        environ: Mapping[str, str],
    ) -> None:
        self._engine, self._book, self._portfolio_id = engine, book, portfolio_id
        self._clock, self._environ = clock, environ
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="send")
        self._own = threading.local()

    def __enter__(self) -> "Dispatcher":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def drain(self, channels: list[str], progress: Progress | None = None) -> Drained:
        """Send what is due now by these channels. In shadow mode nothing is."""
        drained = Drained()
        with self._engine.begin() as conn:
            outbox.sweep(conn, self._portfolio_id, self._clock.now())
        if self._book.portfolio.mode == "shadow":
            return drained
        while working := [channel for channel in channels if channel not in drained.down]:
            now = self._clock.now()
            with self._engine.begin() as conn:
                batch = claim(conn, self._book, self._portfolio_id, working, now)
            if not batch.seen:
                break
            if batch.claimed:
                self._send(batch.claimed, now, drained)
            if progress:
                progress(batch.seen)
        return drained

    def _send(self, claimed: list[Claimed], now: dt.datetime, drained: Drained) -> None:
        taken = time.monotonic()
        calls = [self._pool.submit(self._call, each, now, taken, drained) for each in claimed]
        settled = [(each, call.result()) for each, call in zip(claimed, calls, strict=True)]
        with self._engine.begin() as conn:
            counts = settle(conn, self._book, self._portfolio_id, settled, self._clock.now())
        for state, count in counts.items():
            drained.outcomes[state] = drained.outcomes.get(state, 0) + count

    def _call(self, claimed: Claimed, now: dt.datetime, taken: float, drained: Drained) -> Outcome:
        channel = claimed.message.channel
        if channel in drained.down:
            return Down("stopped", drained.down[channel])
        if time.monotonic() - taken > HELD_AT_MOST_S:
            return Busy("held_too_long", 0)
        outcome = self._sender(channel).send(claimed.message, now=now)
        if isinstance(outcome, Down):
            drained.down[channel] = outcome.why
        return outcome

    def _sender(self, channel: str) -> Sender:
        senders: dict[str, Sender] = self._own.__dict__
        if channel not in senders:
            config = getattr(self._book.portfolio.senders, channel, None)
            senders[channel] = make_sender(channel, config, self._environ)
        return senders[channel]


def play(
    dispatcher: Dispatcher,
    engine: Engine,
    portfolio_id: int,
    clock: VirtualClock,
    channels: list[str],
    until: dt.datetime,
    business_date: dt.date | None = None,
    progress: Progress | None = None,
) -> Drained:
    """Move `clock` from one instant at which something is due to the next, up to `until`."""
    played = Drained()
    while True:
        with engine.begin() as conn:
            due = outbox.next_due(conn, portfolio_id, business_date, channels)
        # What became due while nothing ran comes after whatever happens at this very instant.
        if due is None or max(due, clock.now()) >= until:
            return played
        clock.move_to(due)
        drained = dispatcher.drain(channels, progress)
        for state, count in drained.outcomes.items():
            played.outcomes[state] = played.outcomes.get(state, 0) + count
        played.down |= drained.down
        channels = [channel for channel in channels if channel not in played.down]
        if not channels:
            return played
