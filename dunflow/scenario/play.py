"""Plays a scenario's timeline through the production code, on a clock that it moves itself."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Engine

from dunflow import day as stages
from dunflow.clock import DAY, VirtualClock
from dunflow.config.book import Book
from dunflow.config.feeds import Feed
from dunflow.day import Day
from dunflow.errors import BreakerTripped, DunflowError, GateFailed, SourceError
from dunflow.intake import payments
from dunflow.intake.take import Delivery, take
from dunflow.ledger.engine import portfolio_id_of
from dunflow.letters import print_letters
from dunflow.place.life import PlacementError
from dunflow.placements import Desk
from dunflow.remind.dispatch import play
from dunflow.scenario import operator
from dunflow.scenario.death import Died, MortalDispatcher, dying
from dunflow.scenario.faults import BadDays
from dunflow.scenario.model import Crash, Entry, Pay, Scenario, Take
from dunflow.scenario.paper import blank_pages
from dunflow.scenario.people import People
from dunflow.scenario.placing import Placements
from dunflow.scenario.world import World
from dunflow.snapshot.pull import Pull, is_over

RETRY_AFTER = dt.timedelta(minutes=5)
"""When Airflow runs a task again whose worker died."""


@dataclass(frozen=True)
class Played:
    """How it ended: dates that the gate stopped, and what loading was refused with. `book`: as it
    was edited to the end."""

    book: Book
    portfolio_id: int
    stopped: list[dt.date]
    refused: list[str]


class Player:
    """One scenario on its own ledger."""

    def __init__(
        self,
        scenario: Scenario,
        read: Callable[[Mapping[str, object]], Book],
        engine: Engine,
        clock: VirtualClock,
        environ: Mapping[str, str],
    ) -> None:
        self._scenario, self._read, self._engine = scenario, read, engine
        self._clock, self._environ = clock, environ
        self._edits: dict[str, object] = {}
        self._book = read(self._edits)
        self._calendar = self._book.portfolio.calendar
        self._world = World(scenario, self._calendar)
        self._bad_days = BadDays(environ)
        self._dying: str | None = None
        self._stopped: list[dt.date] = []
        self._refused: list[str] = []
        with engine.begin() as conn:
            self._portfolio_id = portfolio_id_of(conn, self._book.name)

    _dispatcher: MortalDispatcher

    @property
    def _people(self) -> People:
        return People(self._book, self._portfolio_id, self._world)

    @property
    def _desk(self) -> Desk:
        return Desk(self._engine, self._book, self._portfolio_id, self._clock, self._environ)

    @property
    def _placements(self) -> Placements:
        return Placements(self._desk)

    @property
    def _channels(self) -> list[str]:
        if not self._edits:  # then nothing can be open by any other, and asking takes its time
            return sorted(self._book.policy.channels)
        now = self._clock.now().date()
        return stages.channels(Day(self._engine, self._book, now, self._clock, self._environ))

    def play(self) -> Played:
        """From the first entry to `until`."""
        with MortalDispatcher(
            self._engine,
            self._book,
            self._portfolio_id,
            self._clock,
            self._environ,
            threads=1,  # so that calls are made in their order, and faults befall the right ones
        ) as self._dispatcher:
            for number, entry in enumerate(self._scenario.timeline):
                self._happen(number, entry)
                self._place()
            self._pass_until(self._end())
        return Played(self._book, self._portfolio_id, self._stopped, self._refused)

    def _happen(self, number: int, entry: Entry) -> None:
        if entry.run:
            self._run(entry, *entry.run)
        elif entry.down:
            self._pass_until(self._at(entry.down.from_))
            self._clock.move_to(self._at(entry.down.to))
        elif entry.pay:
            self._pass_until(self._at(entry.pay.at))
            if entry.pay.feed:
                self._feed(number, entry.pay)
        elif entry.credit:
            self._pass_until(self._at(entry.credit.at))
            self._credit(number, entry)
        elif entry.take:
            self._pass_until(self._at(entry.take.at))
            self._take(number, entry.take)
        elif entry.fault:
            self._bad_days.order(entry.fault, self._world)
        elif entry.crash:
            self._crash(entry.crash)
        elif entry.edit:
            self._pass_until(self._at(entry.edit.at))
            self._edits |= entry.edit.changes
            self._book = self._dispatcher.book = self._read(self._edits)
        else:
            self._said(number, entry)
            self._decide_placement(number, entry)

    def _said(self, number: int, entry: Entry) -> None:
        operated_at = operator.said_at(entry)
        said_at = self._at(operated_at) if operated_at else self._people.happens_at(entry)
        if said_at is None:
            return
        self._pass_until(said_at)
        now = self._clock.now()
        try:
            with self._engine.begin() as conn:
                operator.operate(conn, self._book, self._portfolio_id, entry, now)
                self._people.record(conn, number, entry, now)
        except DunflowError as error:
            self._refused.append(str(error))

    def _crash(self, crash: Crash) -> None:
        if crash.after:
            self._dispatcher.dies_after = crash.after
        else:
            self._dying = crash.stage

    def _place(self) -> None:
        try:
            self._placements.work()
        except DunflowError as error:
            self._refused.append(str(error))

    def _decide_placement(self, number: int, entry: Entry) -> None:
        if entry.approve:
            self._pass_until(self._at(entry.approve.at))
            try:
                self._placements.approve(entry.approve)
            except PlacementError as error:
                self._refused.append(str(error))
        for decide, said in (
            (self._placements.reject, entry.reject),
            (self._placements.recall, entry.recall),
            (self._placements.reopen, entry.reopen),
        ):
            if said:
                self._pass_until(self._at(said.at))
                decide(said)
        if entry.handback:
            self._pass_until(self._at(entry.handback.at))
            self._refused += self._placements.receive(number, entry.handback)

    def _run(self, entry: Entry, first: dt.date, last: dt.date) -> None:
        dates = [first + n * DAY for n in range((last - first).days + 1)]
        for date in reversed(dates) if entry.order == "backwards" else dates:
            self._pass_until(self._at(entry.at) if entry.at else self._calendar.usual_time_of(date))
            self._run_date(date)

    def _run_date(self, date: dt.date) -> None:
        day = Day(self._engine, self._book, date, self._clock, self._environ)
        as_of = self._calendar.close_of(date)
        if self._book.portfolio.source.history == "current_only":
            as_of = self._clock.now()
        shows = not is_over(self._book, date, self._clock.now())
        try:
            with dying(self._engine, self._take_death("snapshot")):
                stages.snapshot(
                    day, Pull(self._world.rows(date, self._clock.now()) if shows else None, as_of)
                )
            stages.gate(day)
            with dying(self._engine, self._take_death("assess", "decide")):
                stages.decide(day)
            self._dispatcher.drain(self._channels)
            if "letter" in self._channels:
                print_letters(self._desk, blank_pages)
            self._place()
        except SourceError as error:
            self._refused.append(str(error))
        except (GateFailed, BreakerTripped):
            self._stopped.append(date)
        except Died:
            # Airflow's retry. It takes up the task that died; those before it change nothing.
            self._pass_until(self._clock.now() + RETRY_AFTER)
            self._run_date(date)

    def _take_death(self, *stages_: str) -> str | None:
        """The stage in which the worker dies now; once."""
        if self._dying not in stages_:
            return None
        stage, self._dying = self._dying, None
        return stage

    def _feed(self, number: int, pay: Pay) -> None:
        paid = payments.Payment(
            ref=f"pay-{number}",
            account_ref=pay.account,
            amount=pay.amount,
            currency=self._world.currency_of(pay.account),
            booked_at=self._at(pay.at),
        )
        with self._engine.begin() as conn:
            payments.record_payment(conn, self._portfolio_id, paid)

    def _credit(self, number: int, entry: Entry) -> None:
        assert entry.credit
        given = entry.credit
        credit = payments.Credit(
            ref=f"credit-{number}",
            customer_ref=given.customer,
            amount=given.amount,
            currency=given.currency or self._scenario.portfolio.currency,
            booked_at=self._at(given.at),
            cancelled=given.status == "cancelled",
        )
        with self._engine.begin() as conn:
            payments.record_credit(conn, self._portfolio_id, credit)

    def _take(self, number: int, given: Take) -> None:
        feed = Feed(kind="files", path="scenario")
        frames = [pd.DataFrame(given.rows, dtype="string[pyarrow]")]
        delivery = Delivery(given.kind, f"entry {number}", frames, feed)
        taken = take(self._engine, self._book, delivery, "scenario", self._clock.now())
        self._refused += [str(fault) for fault in taken.rejected]

    def _pass_until(self, instant: dt.datetime) -> None:
        """Let the dispatcher do its work up to `instant`, then move the clock there."""
        while True:
            try:
                play(
                    self._dispatcher,
                    self._engine,
                    self._portfolio_id,
                    self._clock,
                    self._channels,
                    instant,
                )
                break
            except Died:
                continue  # the next dispatch begins as if nothing had happened
        self._clock.move_to(instant)

    def _at(self, instant: dt.datetime) -> dt.datetime:
        whole = instant if instant.tzinfo else instant.replace(tzinfo=self._calendar.zone)
        return whole.astimezone(dt.UTC)

    def _end(self) -> dt.datetime:
        if self._scenario.until:
            return self._at(self._scenario.until)
        last_day = self._calendar.local_date(self._clock.now())
        return self._at(dt.datetime.combine(last_day, dt.time(23, 59)))
