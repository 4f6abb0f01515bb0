"""Where a verified telling meets the ledger: kept once, taken into the contact that it names."""

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Engine, Text, delete, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from dunflow.clock import Clock
from dunflow.config.book import Book
from dunflow.config.portfolio import Sender
from dunflow.errors import DunflowError
from dunflow.intake.classify import Reading
from dunflow.intake.receiver.script import call_of, script_of
from dunflow.intake.replies import Reply, heed, is_of_ours, record_reply
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.given import Kind, given
from dunflow.ledger.tables import portfolio, receipt
from dunflow.remind import notes, opt_outs, receipts
from dunflow.remind.receipts import Found
from dunflow.remind.senders.outcome import Seen
from dunflow.remind.voice import NO_MORE_CALLS, WRONG_PERSON, Script

BOOKS_LAST_S = 60.0
KEYS = {
    WRONG_PERSON: Reading("wrong_person", wrong_person=True),
    NO_MORE_CALLS: Reading("opt_out", stops=frozenset({"voice"})),
}
"""What keys say that are pressed in an automated call."""

_RECEIPT: dict[str, Kind] = {
    "provider": Text,
    "event_id": Text,
    "reference": Text,
    "provider_id": Text,
    "status": Text,
    "error_code": Text,
}


@dataclass(frozen=True, repr=False)
class Telling:
    """What a provider says of one message. `event_id` is the same when it says it again.

    `says_no`: whoever got it does not want any more of them.
    """

    provider: str
    event_id: str
    reference: str | None
    provider_id: str | None
    status: str
    error_code: str | None
    seen: Seen | None
    says_no: bool = False


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
        """Take these in; how many were new. All or none is kept, and then told again.

        Raises DunflowError, having taken the others, where a portfolio was never readable since the
        receiver began: what is about its contacts is to be told again.
        """
        now, unread = self.clock.now(), 0
        with self.engine.begin() as conn:
            new = _keep(conn, tellings, now)
            found = receipts.find(conn, [(each.reference, each.provider_id) for each in new])
            told = list(zip(new, found, strict=True))
            known = [(each, of) for each, of in told if of]
            self._heed_objections(conn, [each for each, of in told if of is None], now)
            for portfolio_id in sorted({of.portfolio_id for _, of in known}):
                mine = [(each, of) for each, of in known if of.portfolio_id == portfolio_id]
                if not self._take(conn, portfolio_id, mine, now):
                    _forget(conn, [each for each, _ in mine])
                    unread += len(mine)
        if unread:
            raise DunflowError(
                f"{unread} tellings are about a portfolio that can't be read: mend its files "
                "(dunflow check); they will be told again"
            )
        return len(new)

    def receive(self, recipients: list[str], reply: Reply) -> int:
        """Keep a reply for each portfolio that is answered at one of `recipients`; for how many.

        Of several that share a sender, those that know the writer keep it, or all where none does.
        In the others what it asks for binds, and no word of it is kept: it is not meant for them.
        A portfolio that can't be read may be answered there as well: a refusal binds in it, too.
        Raises DunflowError where none can be read that is: a refusal must not be lost unseen. What
        strangers write to no portfolio's address is nothing to anybody: a domain that takes mail
        gets that every day.
        """
        asked = {each.lower() for each in recipients}
        known = [book for _, book in sorted(self._books().items())]
        heard = {book.name: mine for book in known if (mine := _as_heard(book, reply, asked))}
        books = [book for book in known if book.name in heard]
        if not books and reply.forgeable and not self._knows(reply):
            return 0
        if not books:
            raise DunflowError(
                f"a reply came, and no portfolio that can be read is answered by {reply.channel} "
                f"at {' or '.join(recipients)}; see dunflow check"
            )
        now = self.clock.now()
        with self.engine.begin() as conn:
            numbers = {book.name: portfolio_id_of(conn, book.name) for book in books}
            knowing = [book for book in books if is_of_ours(conn, numbers[book.name], reply)]
            kept = [
                record_reply(
                    conn,
                    numbers[book.name],
                    book.portfolio.calendar,
                    book.stop_words,
                    heard[book.name],
                    now,
                )
                for book in knowing or books
            ]
            others = [book for book in books if book not in knowing] if knowing else []
            for reading in [each[1] for each in kept if each]:
                for book in others:
                    heed(conn, numbers[book.name], heard[book.name], reading, now)
            refused = {channel for each in kept if each for channel in each[1].stops}
            if refused and reply.address:
                self._bind_elsewhere(conn, sorted(refused), reply.address, now)
        return sum(each is not None for each in kept)

    def _knows(self, reply: Reply) -> bool:
        """Whether it comes from somebody of any portfolio, readable or not."""
        with self.engine.connect() as conn:
            numbers = conn.execute(select(portfolio.c.portfolio_id)).scalars().all()
            return any(is_of_ours(conn, number, reply) for number in numbers)

    def _bind_elsewhere(
        self, conn: Connection, channels: list[str], address: str, now: dt.datetime
    ) -> None:
        """In the portfolios of the ledger of which nobody knows whether they are answered there."""
        known = set(self._books())
        rows = conn.execute(select(portfolio.c.portfolio_id, portfolio.c.name))
        for number, name in rows.all():
            for channel in channels if name not in known else ():
                people = opt_outs.users_of(conn, number, channel, address)
                opt_outs.bind(conn, number, [channel], people, [address], "reply", now)

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
            now = _now_of(book, call.claimed_at, self.clock.now())
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

    def _take(
        self,
        conn: Connection,
        portfolio_id: int,
        told: list[tuple[Telling, Found]],
        now: dt.datetime,
    ) -> bool:
        """What is told of one portfolio's contacts; whether all was done. Opt-outs bind also where
        it can't be read."""
        book = self._book_of(conn, portfolio_id)
        if book is not None:
            heard: dict[dt.datetime, list[receipts.Told]] = {}
            for telling, of in told:
                if telling.seen is not None:
                    at = _now_of(book, of.claimed_at, now)
                    heard.setdefault(at, []).append((of.contact_id, telling.seen))
            for at, seen in sorted(heard.items(), key=lambda each: each[0]):
                receipts.take(conn, book, seen, at)
        # By the contact's own address: the provider may have changed the case of its letters.
        objecting = {(of.address, of.customer_id): of for each, of in told if each.says_no}
        for (address, customer_id), of in sorted(objecting.items(), key=lambda each: str(each[0])):
            if address is None:
                continue
            at = _now_of(book, of.claimed_at, now) if book else now
            whose = {customer_id, *opt_outs.users_of(conn, portfolio_id, "email", address)}
            opt_outs.bind(conn, portfolio_id, ["email"], sorted(whose), [address], "provider", at)
        return book is not None

    def _heed_objections(self, conn: Connection, told: list[Telling], now: dt.datetime) -> None:
        """Of mails that are no contacts: whoever was told that they were heard may object to it."""
        references = [each.reference for each in told if each.says_no and each.reference]
        for number, address in notes.recipients(conn, "email", references):
            people = opt_outs.users_of(conn, number, "email", address)
            opt_outs.bind(conn, number, ["email"], people, [address], "provider", now)

    def _book_of(self, conn: Connection, portfolio_id: int) -> Book | None:
        name = conn.execute(
            select(portfolio.c.name).where(portfolio.c.portfolio_id == portfolio_id)
        ).scalar_one()
        return self._books().get(name)

    def _books(self) -> dict[str, Book]:
        with self._lock:
            if time.monotonic() - self._read_at >= BOOKS_LAST_S:
                # While somebody edits a file it may be at fault: what it said before still holds.
                self._known, self._read_at = self._known | self.books(), time.monotonic()
            return self._known


def _as_heard(book: Book, reply: Reply, asked: set[str]) -> Reply | None:
    """The reply as a portfolio hears it that is answered at one of `asked`; None: it is not."""
    senders = book.portfolio.senders
    own: Sender | None = getattr(senders, reply.channel)
    if own and own.answered_at.lower() in asked:
        return reply
    # Whoever was called texts to the number that they see.
    if reply.channel == "sms" and senders.voice and senders.voice.answered_at.lower() in asked:
        return replace(reply, to_caller=True)
    return None


def _keep(conn: Connection, tellings: list[Telling], now: dt.datetime) -> list[Telling]:
    """Those that were not told before, in their order."""
    by_event: dict[tuple[str, str], Telling] = {}
    for each in tellings:
        by_event.setdefault((each.provider, each.event_id), each)
    # Sorted, so that two who are told the same at once don't wait for each other in a ring.
    rows = [
        {name: getattr(each, name) for name in _RECEIPT} for _, each in sorted(by_event.items())
    ]
    if not rows:
        return []
    told = given("told", _RECEIPT, rows)
    kept = conn.execute(
        insert(receipt)
        .from_select([*_RECEIPT, "received_at"], select(*told.c, literal(now)))
        .on_conflict_do_nothing()
        .returning(receipt.c.provider, receipt.c.event_id)
    )
    new = {tuple(row) for row in kept}
    return [each for event, each in by_event.items() if event in new]


def _forget(conn: Connection, tellings: list[Telling]) -> None:
    """As if they had not been told."""
    events = [(each.provider, each.event_id) for each in tellings]
    conn.execute(delete(receipt).where(tuple_(receipt.c.provider, receipt.c.event_id).in_(events)))


def _now_of(book: Book, claimed_at: dt.datetime | None, now: dt.datetime) -> dt.datetime:
    """A replayed portfolio lives in another year: there a telling comes as soon as it is sent."""
    return claimed_at or now if book.portfolio.clock == "replay" else now
