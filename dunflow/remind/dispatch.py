"""Drains the outbox: ask about what is open; then claim, call, record, until nothing is due."""

import datetime as dt
import gc
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from math import inf
from types import TracebackType
from typing import Self

from sqlalchemy import Engine

from dunflow.clock import Clock, VirtualClock
from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.errors import ConfigError
from dunflow.remind import confirm, faults, notes, outbox, pauses, wording
from dunflow.remind.asking import ASKABLE, Asking
from dunflow.remind.claim import Batch, Rate, claim
from dunflow.remind.drained import Drained
from dunflow.remind.lease import Claimed
from dunflow.remind.pace import Pace
from dunflow.remind.senders.choose import Unmade, make_sender
from dunflow.remind.senders.outcome import (
    Busy,
    Down,
    Message,
    Outcome,
    Sender,
)
from dunflow.remind.settle import Settled, settle

THREADS = 16
"""Calls under way at once. A provider answers in about a tenth of a second, so it is they that make
the speed; Twilio allows an account some 100 at once, and other portfolios may be sending, too."""
ASK_FIRST_S = 20.0
"""So long what is due to be asked may hold up what is due to be sent; `ask_on` asks the rest."""
USUAL_RATE = {"voice": 1.0}
"""Of an account, whatever its numbers: Twilio starts one call a second, and keeps more in a queue
that knows no contact hours."""
HELD_AT_MOST_S = 10.0
"""A row held longer than this is checked again before the call."""

Progress = Callable[[int], None]


@dataclass(frozen=True, repr=False)
class Calls:
    """A claimed batch on its way: threads take from `left` until nothing is left. `asked`: for how
    many the claim was. `began` is monotonic. `repr` is left out: personal data."""

    asked: int
    left: deque[tuple[Claimed, float]]
    done: list[Settled] = field(default_factory=list)
    workers: list[Future[None]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def wait(self) -> list[Settled]:
        for worker in self.workers:
            worker.result()
        return self.done


class Dispatcher:
    """Sends one portfolio's due contacts. Holds the senders, one per thread and channel."""

    def __init__(
        self,
        engine: Engine,
        book: Book,
        portfolio_id: int,
        clock: Clock,
        environ: Mapping[str, str],
        threads: int = THREADS,
    ) -> None:
        self._engine, self._book, self._portfolio_id = engine, book, portfolio_id
        self._clock, self._environ = clock, environ
        self._threads = threads
        _suit_many_threads()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="send")
        self._own = threading.local()
        self.asking = Asking(engine, book, portfolio_id, clock, self._pool, self._sender)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    @property
    def sends(self) -> bool:
        """In shadow mode everything is done but that."""
        return self._book.portfolio.mode != "shadow"

    def drain(self, channels: list[str], progress: Progress | None = None) -> Drained:
        """Ask what is to be asked, and send what is due now by these channels.

        In shadow mode nothing is sent.
        """
        drained = Drained()
        with self._engine.begin() as conn:
            outbox.sweep(conn, self._portfolio_id, self._clock.now())
        # No time passes on a clock that is moved by hand.
        within_s = inf if isinstance(self._clock, VirtualClock) else ASK_FIRST_S
        ends = time.monotonic() + within_s
        for channel in channels:
            if channel in ASKABLE:
                self.asking.ask_due(channel, drained, ends)
        if not self.sends:
            return drained
        told = [channel for channel in notes.CHANNELS if channel in channels]
        put_off = [channel for channel in told if self._tell(channel, drained)]
        for group in self._groups(channels):
            self._drain(group, drained, progress)
        # The next drain may come too late: the law lets a confirmation go out within minutes.
        for channel in put_off:
            self._tell(channel, drained)
        with self._engine.connect() as conn:
            now = self._clock.now()
            held_up = outbox.held_up(conn, self._portfolio_id, channels, now)
            unworded = wording.waiting(conn, self._portfolio_id, channels, now)
        return Drained(drained.outcomes, held_up | drained.down, drained.faults, unworded)

    def _tell(self, channel: Channel, drained: Drained) -> bool:
        """Tell people that they were heard; no transaction is open meanwhile. Whether the provider
        was too busy for some."""
        now, to_send = self._clock.now(), []
        for take in (confirm.take, pauses.take):
            try:
                with self._engine.begin() as conn:
                    to_send += take(conn, self._book, self._portfolio_id, channel, now)
            except ConfigError as error:
                # Their template is at fault. None of these is marked as sent, and contacts have
                # nothing to do with it.
                drained.faults.add(str(error))
        put_off = False
        for note in to_send:
            fails = drained.down.get(channel)
            outcome = Down(faults.STOPPED, fails) if fails else self._tell_one(note.message)
            put_off = put_off or isinstance(outcome, Busy)
            with self._engine.begin() as conn:
                notes.record(conn, note, outcome, self._clock.now())
                if isinstance(outcome, Down) and not fails:
                    drained.down[channel] = outcome.why
                    faults.note(conn, self._portfolio_id, {channel: outcome}, self._clock.now())
        return put_off

    def _tell_one(self, message: Message) -> Outcome:
        return self._pool.submit(self._send, message, self._clock.now()).result()

    def _send(self, message: Message, now: dt.datetime) -> Outcome:
        return self._sender(message.channel).send(message, now=now)

    def _groups(self, channels: list[str]) -> list[list[str]]:
        """Channels that are claimed for together; one whose sender has a rate stands alone."""
        rated = [channel for channel in channels if self._rate(channel)]
        others = [channel for channel in channels if channel not in rated]
        return [[channel] for channel in rated] + ([others] if others else [])

    def _rate(self, channel: str) -> Rate | None:
        """None on a clock that is moved by hand: no time passes there in which to wait."""
        sender = getattr(self._book.portfolio.senders, channel, None)
        if sender is None or isinstance(self._clock, VirtualClock):
            return None
        if sender.per_second is not None:
            return Rate(f"{sender.provider} {channel} {sender.from_}", float(sender.per_second))
        if channel in USUAL_RATE:
            return Rate(f"{sender.provider} {channel}", USUAL_RATE[channel])
        return None

    def _drain(self, channels: list[str], drained: Drained, progress: Progress | None) -> None:
        """While the calls of a full batch are made, the next one is claimed."""
        rate = self._rate(channels[0]) if len(channels) == 1 else None
        pace, ahead = Pace(), None
        while working := [channel for channel in channels if channel not in drained.down]:
            now, most = self._clock.now(), pace.most
            try:
                with self._engine.begin() as conn:
                    batch = claim(conn, self._book, self._portfolio_id, working, now, most, rate)
            except Exception:
                # What is on its way is written down all the same.
                if ahead:
                    self.record(ahead.wait(), drained)
                raise
            drained.faults |= batch.faults
            calls = self.call(batch, most, now, drained) if batch.claimed else None
            if progress and batch.seen:
                progress(batch.seen)
            ended = [ahead] if batch.seen == most else [ahead, calls]
            ahead = calls if batch.seen == most else None
            for each in filter(None, ended):
                settled = each.wait()
                pace.learn(len(settled), each.asked, each.began)
                self.record(settled, drained)
            if batch.seen or any(ended):
                continue
            if not batch.first_s:
                return
            time.sleep(min(batch.first_s, HELD_AT_MOST_S))
        if ahead:
            self.record(ahead.wait(), drained)

    def call(self, batch: Batch, asked: int, now: dt.datetime, drained: Drained) -> Calls:
        """Begin to call the providers for all that is claimed, where so many were asked for."""
        taken = time.monotonic()
        slots = [batch.first_s + number * batch.every_s for number in range(len(batch.claimed))]
        calls = Calls(asked, deque(zip(batch.claimed, slots, strict=True)))

        def work() -> None:
            while True:
                try:
                    claimed, slot_s = calls.left.popleft()
                except IndexError:
                    return
                outcome = self._call(claimed, now, taken, slot_s, drained)
                calls.done.append((claimed, outcome))

        calls.workers.extend(self._pool.submit(work) for _ in range(self._threads))
        return calls

    def record(self, settled: list[Settled], drained: Drained) -> None:
        """Write down what came of the calls."""
        with self._engine.begin() as conn:
            counts = settle(conn, self._book, self._portfolio_id, settled, self._clock.now())
        drained.count(counts)

    def _call(
        self, claimed: Claimed, now: dt.datetime, taken: float, slot_s: float, drained: Drained
    ) -> Outcome:
        channel = claimed.message.channel
        if slot_s:
            time.sleep(max(0.0, taken + slot_s - time.monotonic()))
        if channel in drained.down:
            return Down(faults.STOPPED, drained.down[channel])
        held_s = time.monotonic() - taken
        if held_s > HELD_AT_MOST_S:
            return Busy("held_too_long", 0)
        if not isinstance(self._clock, VirtualClock):  # on which no time passes
            now += dt.timedelta(seconds=held_s)
        outcome = self._sender(channel).send(claimed.message, now=now)
        if isinstance(outcome, Down):
            drained.down[channel] = outcome.why
        return outcome

    def _sender(self, channel: str) -> Sender:
        senders: dict[str, Sender] = self._own.__dict__
        if channel not in senders:
            config = getattr(self._book.portfolio.senders, channel, None)
            try:
                senders[channel] = make_sender(channel, config, self._environ)
            except ConfigError as error:
                senders[channel] = Unmade(str(error))
        return senders[channel]


@cache
def _suit_many_threads() -> None:
    """Let the threads that call send on while this one claims.

    Modules and the like stay to the end, and a batch to its own: the collector would go through all
    of them again and again, while no thread sends. And whoever computes gives way five times as
    often as is usual: a call needs the interpreter for moments only.
    """
    gc.freeze()
    gc.set_threshold(100_000)
    sys.setswitchinterval(0.001)


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
    """Move `clock` from one instant at which something is due to the next, up to `until`.

    Of one date, it ends with a sender that is at fault, and leaves results to later runs.
    """
    played = Drained()
    whole = business_date is None
    while True:
        with engine.begin() as conn:
            due = outbox.next_due(
                conn,
                dispatcher.asking.book,
                portfolio_id,
                business_date,
                channels,
                clock.now(),
                results=whole,
                sends=dispatcher.sends,
            )
        # What became due while nothing ran comes after whatever happens at this very instant.
        if due is None or max(due, clock.now()) >= until:
            return played
        clock.move_to(due)
        drained = dispatcher.drain(channels, progress)
        played.add(drained)
        if not whole:
            channels = [channel for channel in channels if channel not in played.down]
            if not channels:
                return played
