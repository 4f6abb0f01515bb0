"""Asks the providers what is due to be asked, for as long as there is time; see ask.py for what.

Of many SMS the results are read from the account's list, in one go and page by page: to read it
anew for every few questions would take the square of their number.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from sqlalchemy import Engine

from dunflow.clock import Clock
from dunflow.config.book import Book
from dunflow.remind import ask, rates
from dunflow.remind.drained import Drained
from dunflow.remind.senders.outcome import (
    Answer,
    ExplainsOneByOne,
    ListedByTheProvider,
    Question,
    Sender,
    Unclear,
    Unexplained,
)

ASKABLE = ("sms", "email", "voice")
IN_ONE_QUERY = "email"
NOT_LISTED = Unclear("not sent yet")


@dataclass(frozen=True)
class Asking:
    """Asks for one portfolio. `sender_of` gives the calling thread's own sender of a channel."""

    engine: Engine
    book: Book
    portfolio_id: int
    clock: Clock
    pool: Executor
    sender_of: Callable[[str], Sender]

    def ask_due(self, channel: str, drained: Drained, ends: float) -> None:
        """Ask what is due by this channel; no new turn is begun after `ends` (monotonic seconds).

        No transaction is open while a provider is asked. The list begins with the newest, so half
        of the time is kept for those that have been due the longest.
        """
        if channel == "sms" and self._are_many():
            self._take_turns(channel, ("in_doubt",), drained, ends)
            half = (time.monotonic() + ends) / 2
            self.pool.submit(self._read_list, channel, drained, half).result()
        self._take_turns(channel, ask.ASKED, drained, ends)

    def ask_on(self, channels: Sequence[str], within_s: float) -> Drained:
        """Ask what is due, turn after turn as the providers' limits allow, for so long at most."""
        drained, ends = Drained(), time.monotonic() + within_s
        while True:
            left = [channel for channel in channels if channel not in drained.down]
            for channel in left:
                self.ask_due(channel, drained, ends)
            now = self.clock.now()
            with self.engine.connect() as conn:
                turns = [
                    ask.next_turn_at(conn, self.book, self.portfolio_id, channel, now)
                    for channel in left
                ]
            turn_at = min((turn for turn in turns if turn), default=None)
            if turn_at is None:
                return drained
            wait_s = (turn_at - now).total_seconds()
            if time.monotonic() + wait_s >= ends:
                return drained
            time.sleep(wait_s)

    def _take_turns(
        self, channel: str, states: Sequence[str], drained: Drained, ends: float
    ) -> None:
        while True:
            asked = self._take(channel, states)
            if not asked:
                return
            answers = self._put(channel, [each.question for each in asked])
            answers = self._explained(channel, answers)
            for answer in answers:
                _note_fault(channel, answer, drained)
            self._record(list(zip(asked, answers, strict=True)), drained)
            if time.monotonic() >= ends:
                return

    def _take(self, channel: str, states: Sequence[str]) -> list[ask.Asked]:
        with self.engine.begin() as conn:
            now = self.clock.now()
            return ask.take(conn, self.book, self.portfolio_id, channel, now, states)

    def _put(self, channel: str, questions: list[Question]) -> list[Answer]:
        parts = [questions] if channel == IN_ONE_QUERY else [[each] for each in questions]
        answered = self.pool.map(lambda part: self.sender_of(channel).ask(part), parts)
        return [answer for part in answered for answer in part]

    def _explained(self, channel: str, answers: list[Answer]) -> list[Answer]:
        """The answers with why mails did not arrive, as far as there are turns to ask that, too."""
        told, may_ask = list(answers), True
        for number, answer in enumerate(answers):
            if isinstance(answer, Unexplained) and may_ask:
                told[number] = self.pool.submit(self._explain, channel, answer).result()
                may_ask = not isinstance(told[number], Unexplained)
        return told

    def _explain(self, channel: str, found: Unexplained) -> Answer:
        sender = self.sender_of(channel)
        if not isinstance(sender, ExplainsOneByOne):
            return found
        with self.engine.begin() as conn:
            has_turn = rates.take_query(conn, self.book, self.clock.now())
        return sender.explain(found) if has_turn else found

    def _read_list(self, channel: str, drained: Drained, ends: float) -> None:
        """Read on until it was told what became of all but a few, or time is up."""
        with self.engine.connect() as conn:
            since = ask.oldest_due(conn, self.portfolio_id, channel, self.clock.now())
        sender = self.sender_of(channel)
        unclear = NOT_LISTED
        for page in sender.sent_since(since) if isinstance(sender, ListedByTheProvider) else ():
            if isinstance(page, Unclear):
                unclear = page
                break
            with self.engine.begin() as conn:
                told = ask.listed(conn, self.portfolio_id, channel, page, self.clock.now())
            self._record(told, drained)
            if time.monotonic() >= ends or not self._are_many():
                return
        _note_fault(channel, unclear, drained)
        self._put_off(channel, unclear, drained)

    def _put_off(self, channel: str, unclear: Unclear, drained: Drained) -> None:
        """Of those that are still due nothing was told: they are asked about another time."""
        while True:
            left = self._take(channel, ("accepted",))
            if not left:
                return
            self._record([(each, unclear) for each in left], drained)

    def _are_many(self) -> bool:
        with self.engine.connect() as conn:
            return ask.are_many(conn, self.portfolio_id, "sms", self.clock.now())

    def _record(self, told: list[tuple[ask.Asked, Answer]], drained: Drained) -> None:
        with self.engine.begin() as conn:
            drained.count(ask.record(conn, self.book, told, self.clock.now()))


def _note_fault(channel: str, answer: Answer, drained: Drained) -> None:
    if isinstance(answer, Unclear) and answer.sender_at_fault:
        drained.down[channel] = answer.why
