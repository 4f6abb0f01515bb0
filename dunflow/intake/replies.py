"""Replies: kept as they came, heeded at once where the person says no, else put before a person."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

from sqlalchemy import Connection, Row, delete, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from dunflow.clock import BusinessCalendar
from dunflow.errors import DunflowError
from dunflow.intake.classify import Reading, classify
from dunflow.intake.consents import Consent, record_consent, revoke_consents
from dunflow.intake.promised import promised_amount, promised_day
from dunflow.ledger.given import among
from dunflow.ledger.owners import person_of
from dunflow.ledger.points import CHANNELS_OF, POINT_OF
from dunflow.ledger.references import number_of
from dunflow.ledger.tables import contact, customer, dead_address, reply
from dunflow.remind import opt_outs

LATELY = dt.timedelta(days=30)
"""So long whoever is written to may take to answer."""
WRONG_PERSON: Final = "wrong_person"
"""A kind of reply, and why its address is given up."""


@dataclass(frozen=True, repr=False)
class Reply:
    """What came in. `repr` is left out: personal data.

    `ref` is the provider's or core's name for it: taken in once. At least one of `address` (where
    it came from) and `customer_id` is known. `told`: what the provider itself has read in it, as
    Twilio's OptOutType. `quoted`: what may be references of ours in it; they tell who it is that
    writes from an address which we don't know. `forgeable`: anybody can write in this name, as by
    email, so that only a person lifts an opt-out by it. `mixed`: what they wrote can't be told from
    what they quote, so that only a person can read it. `to_caller`: texted to the number that calls
    people and texts nobody, so that a no is one to such calls, too.
    """

    ref: str
    channel: str
    text: str
    received_at: dt.datetime
    address: str | None = None
    customer_id: int | None = None
    told: Literal["stop", "start"] | None = None
    quoted: Collection[str] = ()
    forgeable: bool = False
    mixed: bool = False
    to_caller: bool = False


def record_reply(
    conn: Connection,
    portfolio_id: int,
    calendar: BusinessCalendar,
    stop_words: Collection[str],
    given: Reply,
    now: dt.datetime,
    reading: Reading | None = None,
) -> tuple[int, Reading] | None:
    """Keep a reply and do at once what it asks; its number and how it was read.

    With a `reading` it was read already: by a person, or by the keys that somebody pressed.

    None if its `ref` was taken in before: then everything was done then. An opt-out binds, and a
    wrong person's contact point is given up, before the next claim.
    """
    address = _address(conn, given)
    people = _people(conn, portfolio_id, given, address)
    reading = reading or _read(given, stop_words, _names(conn, people))
    if given.to_caller and reading.stops:
        reading = replace(reading, stops=reading.stops | {"voice"})
    amount, on = _promise(given, reading, calendar)
    row = insert(reply).values(
        portfolio_id=portfolio_id,
        reply_ref=given.ref,
        channel=given.channel,
        address=address,
        customer_id=people[0] if len(people) == 1 else None,
        body=given.text,
        received_at=given.received_at,
        kind=reading.kind,
        # A refusal of somebody whom we don't know must find the customer whom it is about.
        state="open" if reading.waits_for_a_person or not people else "kept",
        proposed_hold=reading.proposed_hold,
        proposed_amount=amount,
        proposed_on=on,
    )
    number: int | None = conn.execute(
        row.on_conflict_do_nothing().returning(reply.c.reply_id)
    ).scalar()
    if number is None:
        return None
    addresses = [address] if address is not None else []
    _heed(conn, portfolio_id, given, reading, people, addresses, now)
    return number, reading


def heed(
    conn: Connection, portfolio_id: int, given: Reply, reading: Reading, now: dt.datetime
) -> None:
    """Do what it asks of the address that it came from, and keep nothing of what it says."""
    address = _address(conn, given)
    _heed(conn, portfolio_id, given, reading, [], [address] if address else [], now)


def is_of_ours(conn: Connection, portfolio_id: int, given: Reply) -> bool:
    """Whether it comes from anybody whom the portfolio knows."""
    return bool(_people(conn, portfolio_id, given, _address(conn, given)))


def _address(conn: Connection, given: Reply) -> str | None:
    if given.address is None and given.customer_id is not None:
        return opt_outs.point_of(conn, given.customer_id, given.channel)
    return given.address


def _names(conn: Connection, people: list[int]) -> list[str]:
    """What they are called who must have written it; of several it may be any."""
    if len(people) != 1:
        return []
    called = select(customer.c.name).where(
        (customer.c.customer_id == people[0]) | (customer.c.merged_into == people[0]),
        customer.c.name.is_not(None),
    )
    return [name for name in conn.execute(called).scalars() if name]


def _read(given: Reply, stop_words: Collection[str], names: Collection[str]) -> Reading:
    """What it says; a keyword that the provider knew counts whatever we make of the text."""
    if given.mixed:
        return Reading("other")
    reading = classify(given.text, given.channel, stop_words, names)
    if given.forgeable and reading.starts:
        return Reading("other")
    match given.told:
        case "stop":
            return replace(reading, kind="opt_out", stops=reading.stops | {given.channel})
        case "start":
            return replace(reading, kind="opt_in", starts=True)
        case None:
            return reading


def _people(conn: Connection, portfolio_id: int, given: Reply, address: str | None) -> list[int]:
    """Who it was: the customer who is known, else everybody who is reached there, else whoever got
    the contacts that it quotes, else everybody who was reached there lately."""
    if given.customer_id is not None:
        return [given.customer_id]
    if address is None:
        raise DunflowError("reply: neither the customer nor the address is known; give one")
    return (
        opt_outs.users_of(conn, portfolio_id, given.channel, address)
        or _recipients(conn, portfolio_id, given.quoted)
        or _reached_lately(conn, portfolio_id, given, address)
    )


def _reached_lately(conn: Connection, portfolio_id: int, given: Reply, address: str) -> list[int]:
    """Who was written to or called there before their number or address became another one."""
    person = person_of(customer)
    since = given.received_at.date() - LATELY
    reached = (
        select(person)
        .join(contact, contact.c.customer_id == customer.c.customer_id)
        .where(
            contact.c.portfolio_id == portfolio_id,
            contact.c.business_date >= since,  # the index by dates is the only one that helps
            contact.c.channel.in_(_sharing(given.channel)),
            contact.c.address == address,
        )
        .distinct()
    )
    return list(conn.execute(reached).scalars())


def _recipients(conn: Connection, portfolio_id: int, quoted: Collection[str]) -> list[int]:
    numbers = [number for each in quoted if (number := number_of(each)) is not None]
    person = person_of(customer)
    whose = (
        select(person)
        .join(contact, contact.c.customer_id == customer.c.customer_id)
        .where(
            contact.c.portfolio_id == portfolio_id,
            among(contact.c.contact_id, numbers),
            contact.c.reference.in_(quoted),
        )
        .distinct()
    )
    return list(conn.execute(whose).scalars()) if numbers else []


def _promise(
    given: Reply, reading: Reading, calendar: BusinessCalendar
) -> tuple[Decimal | None, dt.date | None]:
    if not reading.will_pay:
        return None, None
    day = promised_day(given.text, calendar.local_date(given.received_at))
    return (promised_amount(given.text), day) if day else (None, None)


def _heed(
    conn: Connection,
    portfolio_id: int,
    given: Reply,
    reading: Reading,
    people: list[int],
    addresses: list[str],
    now: dt.datetime,
) -> None:
    if reading.wrong_person and addresses:
        conn.execute(
            insert(dead_address).on_conflict_do_nothing(),
            [
                {
                    "portfolio_id": portfolio_id,
                    "channel": channel,
                    "address": addresses[0],
                    "reason": WRONG_PERSON,
                    "since_at": now,
                }
                for channel in _sharing(given.channel)
            ],
        )
    if reading.stops and not _said_since(conn, portfolio_id, given, "opt_in", people, addresses):
        for channel in sorted(reading.stops):
            at = addresses if channel in _sharing(given.channel) else _points(conn, people, channel)
            opt_outs.bind(conn, portfolio_id, [channel], people, at, "reply", now)
        revoke_consents(conn, portfolio_id, people, reading.stops, "reply", now)
    elif _may_be_answered(given, reading) and len(people) == 1:
        # Who writes by text may be answered by text: a ground that some packs know.
        # It is one for the number that they wrote from.
        texted = Consent(people[0], "sms", "debtor_texted", given.received_at, "reply")
        record_consent(conn, portfolio_id, replace(texted, address=next(iter(addresses), None)))
    if reading.starts and not _said_since(conn, portfolio_id, given, "opt_out", people, addresses):
        lifted = [given.channel, "voice"] if given.to_caller else [given.channel]
        opt_outs.lift(conn, portfolio_id, lifted, people, addresses, "reply", now)


def _may_be_answered(given: Reply, reading: Reading) -> bool:
    """Not where nobody knows what was meant: it may have been a refusal."""
    return given.channel == "sms" and not reading.wrong_person and reading.kind != "other"


def _sharing(channel: str) -> tuple[str, ...]:
    """The channels that reach people where this one does."""
    return CHANNELS_OF[POINT_OF[channel]]


def _points(conn: Connection, people: list[int], channel: str) -> list[str]:
    found = [opt_outs.point_of(conn, each, channel) for each in people]
    return [point for point in found if point is not None]


def _said_since(
    conn: Connection,
    portfolio_id: int,
    given: Reply,
    kind: str,
    people: list[int],
    addresses: list[str],
) -> bool:
    """Whether a later START or STOP was taken in before this: deliveries may come out of order."""
    # Whoever says that they are the wrong person may have said STOP in the same breath.
    kinds = {kind, WRONG_PERSON} if kind == "opt_out" else {kind}
    later = exists().where(
        reply.c.portfolio_id == portfolio_id,
        reply.c.channel == given.channel,
        reply.c.kind.in_(kinds),
        reply.c.received_at > given.received_at,
        reply.c.customer_id.in_(people) | reply.c.address.in_(addresses),
    )
    return bool(conn.execute(select(later)).scalar())


def decide_reply(
    conn: Connection,
    portfolio_id: int,
    reply_id: int,
    state: str,
    decided_at: dt.datetime,
    decided_by: str,
    reason: str | None,
) -> Row[tuple[int | None, str | None, Decimal | None, dt.date | None, str]]:
    """A person confirms or dismisses an open reply; `customer_id`, what it proposed and its kind.

    Opening the hold or the promise is the caller's, in the same transaction. Raises DunflowError
    for a reply that is not open (any more).
    """
    decided = conn.execute(
        update(reply)
        .where(
            reply.c.portfolio_id == portfolio_id,
            reply.c.reply_id == reply_id,
            reply.c.state == "open",
        )
        .values(state=state, decided_at=decided_at, decided_by=decided_by, decided_because=reason)
        .returning(
            reply.c.customer_id,
            reply.c.proposed_hold,
            reply.c.proposed_amount,
            reply.c.proposed_on,
            reply.c.kind,
        )
    ).one_or_none()
    if decided is None:
        raise DunflowError(
            f"reply {reply_id}: is not open; see the open ones with dunflow reply PORTFOLIO"
        )
    if state == "dismissed":
        _reach_again(conn, portfolio_id, reply_id)
    return decided


def _reach_again(conn: Connection, portfolio_id: int, reply_id: int) -> None:
    """Nobody else is reached there after all, unless another reply says so as well: here, or for a
    portfolio that heeded it and kept nothing of it, anywhere."""
    other, here = reply.alias("other"), dead_address.c.portfolio_id == portfolio_id
    said = select(reply.c.address).where(reply.c.reply_id == reply_id, reply.c.kind == WRONG_PERSON)
    as_well = exists().where(
        other.c.address == dead_address.c.address,
        other.c.kind == WRONG_PERSON,
        other.c.state != "dismissed",
        or_(~here, other.c.portfolio_id == portfolio_id),
    )
    conn.execute(
        delete(dead_address).where(
            dead_address.c.reason == WRONG_PERSON, dead_address.c.address.in_(said), ~as_well
        )
    )


def led_to(conn: Connection, reply_id: int, hold_id: int | None) -> None:
    """Remember the hold that a confirmed reply led to: whoever wrote may be told of it."""
    conn.execute(update(reply).where(reply.c.reply_id == reply_id).values(hold_id=hold_id))
