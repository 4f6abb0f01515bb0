"""Takes due contacts out of the outbox, after the last check: claim, commit, only then call.

Everything that forbids a contact is asked again here, at the moment of going out, with the facts of
now. What comes of it is written in the same transaction as the claim.
"""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Text,
    and_,
    exists,
    func,
    select,
    update,
)

from dunflow.config.book import Book
from dunflow.decide.windows import Span
from dunflow.ledger.engine import make_durable
from dunflow.ledger.given import given
from dunflow.ledger.tables import Instant, contact, customer
from dunflow.remind import brake, faults, outbox, rates, wording
from dunflow.remind.lease import Claimed, take
from dunflow.remind.verdict import Later, check


@dataclass(frozen=True, repr=False)
class Batch:
    """What one claim came to: `seen` rows were looked at, and some of them are to be sent.
    `faults`: what is wrong with the templates of some others.

    `every_s` apart from one another, the first after `first_s`; so wants the sender's rate. Where
    that left no room at all, `first_s` says when there is some again.
    """

    seen: int
    claimed: list[Claimed]
    first_s: float = 0.0
    every_s: float = 0.0
    faults: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rate:
    """How many messages a second a sender may send, over all workers."""

    sender: str
    per_second: float


def claim(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    channels: list[str],
    now: dt.datetime,
    most: int,
    rate: Rate | None = None,
) -> Batch:
    """Claim up to `most` due contacts, the most severe first, one per customer.

    Serialised per customer by the lock on the customer's row; what another worker holds is skipped.
    Nothing of a channel that a person stopped, nor of one whose sender is at fault. A `rate` is
    that of the one channel claimed for.
    """
    make_durable(conn)
    going = _open_channels(conn, portfolio_id, channels, now)
    if not going.channels:
        return Batch(0, [])
    if rate is None:
        return _claim(conn, book, portfolio_id, going, most, now)
    allowed = rates.allowance(conn, rate.sender, rate.per_second, now, most)
    first_s = (allowed.start_at - now).total_seconds()
    if not allowed.count:
        return Batch(0, [], first_s)
    batch = _claim(conn, book, portfolio_id, going, allowed.count, now)
    rates.take(conn, allowed, len(batch.claimed))
    return replace(batch, first_s=first_s, every_s=allowed.every.total_seconds())


@dataclass(frozen=True)
class _Open:
    """The channels by which something may go out; `trial`: one message only, to try a sender."""

    channels: list[str]
    trial: bool = False


def _open_channels(
    conn: Connection, portfolio_id: int, channels: list[str], now: dt.datetime
) -> _Open:
    halted = brake.halted(conn, portfolio_id, channels)
    faulty = faults.known(conn, portfolio_id)
    for channel in channels:
        if channel in faulty and channel not in halted and faulty[channel].try_at <= now:
            if not _is_waiting(conn, portfolio_id, channel, now):
                continue
            if faults.take_trial(conn, portfolio_id, channel, now):
                return _Open([channel], trial=True)
    return _Open([each for each in channels if each not in halted and each not in faulty])


def _claim(
    conn: Connection, book: Book, portfolio_id: int, going: _Open, most: int, now: dt.datetime
) -> Batch:
    due = _lock_due(conn, portfolio_id, going.channels, most, now)
    contacts = _one_per_customer(due)
    if not contacts:
        return Batch(0, [])
    checked = check(conn, book, portfolio_id, contacts, now)
    by_verdict = [(each, each.verdict) for each in checked]
    forbidden = {each.contact.contact_id: v for each, v in by_verdict if isinstance(v, str)}
    _move(conn, [(each.contact, v) for each, v in by_verdict if isinstance(v, Later)], now)
    allowed = [(each, v) for each, v in by_verdict if isinstance(v, Span)]
    # A trial looks at several, since the first ones may be forbidden by now, or their text can't be
    # written: then they would try nothing.
    taken = take(conn, book, allowed, 1 if going.trial else len(allowed), now)
    _cancel(conn, forbidden | taken.offending, now)
    wording.put_off(conn, taken.unworded, now)
    return Batch(len(contacts), taken.claimed, faults=frozenset(taken.unworded.values()))


def _waiting(portfolio_id: int, channels: list[str], now: dt.datetime) -> ColumnElement[bool]:
    return and_(
        contact.c.portfolio_id == portfolio_id,
        contact.c.state == "planned",
        contact.c.channel.in_(channels),
        contact.c.not_before_at <= now,
        contact.c.expires_at > now,
        outbox.is_trusted(),
    )


def _is_waiting(conn: Connection, portfolio_id: int, channel: str, now: dt.datetime) -> bool:
    return bool(
        conn.execute(select(exists().where(_waiting(portfolio_id, [channel], now)))).scalar()
    )


def _lock_due(
    conn: Connection, portfolio_id: int, channels: list[str], most: int, now: dt.datetime
) -> list[Row[Any]]:
    waiting = _waiting(portfolio_id, channels, now)
    newest = select(func.max(contact.c.business_date)).where(waiting).scalar_subquery()
    rows = conn.execute(
        select(contact)
        .join(customer, customer.c.customer_id == contact.c.customer_id)
        .where(waiting, contact.c.business_date == newest)
        .order_by(contact.c.severity.desc(), contact.c.contact_id)
        .limit(most)
        .with_for_update(of=[contact, customer], skip_locked=True, key_share=True)
    )
    return list(rows.all())


def _one_per_customer(rows: list[Row[Any]]) -> list[Row[Any]]:
    """The others come with the next claim, which then counts this one."""
    first: dict[int, Row[Any]] = {}
    for row in rows:
        first.setdefault(row.customer_id, row)
    return list(first.values())


def _cancel(conn: Connection, reasons: dict[int, str], now: dt.datetime) -> None:
    if not reasons:
        return
    spoken = given(
        "spoken",
        {"of": BigInteger, "why": Text},
        [{"of": contact_id, "why": reason} for contact_id, reason in reasons.items()],
    )
    conn.execute(
        update(contact)
        .where(contact.c.contact_id == spoken.c.of)
        .values(state="cancelled", reason=spoken.c.why, ended_at=now)
    )
    outbox.make_room(conn, list(reasons))


def _move(conn: Connection, later: list[tuple[Row[Any], Later]], now: dt.datetime) -> None:
    """To the next opening of its window; a contact that does not live so long ends here."""
    moved, ended = [], []
    for row, verdict in later:
        if verdict.opens_at is None or verdict.opens_at >= row.expires_at:
            ended.append({"of": row.contact_id, "why": verdict.reason})
        else:
            moved.append({"of": row.contact_id, "at": verdict.opens_at})
    if moved:
        put_off = given("put_off", {"of": BigInteger, "at": Instant}, moved)
        conn.execute(
            update(contact)
            .where(contact.c.contact_id == put_off.c.of)
            .values(not_before_at=put_off.c.at, reason=None)
        )
    if ended:
        over = given("over", {"of": BigInteger, "why": Text}, ended)
        conn.execute(
            update(contact)
            .where(contact.c.contact_id == over.c.of)
            .values(state="expired", reason=over.c.why, ended_at=now)
        )
        outbox.make_room(conn, [each["of"] for each in ended])
