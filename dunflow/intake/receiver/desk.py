"""Where a verified telling meets the ledger: kept once, taken into the contact that it names."""

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from dunflow.clock import Clock
from dunflow.config.book import Book
from dunflow.intake.classify import Reading
from dunflow.intake.receiver.script import call_of, script_of
from dunflow.intake.replies import Reply, record_reply
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import contact, portfolio, receipt
from dunflow.remind import opt_outs, receipts
from dunflow.remind.senders.outcome import Seen
from dunflow.remind.voice import NO_MORE_CALLS, WRONG_PERSON, Script

BOOKS_LAST_S = 60.0
KEYS = {
    WRONG_PERSON: Reading("wrong_person", wrong_person=True),
    NO_MORE_CALLS: Reading("opt_out", stops=frozenset({"voice"})),
}
"""What keys say that are pressed in an automated call."""


@dataclass(frozen=True, repr=False)
class Telling:
    """What a provider says of one message. `event_id` is the same when it says it again.

    `says_no`: the address by which the person does not want to be reached any more.
    """

    provider: str
    event_id: str
    reference: str | None
    provider_id: str | None
    status: str
    error_code: str | None
    seen: Seen | None
    says_no: str | None = None


@dataclass
class Desk:
    """The receiver's hold on the ledger. `books` reads the portfolios' files."""

    engine: Engine
    clock: Clock
    books: Callable[[], dict[str, Book]]
    _known: dict[str, Book] = field(default_factory=dict)
    _read_at: float = -BOOKS_LAST_S
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, tellings: list[Telling]) -> int:
        """Take these in; how many were new. All or none is kept, and then told again."""
        now = self.clock.now()
        with self.engine.begin() as conn:
            return sum(self._hear_one(conn, telling, now) for telling in tellings)

    def receive(self, recipients: list[str], reply: Reply) -> int:
        """Keep a reply for each portfolio that sends as one of `recipients`; for how many."""
        books = [
            book
            for _, book in sorted(self._books().items())
            if (sender := getattr(book.portfolio.senders, reply.channel))
            and sender.from_ in recipients
        ]
        with self.engine.begin() as conn:
            kept = [
                record_reply(
                    conn,
                    portfolio_id_of(conn, book.name),
                    book.portfolio.calendar,
                    book.stop_words,
                    reply,
                    reply.received_at,
                )
                for book in books
            ]
        return sum(each is not None for each in kept)

    def script(self, reference: str) -> Script | None:
        """What the call of this reference says; None if we make no such call."""
        with self.engine.connect() as conn:
            return script_of(conn, self._books(), reference)

    def refused(self, reference: str, call_sid: str, digits: str) -> None:
        """Whoever answered the call is not the customer, or wants no more of them."""
        reading = KEYS[digits]
        with self.engine.begin() as conn:
            call = call_of(conn, reference)
            book = None if call is None else self._book_of(conn, call.portfolio_id)
            if call is None or book is None:
                return
            now = _now_of(conn, book, call.contact_id, self.clock.now())
            given = Reply(
                ref=f"{call_sid} {digits}",
                channel="voice",
                text=f"pressed {digits}",
                received_at=now,
                address=call.address,
                customer_id=call.customer_id,
            )
            calendar, words = book.portfolio.calendar, book.stop_words
            record_reply(conn, call.portfolio_id, calendar, words, given, now, reading)

    def now(self) -> dt.datetime:
        return self.clock.now()

    def _hear_one(self, conn: Connection, telling: Telling, now: dt.datetime) -> bool:
        kept = conn.execute(
            insert(receipt)
            .values(
                provider=telling.provider,
                event_id=telling.event_id,
                reference=telling.reference,
                provider_id=telling.provider_id,
                status=telling.status,
                error_code=telling.error_code,
                received_at=now,
            )
            .on_conflict_do_nothing()
            .returning(receipt.c.receipt_id)
        )
        if kept.first() is None:
            return False
        found = receipts.find(conn, reference=telling.reference, provider_id=telling.provider_id)
        if found is None:
            return True
        contact_id, portfolio_id = found
        book = self._book_of(conn, portfolio_id)
        if book is not None and telling.seen is not None:
            now = _now_of(conn, book, contact_id, now)
            receipts.take(conn, book, [(contact_id, telling.seen)], now)
        if telling.says_no is not None:
            whose = opt_outs.users_of(conn, portfolio_id, "email", telling.says_no)
            opt_outs.bind(conn, portfolio_id, ["email"], whose, [telling.says_no], "provider", now)
        return True

    def _book_of(self, conn: Connection, portfolio_id: int) -> Book | None:
        name = conn.execute(
            select(portfolio.c.name).where(portfolio.c.portfolio_id == portfolio_id)
        ).scalar_one()
        return self._books().get(name)

    def _books(self) -> dict[str, Book]:
        with self._lock:
            if time.monotonic() - self._read_at >= BOOKS_LAST_S:
                self._known, self._read_at = self.books(), time.monotonic()
            return self._known


def _now_of(conn: Connection, book: Book, contact_id: int, now: dt.datetime) -> dt.datetime:
    """A replayed portfolio lives in another year: there a telling comes as soon as it is sent."""
    if book.portfolio.clock != "replay":
        return now
    claimed_at: dt.datetime | None = conn.execute(
        select(contact.c.claimed_at).where(contact.c.contact_id == contact_id)
    ).scalar()
    return claimed_at or now
