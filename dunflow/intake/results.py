"""What calls and visits came to, read back from the lists that people filled in: each line once.

A promise is recorded. What a customer said otherwise becomes what a reply of theirs would become:
an opt-out and a wrong number are heeded at once, the rest waits for a person.
"""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, update

from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.decide.windows import next_opening
from dunflow.errors import DunflowError
from dunflow.intake.classify import Reading
from dunflow.intake.filled_in import Fault, Line, read_list
from dunflow.intake.promises import FURTHEST, TOO_FAR, Promise, record_promise
from dunflow.intake.replies import Reply, record_reply
from dunflow.ledger.references import bears
from dunflow.ledger.tables import ACTUAL, contact, contact_account, result
from dunflow.remind import receipts, talks
from dunflow.remind.senders.outcome import Seen

NOBODY: Final = frozenset({"no_answer", "busy", "failed", "wrong_number"})
"""Nobody was reached: the step is tried again, as often as the policy says."""


@dataclass
class Taken:
    """`new` lines were kept, `known` ones had been before; `rejected`: what is wrong, by row.

    `unlawful`: of those kept, what the packs forbade all the same. It has happened, and counts.
    """

    new: int = 0
    known: int = 0
    rejected: list[Fault] = field(default_factory=list)
    unlawful: list[Fault] = field(default_factory=list)


def take_results(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    channel: Channel,
    path: Path,
    by: str,
    now: dt.datetime,
) -> Taken:
    """Take a filled-in list in, CSV or Excel. Lines without a result are left for later.

    Raises SourceError, before anything is written, for a file without the columns of a list.
    """
    desk = _Desk(conn, book, portfolio_id, channel, by, now)
    taken = Taken()
    for each in read_list(book, path):
        if isinstance(each, Fault):
            taken.rejected.append(each)
            continue
        row, line = each
        try:
            new, forbidden = desk.take(line)
        except DunflowError as error:
            taken.rejected.append(Fault(row, str(error)))
        else:
            taken.new += new
            taken.known += not new
            taken.unlawful += [Fault(row, forbidden)] if forbidden else []
    taken.rejected.sort(key=lambda fault: fault.row)
    return taken


def take_line(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    channel: Channel,
    line: Line,
    by: str,
    now: dt.datetime,
) -> bool:
    """Take one line in; whether it was new. Raises DunflowError for one that can't be right."""
    new, _ = _Desk(conn, book, portfolio_id, channel, by, now).take(line)
    return new


@dataclass(frozen=True)
class _Desk:
    conn: Connection
    book: Book
    portfolio_id: int
    channel: Channel
    by: str
    now: dt.datetime

    def take(self, line: Line) -> tuple[bool, str | None]:
        """Whether it was new, and what was forbidden about it. Everything about a line is checked
        before any of it is written."""
        of, came_to = self._contact(line.reference), line.result
        self._require_possible(line.at, of)
        promised = self._promised(line, of) if came_to == "promise" else []
        told = self._told_before(of)
        if told is not None:
            if told != came_to:
                raise DunflowError(
                    f"result: it has the result {told!r} already; a line is one attempt"
                )
            return False, None
        self._count_on_its_day(of, line.at)
        talks.keep_result(self.conn, self.book, of.contact_id, came_to, line.at, self.by, self.now)
        seen = Seen(None, None, "delivered")
        if came_to in NOBODY:
            seen = Seen(None, None, "undelivered", came_to, "later")
        receipts.take(self.conn, self.book, [(of.contact_id, seen)], self.now)
        for each in promised:
            calendar = self.book.portfolio.calendar
            record_promise(self.conn, self.portfolio_id, calendar, each, self.now)
        self._hear(of, line)
        return True, self._forbidden(of, line.at)

    def _count_on_its_day(self, of: Row[Any], at: dt.datetime) -> None:
        """Caps count it on the customer's day on which it was made, which may be a later one."""
        # Those of a letter: there is always one.
        zone = talks.zones_of(self.conn, self.book, of.customer_id, "letter", at)[0]
        self.conn.execute(
            update(contact)
            .where(contact.c.contact_id == of.contact_id)
            .values(contact_on=func.greatest(contact.c.contact_on, at.astimezone(zone).date()))
        )

    def _forbidden(self, of: Row[Any], at: dt.datetime) -> str | None:
        book, zones = (
            self.book,
            talks.zones_of(self.conn, self.book, of.customer_id, of.channel, at),
        )
        span = next_opening(book.floor, of.channel, zones, book.portfolio.region, at)
        if span is not None and span.opens_at <= at:
            return None
        return (
            f"at: lies outside the hours in which the packs allow a {of.channel} to this customer"
        )

    def _contact(self, reference: str) -> Row[Any]:
        found = self.conn.execute(
            select(contact)
            .where(
                contact.c.portfolio_id == self.portfolio_id,
                bears(reference),
                contact.c.channel == self.channel,
            )
            .with_for_update()
        ).one_or_none()
        if found is None:
            raise DunflowError(f"reference: is that of no {self.channel} of {self.book.name}")
        if found.state not in ACTUAL:
            raise DunflowError(
                f"reference: its {self.channel} is {found.state}, so it was on no list"
            )
        return found

    def _require_possible(self, at: dt.datetime, of: Row[Any]) -> None:
        # People write the minute.
        if at < of.accepted_at.replace(second=0, microsecond=0) or at > self._latest(of):
            raise DunflowError("at: lies before the list was made, or in the future")

    def _latest(self, of: Row[Any]) -> dt.datetime:
        """Now; in a replayed portfolio, which lives in another year, the end of the line's day."""
        replayed = self.book.portfolio.clock == "replay"
        end: dt.datetime = of.expires_at
        return max(self.now, end) if replayed else self.now

    def _promised(self, line: Line, of: Row[Any]) -> list[Promise]:
        """One for each account that the talk was about, as far as what was promised goes."""
        amount, on = line.promised_amount, line.promised_on
        if amount is None or on is None:
            raise DunflowError("promised_amount: a promise needs it, and promised_on")
        if amount <= Decimal(0):
            raise DunflowError("promised_amount: is not more than nothing")
        made_on = self.book.portfolio.calendar.local_date(line.at)
        if on < made_on:
            raise DunflowError("promised_on: was over when it was promised")
        if on > made_on + FURTHEST:
            raise DunflowError(f"promised_on: {TOO_FAR}")
        ref = f"{self.channel} {of.reference}"
        return [
            Promise(
                account_id,
                share,
                of.currency,
                on,
                line.at,
                self.by,
                None,
                # Only the first one's says all, as where there is but one.
                ref if account_id == of.account_id else f"{ref} {account_id}",
            )
            for account_id, share in self._shares(of, amount).items()
        ]

    def _shares(self, of: Row[Any], amount: Decimal) -> dict[int, Decimal]:
        """What of `amount` is each account's: the leader's debt comes first, and it has what is
        promised beyond all of them."""
        named = self.conn.execute(
            select(contact_account.c.account_id, contact_account.c.amount)
            .where(
                contact_account.c.contact_id == of.contact_id, contact_account.c.dropped.is_(None)
            )
            .order_by(contact_account.c.account_id != of.account_id, contact_account.c.account_id)
        )
        shares, left = {of.account_id: Decimal(0)}, amount
        for account_id, owed in named:
            shares[account_id] = min(owed, left)
            left -= shares[account_id]
        shares[of.account_id] += left
        return {account_id: share for account_id, share in shares.items() if share}

    def _told_before(self, of: Row[Any]) -> str | None:
        told: str | None = self.conn.execute(
            select(result.c.result).where(result.c.contact_id == of.contact_id)
        ).scalar()
        return told

    def _hear(self, of: Row[Any], line: Line) -> None:
        reading = self._reading(line.result)
        if reading is None and not line.note:
            return
        given = Reply(
            ref=f"{self.channel} {of.reference}",
            channel=self.channel,
            text=line.note or line.result,
            received_at=line.at,
            address=of.address,
            customer_id=of.customer_id,
        )
        calendar, words = self.book.portfolio.calendar, self.book.stop_words
        record_reply(
            self.conn, self.portfolio_id, calendar, words, given, self.now, reading or NOTED
        )

    def _reading(self, came_to: str) -> Reading | None:
        """How a reply would be read that says so; None: nothing follows from it."""
        match came_to:
            case "wrong_number":
                return Reading("wrong_person", wrong_person=True)
            case "no_more":
                stops = {"call", "voice"} if self.channel == "call" else {self.channel}
                return Reading("opt_out", stops=frozenset(stops))
            case "dispute" | "hardship" | "complaint":
                return Reading(came_to, proposed_hold=came_to)
            case "paid":
                return Reading("paid")
            case _:
                return None


NOTED: Final = Reading("note")
"""A note of whoever called, which is kept and asks nothing of anybody."""
