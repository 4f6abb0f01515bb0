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
    Date,
    Numeric,
    Row,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    null,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert

from dunflow.assess.facts import Moment, facts
from dunflow.config.book import Book
from dunflow.decide.caps import Going, caps_reached
from dunflow.decide.guards import SETTLED, quieting
from dunflow.decide.reach import address_for, barred, wall_zone
from dunflow.decide.rest import resting
from dunflow.decide.windows import Span, next_opening
from dunflow.ledger.engine import make_durable
from dunflow.ledger.given import Kind, among, given
from dunflow.ledger.tables import (
    Instant,
    account,
    contact,
    contact_account,
    contact_text,
    customer,
)
from dunflow.remind import brake, faults, outbox, rates
from dunflow.remind.compose import Named, compose, language_of
from dunflow.remind.render.lint import offends
from dunflow.remind.render.message import Text as Wording
from dunflow.remind.senders.outcome import Message

BATCH = 400
"""As many as go out in about ten seconds, at the pace of a real provider."""
LEASE = dt.timedelta(seconds=90)
"""Longer than any row is held before its call (ten seconds) plus the slowest call."""


@dataclass(frozen=True, repr=False)
class Claimed:
    """A contact that this worker holds, ready to go out. `repr` is left out: personal data."""

    contact_id: int
    attempt: int
    message: Message


@dataclass(frozen=True, repr=False)
class Batch:
    """What one claim came to: `seen` rows were looked at, and some of them are to be sent.

    `every_s` apart from one another, the first after `first_s`; so wants the sender's rate. Where
    that left no room at all, `first_s` says when there is some again.
    """

    seen: int
    claimed: list[Claimed]
    first_s: float = 0.0
    every_s: float = 0.0


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
    rate: Rate | None = None,
) -> Batch:
    """Claim up to `BATCH` due contacts, the most severe first, one per customer.

    Serialised per customer by the lock on the customer's row; what another worker holds is skipped.
    Nothing of a channel that a person stopped, nor of one whose sender is at fault. A `rate` is
    that of the one channel claimed for.
    """
    make_durable(conn)
    going = _open_channels(conn, portfolio_id, channels, now)
    if not going.channels:
        return Batch(0, [])
    if rate is None:
        return _claim(conn, book, portfolio_id, going, BATCH, now)
    allowed = rates.allowance(conn, rate.sender, rate.per_second, now, BATCH)
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
    due = _lock_due(conn, portfolio_id, going.channels, 1 if going.trial else most, now)
    contacts = _one_per_customer(due)
    if not contacts:
        return Batch(0, [])
    ids = [row.contact_id for row in contacts]
    people = _people(conn, book, portfolio_id, ids, now)
    named = _named(conn, book, portfolio_id, contacts, now)
    verdicts = {
        row.contact_id: _check(book, row, people[row.contact_id], named[row.contact_id], now)
        for row in contacts
    }
    verdicts |= _too_often(conn, book, contacts, people, verdicts, now)
    _cancel(conn, {key: v for key, v in verdicts.items() if isinstance(v, str)}, now)
    _move(conn, contacts, {key: v for key, v in verdicts.items() if isinstance(v, _Later)}, now)
    claimed = [
        (row, people[row.contact_id], named[row.contact_id], verdict)
        for row in contacts
        if isinstance(verdict := verdicts[row.contact_id], Span)
    ]
    return Batch(len(contacts), _take(conn, book, claimed, now))


@dataclass(frozen=True)
class _Later:
    """The window is closed; it opens at `opens_at`, or not for days."""

    opens_at: dt.datetime | None


_Verdict = str | _Later | Span
"""The guard that forbids it, when it may go out, or the open window."""


def _waiting(portfolio_id: int, channels: list[str], now: dt.datetime) -> ColumnElement[bool]:
    return and_(
        contact.c.portfolio_id == portfolio_id,
        contact.c.state == "planned",
        contact.c.channel.in_(channels),
        contact.c.not_before_at <= now,
        contact.c.expires_at > now,
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
    return list(rows)


def _one_per_customer(rows: list[Row[Any]]) -> list[Row[Any]]:
    """The others come with the next claim, which then counts this one."""
    first: dict[int, Row[Any]] = {}
    for row in rows:
        first.setdefault(row.customer_id, row)
    return list(first.values())


def _people(
    conn: Connection, book: Book, portfolio_id: int, ids: list[int], now: dt.datetime
) -> dict[int, Row[Any]]:
    """contact_id → the customer as known now: name, language, zone, address, what bars them."""
    address = address_for(contact.c.channel)
    rows = conn.execute(
        select(
            contact.c.contact_id,
            customer.c.customer_id,
            customer.c.name,
            customer.c.language,
            customer.c.time_zone,
            address.label("address"),
            barred(book, portfolio_id, contact.c.channel, address, now).label("barred"),
        )
        .join(customer, customer.c.customer_id == contact.c.customer_id)
        .where(among(contact.c.contact_id, ids))
    )
    return {row.contact_id: row for row in rows}


def _named(
    conn: Connection, book: Book, portfolio_id: int, contacts: list[Row[Any]], now: dt.datetime
) -> dict[int, list[Named]]:
    """contact_id → the accounts it names, with their facts of now; the leading one first."""
    ids = [row.contact_id for row in contacts]
    moment = Moment(now, late=False, day=book.portfolio.calendar.local_date(now))
    accounts = conn.execute(
        select(contact_account.c.account_id).where(
            among(contact_account.c.contact_id, ids), contact_account.c.dropped.is_(None)
        )
    ).scalars()
    business_date = contacts[0].business_date
    known = facts(book, portfolio_id, business_date, moment, accounts.all()).subquery("known")
    leads = contact_account.c.account_id == contact.c.account_id
    rows = conn.execute(
        select(
            contact_account.c.contact_id,
            contact_account.c.account_id,
            account.c.account_ref,
            known.c.overdue,
            known.c.due_on,
            known.c.dpd,
            # An account that a reload left out owes nothing any more.
            case(
                (known.c.account_id.is_(None), literal(SETTLED, Text)), else_=quieting(known)
            ).label("quiet"),
        )
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .join(account, account.c.account_id == contact_account.c.account_id)
        .outerjoin(known, known.c.account_id == contact_account.c.account_id)
        .where(among(contact_account.c.contact_id, ids), contact_account.c.dropped.is_(None))
        .order_by(leads.desc(), known.c.dpd.desc(), account.c.account_ref)
    )
    found: dict[int, list[Named]] = {contact_id: [] for contact_id in ids}
    for contact_id, *facts_of_now in rows:
        found[contact_id].append(Named(*facts_of_now))
    return found


def _check(
    book: Book, row: Row[Any], person: Row[Any], named: list[Named], now: dt.datetime
) -> _Verdict:
    if named[0].quiet:
        return named[0].quiet
    if person.barred:
        return str(person.barred)
    zone = wall_zone(book, person.time_zone, row.channel)
    span = next_opening(book.floor, row.channel, zone, book.portfolio.region, now) if zone else None
    if span is None or span.opens_at > now:
        return _Later(span.opens_at if span else None)
    return span


def _too_often(
    conn: Connection,
    book: Book,
    contacts: list[Row[Any]],
    people: dict[int, Row[Any]],
    verdicts: dict[int, _Verdict],
    now: dt.datetime,
) -> dict[int, str]:
    """contact_id → the cooldown that is not over, or the first cap that one more would be over."""
    going = [row for row in contacts if isinstance(verdicts[row.contact_id], Span)]
    if not going or not (book.floor.caps or book.floor.cooldowns):
        return {}
    out = given(
        "out",
        {"contact_id": BigInteger, "out_on": Date, "address": Text},
        [
            {
                "contact_id": row.contact_id,
                "out_on": _today(book, row, people[row.contact_id], now),
                "address": people[row.contact_id].address,
            }
            for row in going
        ],
    )
    one_more = Going(
        channel=planned.c.channel,
        customer_id=planned.c.customer_id,
        account_id=planned.c.account_id,
        address=out.c.address,
        out_on=out.c.out_on,
    )
    caps = caps_reached(book.floor.caps, one_more, counts=true())
    over = [(reached, literal("cap.", Text) + cap) for reached, cap in caps.arms]
    reason = case(*resting(book.floor.cooldowns, one_more), *over, else_=null()).label("reason")
    checked = (
        select(planned.c.contact_id, reason)
        .select_from(caps.joined_to(planned.join(out, out.c.contact_id == planned.c.contact_id)))
        .subquery("checked")
    )
    rows = conn.execute(select(checked).where(checked.c.reason.is_not(None)))
    return dict(rows.all())


planned = contact.alias("planned")


def _today(book: Book, row: Row[Any], person: Row[Any], now: dt.datetime) -> dt.date:
    """The customer's own calendar date."""
    return now.astimezone(
        wall_zone(book, person.time_zone, row.channel) or book.portfolio.zone
    ).date()


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


def _move(
    conn: Connection, contacts: list[Row[Any]], later: dict[int, _Later], now: dt.datetime
) -> None:
    """To the next opening of its window; a contact that does not live so long ends here."""
    moved, ended = [], []
    for row in contacts:
        if row.contact_id not in later:
            continue
        opens_at = later[row.contact_id].opens_at
        if opens_at is None or opens_at >= row.expires_at:
            ended.append(row.contact_id)
        else:
            moved.append({"of": row.contact_id, "at": opens_at})
    if moved:
        put_off = given("put_off", {"of": BigInteger, "at": Instant}, moved)
        conn.execute(
            update(contact)
            .where(contact.c.contact_id == put_off.c.of)
            .values(not_before_at=put_off.c.at)
        )
    if ended:
        conn.execute(
            update(contact)
            .where(among(contact.c.contact_id, ended))
            .values(state="expired", reason="window", ended_at=now)
        )
        outbox.make_room(conn, ended)


def _take(
    conn: Connection,
    book: Book,
    going: list[tuple[Row[Any], Row[Any], list[Named], Span]],
    now: dt.datetime,
) -> list[Claimed]:
    """Write the claims, their texts and the amounts of now."""
    claimed, rows, texts, amounts, drops = [], [], [], [], []
    offending: dict[int, str] = {}
    for row, person, named, span in going:
        spoken = [each for each in named if not each.quiet]
        text = compose(book, row, person, spoken)
        language = language_of(book, person.language)
        if family := offends(text, person.name, language, row.reference):
            offending[row.contact_id] = f"lint.{family}"
            continue
        rows.append(
            {
                "of": row.contact_id,
                "to": person.address,
                "on": _today(book, row, person, now),
                "owed": spoken[0].overdue,
            }
        )
        texts.append({"contact_id": row.contact_id, "subject": text.subject, "body": text.body})
        for each in named:
            of = {"of": row.contact_id, "which": each.account_id}
            if each.quiet:
                drops.append({**of, "why": each.quiet})
            else:
                amounts.append({**of, "amount": each.overdue})
        message = _message(row, person, text, min(span.closes_at, row.expires_at))
        claimed.append(Claimed(row.contact_id, row.attempts + 1, message))
    _cancel(conn, offending, now)
    if not claimed:
        return []
    _write_claims(conn, rows, now)
    _write_texts(conn, texts)
    _write_accounts(conn, amounts, drops)
    return claimed


def _message(row: Row[Any], person: Row[Any], text: Wording, until: dt.datetime) -> Message:
    return Message(
        reference=row.reference,
        channel=row.channel,
        to=person.address,
        body=text.body,
        subject=text.subject,
        html=text.html,
        valid_until=until,
    )


def _write_claims(conn: Connection, rows: list[dict[str, Any]], now: dt.datetime) -> None:
    taken = given("taken", {"of": BigInteger, "to": Text, "on": Date, "owed": Numeric}, rows)
    conn.execute(
        update(contact)
        .where(contact.c.contact_id == taken.c.of)
        .values(
            state="claimed",
            reason=None,
            attempts=contact.c.attempts + 1,
            claimed_at=now,
            lease_until_at=now + LEASE,
            address=taken.c.to,
            contact_on=taken.c.on,
            amount=taken.c.owed,
        )
    )


def _write_texts(conn: Connection, texts: list[dict[str, Any]]) -> None:
    kinds: dict[str, Kind] = {"contact_id": BigInteger, "subject": Text, "body": Text}
    written = pg_insert(contact_text).from_select(list(kinds), select(given("said", kinds, texts)))
    conn.execute(
        written.on_conflict_do_update(
            index_elements=[contact_text.c.contact_id],
            set_={"subject": written.excluded.subject, "body": written.excluded.body},
        )
    )


def _write_accounts(
    conn: Connection, amounts: list[dict[str, Any]], drops: list[dict[str, Any]]
) -> None:
    """What each account owes now, where that differs from the plan; and which are left out."""
    owed = given("owed", {"of": BigInteger, "which": BigInteger, "amount": Numeric}, amounts)
    conn.execute(
        update(contact_account)
        .where(
            contact_account.c.contact_id == owed.c.of,
            contact_account.c.account_id == owed.c.which,
            contact_account.c.amount != owed.c.amount,
        )
        .values(amount=owed.c.amount)
    )
    if drops:
        left_out = given("left_out", {"of": BigInteger, "which": BigInteger, "why": Text}, drops)
        conn.execute(
            update(contact_account)
            .where(
                contact_account.c.contact_id == left_out.c.of,
                contact_account.c.account_id == left_out.c.which,
            )
            .values(dropped=left_out.c.why, occupies=False)
        )
