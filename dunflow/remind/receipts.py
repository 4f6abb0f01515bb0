"""What providers tell about messages, taken into the contacts: by a callback, or when asked.

Tellings come late, twice and in any order, and before our own record of the call. So each only ever
moves a contact forward, and a known acceptance is the truth whatever we thought.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    SmallInteger,
    TableValuedAlias,
    Text,
    and_,
    select,
    update,
)

from dunflow.config.book import Book
from dunflow.ledger.given import Kind, among, given
from dunflow.ledger.references import number_of
from dunflow.ledger.tables import Instant, contact
from dunflow.remind import faults, outbox, talks
from dunflow.remind.consequences import (
    believe_opt_outs,
    bury_addresses,
    refresh_ladder,
    start_gap,
)
from dunflow.remind.schedule import next_result_at
from dunflow.remind.senders.codes import sender_fault
from dunflow.remind.senders.outcome import Down, Seen

Told = tuple[int, Seen]
"""A contact, and what its provider says of it."""

TWICE = "twice"
"""The reason of a contact that a provider has accepted more than once."""

NOT_KNOWN_AS_SENT = (
    "planned",
    "claimed",
    "in_doubt",
    "parked",
    "expired",
    "cancelled",
    "failed",
)


@dataclass(frozen=True)
class Taken:
    """How many contacts became known as accepted, delivered and undelivered."""

    accepted: int = 0
    delivered: int = 0
    undelivered: int = 0


def take(conn: Connection, book: Book, told: Collection[Told], now: dt.datetime) -> Taken:
    """Move these contacts on, in the order of what is told; a telling that changes nothing is none.

    Any number of contacts, in a handful of statements.
    """
    held = _hold(conn, {of for of, _ in told})
    for of, seen in told:
        held[of].hear(seen, now)
    moved = [each for each in held.values() if each.is_moved]
    _write(conn, moved)
    arrived = [each.of for each in moved if each.arrived]
    failed = [each for each in moved if each.failed]
    news = {*arrived, *(each.of for each in failed)}
    answers = [(of, seen.answered_by) for of, seen in told if of in news and seen.answered_by]
    if answers:
        talks.keep_answers(conn, book, answers, now)
    outbox.make_room(conn, [each.of for each in failed])
    bury_addresses(conn, [each.of for each in failed if each.blames == "address"], now)
    believe_opt_outs(conn, [each.of for each in failed if each.blames == "opted_out"], now)
    accepted = [each.of for each in moved if each.taken]
    outbox.take_room(conn, [each.of for each in moved if each.taken and not each.failed])
    start_gap(conn, accepted)
    refresh_ladder(conn, book, [each.of for each in moved if each.steps_move])
    if moved:
        faults.note_later(conn, moved[0].portfolio_id, _of_senders(moved), now)
    return Taken(len(accepted), len(arrived), len(failed))


def _of_senders(moved: list["_Held"]) -> dict[str, Down | dt.datetime]:
    """channel → the fault of its sender; where there is none, since when one is that arrived."""
    told: dict[str, Down | dt.datetime] = {}
    for each in moved:
        known = told.get(each.channel)
        if each.failed and each.blames == "sender":
            told[each.channel] = Down(str(each.error_code), sender_fault(each.error_code))
        elif each.arrived and each.accepted_at and not isinstance(known, Down):
            told[each.channel] = max(known or each.accepted_at, each.accepted_at)
    return told


class _Held:
    """A contact under our lock, as it is moved from telling to telling."""

    def __init__(self, row: Row[*tuple[Any, ...]]) -> None:
        self.of: int = row.contact_id
        self.portfolio_id: int = row.portfolio_id
        self.channel: str = row.channel
        self.state: str = row.state
        self.reason: str | None = row.reason
        self.error_code: str | None = row.error_code
        self.provider_id: str | None = row.provider_id
        self.accepted_at: dt.datetime | None = row.accepted_at
        self.ended_at: dt.datetime | None = row.ended_at
        self.ask_at: dt.datetime | None = row.ask_at
        self.asked: int = row.asked
        self.blames: str | None = None
        self._since: dt.datetime = row.claimed_at or row.planned_at
        # What of it is news.
        self.taken = self.arrived = self.failed = self.twice = self.is_moved = False

    @property
    def steps_move(self) -> bool:
        """Whether its episodes may stand elsewhere on the ladder now. An arrival changes nothing:
        the step was done when it was accepted."""
        return self.taken or self.failed or self.twice

    def hear(self, seen: Seen, now: dt.datetime) -> None:
        if self.state in NOT_KNOWN_AS_SENT:
            self._accept(seen, now)
        elif seen.provider_id is not None and self.provider_id is not None:
            # A message that we have under another id went out twice.
            self._note_twice(seen.provider_id != self.provider_id)
        self._note_twice(seen.twice)
        if seen.result == "delivered" and self.state == "accepted":
            self.state, self.ask_at, self.ended_at = "delivered", None, now
            self.arrived = self.is_moved = True
        elif seen.result == "undelivered" and self._may_fail():
            self.state, self.ask_at, self.ended_at = "undelivered", None, now
            self.error_code, self.blames = seen.code, seen.blames
            self.reason = self.reason or seen.blames
            self.failed = self.is_moved = True

    def _accept(self, seen: Seen, now: dt.datetime) -> None:
        self.state, self.reason, self.error_code = "accepted", None, None
        self.provider_id = seen.provider_id
        # A telling without a time of its own comes hours later, if the phone was off.
        self.accepted_at = min(max(seen.created_at or self._since, self._since), now)
        self.ended_at, self.ask_at, self.asked = None, next_result_at(0, now), 0
        self.taken = self.is_moved = True

    def _may_fail(self) -> bool:
        """An email may bounce after it was delivered to the server; an SMS that arrived stays."""
        return self.state == "accepted" or (self.state == "delivered" and self.channel == "email")

    def _note_twice(self, is_twice: bool) -> None:
        if is_twice and self.reason != TWICE:
            self.reason, self.twice, self.is_moved = TWICE, True, True


def _hold(conn: Connection, contacts: Collection[int]) -> dict[int, _Held]:
    outbox.lock_in_order(conn, contacts)
    rows = conn.execute(
        select(
            contact.c.contact_id,
            contact.c.portfolio_id,
            contact.c.channel,
            contact.c.state,
            contact.c.reason,
            contact.c.error_code,
            contact.c.provider_id,
            contact.c.claimed_at,
            contact.c.planned_at,
            contact.c.accepted_at,
            contact.c.ended_at,
            contact.c.ask_at,
            contact.c.asked,
        ).where(among(contact.c.contact_id, list(contacts)))
    )
    return {row.contact_id: _Held(row) for row in rows}


_COLUMNS: dict[str, Kind] = {
    "of": BigInteger,
    "state": Text,
    "reason": Text,
    "error_code": Text,
    "provider_id": Text,
    "accepted_at": Instant,
    "ended_at": Instant,
    "ask_at": Instant,
    "asked": SmallInteger,
}


def _write(conn: Connection, moved: Iterable[_Held]) -> None:
    rows = [{name: getattr(each, name) for name in _COLUMNS} for each in moved]
    if not rows:
        return
    now_known = given("now_known", _COLUMNS, rows)
    conn.execute(
        update(contact)
        .where(contact.c.contact_id == now_known.c.of)
        .values(
            lease_until_at=None,
            **{name: now_known.c[name] for name in _COLUMNS if name != "of"},
        )
    )


@dataclass(frozen=True, repr=False)
class Found:
    """The contact that a telling is about. `claimed_at`: None if nobody ever claimed it.

    `repr` is left out: personal data.
    """

    contact_id: int
    portfolio_id: int
    customer_id: int
    address: str | None
    claimed_at: dt.datetime | None


def find(conn: Connection, marks: Sequence[tuple[str | None, str | None]]) -> list[Found | None]:
    """The contact of each `(reference, provider_id)`: by our own mark first, then by the id."""
    numbers = {mark: number_of(mark) for mark, _ in marks if mark is not None}
    ours = {mark: number for mark, number in numbers.items() if number is not None}
    named = _named({"said": Text, "number": BigInteger}, ours.items())
    of_mark = and_(contact.c.contact_id == named.c.number, contact.c.reference == named.c.said)
    by_mark = _contacts(conn, named, of_mark) if ours else {}
    unknown = {of for mark, of in marks if mark not in by_mark and of is not None}
    named = _named({"said": Text}, [(of,) for of in sorted(unknown)])
    of_id = contact.c.provider_id == named.c.said
    by_id = _contacts(conn, named, of_id) if unknown else {}
    return [by_mark.get(mark or "") or by_id.get(of or "") for mark, of in marks]


def _named(columns: dict[str, Kind], rows: Iterable[tuple[Any, ...]]) -> TableValuedAlias:
    return given("named", columns, [dict(zip(columns, row, strict=True)) for row in rows])


def _contacts(
    conn: Connection, named: TableValuedAlias, which: ColumnElement[bool]
) -> dict[str, Found]:
    """What is `said` → the contact that it is said of; of several the oldest."""
    rows = conn.execute(
        select(
            named.c.said,
            contact.c.contact_id,
            contact.c.portfolio_id,
            contact.c.customer_id,
            contact.c.address,
            contact.c.claimed_at,
        )
        .join(named, which)
        .order_by(contact.c.contact_id.desc())
    )
    return {said: Found(*found) for said, *found in rows}
