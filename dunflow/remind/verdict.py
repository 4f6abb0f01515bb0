"""What speaks against a contact at the moment of going out, with the facts of now."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Row,
    Text,
    case,
    null,
    select,
    true,
)

from dunflow.assess.facts import facts
from dunflow.assess.moment import Moment
from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.decide.bars import barred
from dunflow.decide.caps import Going, caps_reached
from dunflow.decide.rest import resting
from dunflow.decide.windows import Span, next_opening
from dunflow.decide.zones import Places, wall_zones
from dunflow.ledger.given import among, given
from dunflow.ledger.points import address_for
from dunflow.ledger.tables import account, contact, contact_account, customer
from dunflow.remind import lines
from dunflow.remind.compose import Named
from dunflow.remind.shared_points import crowded
from dunflow.remind.spoken import silencing

planned = contact.alias("planned")


@dataclass(frozen=True)
class Later:
    """The window is closed, or the line is busy, until `opens_at`; None: for days."""

    opens_at: dt.datetime | None
    reason: str = "window"


Verdict = str | Later | Span
"""The guard that forbids it, when it may go out, or the open window."""


@dataclass(frozen=True, repr=False)
class Checked:
    """A contact, its customer and accounts as they are now, and what follows for it.

    `repr` is left out: personal data.
    """

    contact: Row[Any]
    person: Row[Any]
    named: list[Named]
    today: dt.date  # the customer's own
    verdict: Verdict


def check(
    conn: Connection, book: Book, portfolio_id: int, contacts: list[Row[Any]], now: dt.datetime
) -> list[Checked]:
    """Judge contacts that are locked, in their order."""
    people = _people(conn, book, portfolio_id, [row.contact_id for row in contacts], now)
    named = _named(conn, book, portfolio_id, contacts, now)
    openings = _Openings(book, now)
    checked = [
        _judge(openings, row, people[row.contact_id], named[row.contact_id]) for row in contacts
    ]
    # In this order: what waits here is counted by the next claim.
    rows = [each.contact for each in _going(checked)]
    waits = crowded(conn, book, portfolio_id, rows, people)
    checked = _with(checked, dict.fromkeys(waits, Later(now, "contact.in_flight")))
    checked = _with(checked, _too_often(conn, book, _going(checked)))
    checked = _beside(conn, book, checked)
    going = [each.contact for each in _going(checked)]
    later = Later(now + lines.WAIT, "contact.in_flight")
    return _with(checked, dict.fromkeys(lines.busy(conn, going, people), later))


def _going(checked: list[Checked]) -> list[Checked]:
    return [each for each in checked if isinstance(each.verdict, Span)]


def _with(checked: list[Checked], verdicts: Mapping[int, Verdict]) -> list[Checked]:
    """The same with these verdicts, by contact, in place of those so far."""
    if not verdicts:
        return checked
    return [
        replace(each, verdict=verdicts.get(each.contact.contact_id, each.verdict))
        for each in checked
    ]


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
            customer.c.address_zones,
            customer.c.phone_zones,
            address.label("address"),
            barred(book, portfolio_id, contact.c.channel, address, now).label("barred"),
        )
        .join(customer, customer.c.customer_id == contact.c.customer_id)
        .where(among(contact.c.contact_id, ids))
    )
    return {row.contact_id: row for row in rows.all()}


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
    known = facts(conn, book, portfolio_id, business_date, moment, accounts.all()).subquery("known")
    leads = contact_account.c.account_id == contact.c.account_id
    rows = conn.execute(
        select(
            contact_account.c.contact_id,
            contact_account.c.account_id,
            account.c.account_ref,
            known.c.overdue,
            known.c.due_on,
            known.c.dpd,
            silencing(book, known, contact_account.c.step).label("quiet"),
        )
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .join(account, account.c.account_id == contact_account.c.account_id)
        .outerjoin(known, known.c.account_id == contact_account.c.account_id)
        .where(among(contact_account.c.contact_id, ids), contact_account.c.dropped.is_(None))
        .order_by(leads.desc(), known.c.dpd.desc(), account.c.account_ref)
    )
    found: dict[int, list[Named]] = {contact_id: [] for contact_id in ids}
    for contact_id, *facts_of_now in rows.all():
        found[contact_id].append(Named(*facts_of_now))
    return found


@dataclass(frozen=True)
class _Place:
    """A customer's date there, and the window of a channel; None: it is closed for days."""

    today: dt.date
    span: Span | None


class _Openings:
    """What holds for each channel and place, worked out once: most customers share theirs."""

    def __init__(self, book: Book, now: dt.datetime) -> None:
        self._book, self.now = book, now
        self._known: dict[tuple[Channel, str | None, str | None, str | None], _Place] = {}

    def of(self, channel: Channel, person: Row[Any]) -> _Place:
        key = channel, person.time_zone, person.address_zones, person.phone_zones
        if key not in self._known:
            floor, portfolio = self._book.floor, self._book.portfolio
            zones = wall_zones(floor, portfolio.zone, Places(*key[1:]), channel, self.now)
            today = self.now.astimezone(zones[0] if zones else portfolio.zone).date()
            span = next_opening(floor, channel, zones, portfolio.region, self.now)
            self._known[key] = _Place(today, span)
        return self._known[key]


def _judge(openings: _Openings, row: Row[Any], person: Row[Any], named: list[Named]) -> Checked:
    place = openings.of(row.channel, person)
    verdict: Verdict
    if named[0].quiet:
        verdict = named[0].quiet
    elif person.barred:
        verdict = str(person.barred)
    elif place.span is None or place.span.opens_at > openings.now:
        verdict = Later(place.span.opens_at if place.span else None)
    else:
        verdict = place.span
    return Checked(row, person, named, place.today, verdict)


def _out(going: list[Checked]) -> FromClause:
    """`contact_id, out_on, address`: on which day of the customer's each goes out, and where to."""
    return given(
        "out",
        {"contact_id": BigInteger, "out_on": Date, "address": Text},
        [
            {
                "contact_id": each.contact.contact_id,
                "out_on": each.today,
                "address": each.person.address,
            }
            for each in going
        ],
    )


def _one_more(out: FromClause, account_id: ColumnElement[int]) -> Going:
    return Going(
        channel=planned.c.channel,
        customer_id=planned.c.customer_id,
        account_id=account_id,
        address=out.c.address,
        out_on=out.c.out_on,
    )


def _too_often(conn: Connection, book: Book, going: list[Checked]) -> dict[int, str]:
    """contact_id → the cooldown that is not over, or the first cap that one more would be over."""
    if not going or not (book.floor.caps or book.floor.cooldowns):
        return {}
    out = _out(going)
    one_more = _one_more(out, planned.c.account_id)
    caps = caps_reached(book.floor.caps, one_more, counts=true())
    over = [*resting(book.floor.cooldowns, one_more), *caps.arms]
    reason = case(*over, else_=null()).label("reason")
    checked = (
        select(planned.c.contact_id, reason)
        .select_from(caps.joined_to(planned.join(out, out.c.contact_id == planned.c.contact_id)))
        .subquery("checked")
    )
    rows = conn.execute(select(checked).where(checked.c.reason.is_not(None)))
    return dict(rows.all())


def _beside(conn: Connection, book: Book, checked: list[Checked]) -> list[Checked]:
    """The same without the accounts beside the leading one for which a pack counts, or rests, debt
    by debt: a contact that speaks of one is a contact about it."""
    caps = [cap for cap in book.floor.caps if cap.by == "debt"]
    rests = [rest for rest in book.floor.cooldowns if rest.by == "debt"]
    several = [each for each in _going(checked) if len(each.named) > 1]
    if not several or not (caps or rests):
        return checked
    out = _out(several)
    beside = contact_account.alias("beside")
    one_more = _one_more(out, beside.c.account_id)
    reached = caps_reached(caps, one_more, counts=true())
    over = [*resting(rests, one_more), *reached.arms]
    named = planned.join(out, out.c.contact_id == planned.c.contact_id).join(
        beside, beside.c.contact_id == planned.c.contact_id
    )
    said = (
        select(planned.c.contact_id, beside.c.account_id, case(*over, else_=null()).label("why"))
        .select_from(reached.joined_to(named))
        .where(beside.c.dropped.is_(None), beside.c.account_id != planned.c.account_id)
        .subquery("said")
    )
    spoken = conn.execute(select(said).where(said.c.why.is_not(None)))
    quiet = {(contact_id, account_id): why for contact_id, account_id, why in spoken}
    return [
        replace(
            each,
            named=[
                replace(
                    one, quiet=one.quiet or quiet.get((each.contact.contact_id, one.account_id))
                )
                for one in each.named
            ],
        )
        for each in checked
    ]
