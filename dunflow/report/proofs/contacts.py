"""Whether nothing was sent twice, too soon, too often or at the wrong hour."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Connection,
    Date,
    Exists,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    cast,
    column,
    exists,
    func,
    or_,
    select,
    union_all,
    values,
)
from sqlalchemy import type_coerce as coerce

from dunflow.assess.progress import local_day
from dunflow.config.book import Book
from dunflow.config.pack import Cap
from dunflow.config.policy import Channel
from dunflow.decide.windows import next_opening
from dunflow.decide.zones import place_key, places_of, wall_zones
from dunflow.ledger.tables import (
    ACTUAL,
    ALIVE,
    COUNTED,
    DONE,
    account,
    contact,
    contact_account,
    customer,
    decision,
    receipt,
    result,
    run,
    stop,
)
from dunflow.remind.receipts import TWICE
from dunflow.remind.senders.twilio_ask import ARRIVED, FAILED
from dunflow.report.proofs.scope import (
    Scope,
    contacted,
    decided_for,
    known_as_one,
    planned_by,
)

BY_PEOPLE: tuple[Channel, ...] = ("call", "visit")
"""What people do from a list, and tell of later."""


def key_not_kept(scope: Scope) -> Select[int]:
    """Contacts that are alive or done and do not hold their step's key, or the reverse."""
    holds_it = contact.c.state.in_((*ALIVE, *DONE)) & contact_account.c.dropped.is_(None)
    return (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(contacted(scope), contact_account.c.occupies != holds_it)
    )


def done_too_often(scope: Scope) -> Select[int]:
    """A step that was done twice as the same repetition of one key."""
    return (
        select(func.min(contact_account.c.account_id).label("account_id"))
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(
            contacted(scope),
            contact.c.state.in_(DONE),
            contact_account.c.dropped.is_(None),
            contact_account.c.step.is_not(None),
        )
        .group_by(
            contact_account.c.episode_id, contact_account.c.step, contact_account.c.repetition
        )
        .having(func.count() > 1)
    )


def within_gap(scope: Scope) -> Select[int]:
    """Steps decided sooner after the account's last actual contact than their gap allows."""
    gaps = [
        (version.number, step.step, step.gap_days or version.book.policy.gap_days)
        for version in scope.versions
        for step in version.book.policy.ladder
    ]
    own = (
        values(
            column("policy_version_id", BigInteger),
            column("step", Text),
            column("days", Integer),
            name="own_gap",
        )
        .data(gaps or [(0, "", 0)])
        .alias("own_gap")
    )
    earlier, earlier_account = contact.alias("earlier"), contact_account.alias("earlier_account")
    decided_on = local_day(scope.book, run.c.decided_at)
    since = coerce(decided_on - local_day(scope.book, earlier.c.accepted_at), Integer)
    return (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .join(run, run.c.run_id == contact.c.run_id)
        .join(
            own,
            and_(
                own.c.policy_version_id == run.c.policy_version_id,
                own.c.step == contact_account.c.step,
            ),
        )
        .join(earlier_account, earlier_account.c.account_id == contact_account.c.account_id)
        .join(earlier, earlier.c.contact_id == earlier_account.c.contact_id)
        .where(
            contacted(scope),
            contact.c.state.in_(ACTUAL),
            contact_account.c.dropped.is_(None),
            earlier.c.state.in_(ACTUAL),
            earlier_account.c.dropped.is_(None),
            earlier.c.contact_id < contact.c.contact_id,
            earlier.c.accepted_at <= run.c.decided_at,
            since < own.c.days,
        )
    )


def twice_a_day(scope: Scope) -> Select[int]:
    day = local_day(scope.book, contact.c.accepted_at)
    return (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(
            contacted(scope),
            contact.c.state.in_(ACTUAL),
            contact_account.c.dropped.is_(None),
            contact_account.c.step.is_not(None),
        )
        .group_by(contact_account.c.account_id, day)
        .having(func.count() > 1)
    )


def customer_twice_a_day(scope: Scope) -> Select[int]:
    """Customers whom a run should have left alone, as they had a contact on that day already."""
    strict = [
        version.number
        for version in scope.versions
        if version.book.policy.per_customer == "one_per_day"
    ]
    last = func.max(contact.c.contact_id).filter(planned_by(strict))
    return (
        select(func.min(contact.c.account_id).label("account_id"))
        .where(contacted(scope), known_as_one(), contact.c.state.in_(ACTUAL))
        .group_by(contact.c.customer_id, local_day(scope.book, contact.c.accepted_at))
        .having(last > func.min(contact.c.contact_id))
    )


def twice_at_provider(scope: Scope) -> Select[int]:
    """Contacts that their provider has under two ids, so that the person has them twice."""
    return select(contact.c.account_id).where(contacted(scope), contact.c.reason == TWICE)


def told_both_ways(scope: Scope) -> Select[int]:
    """Texts of which their provider told that they arrived, and that they did not. A contact keeps
    what it was told first, so its step may have been decided again though the person has it. A mail
    may well bounce after it was delivered to a server."""
    told = exists().where(receipt.c.provider_id == contact.c.provider_id)
    return select(contact.c.account_id).where(
        contacted(scope),
        contact.c.channel == "sms",
        or_(
            and_(contact.c.state == "undelivered", told.where(receipt.c.status.in_(ARRIVED))),
            and_(contact.c.state == "delivered", told.where(receipt.c.status.in_(FAILED))),
        ),
    )


def told_for_two(scope: Scope) -> Select[int]:
    """Messages of a provider that two contacts take for their own: one of them never went out."""
    return (
        select(func.min(contact.c.account_id).label("account_id"))
        .where(
            contacted(scope), contact.c.state.in_(ACTUAL), contact.c.channel.in_(("sms", "email"))
        )
        .group_by(contact.c.channel, contact.c.provider_id)
        .having(func.count() > 1, contact.c.provider_id.is_not(None))
    )


def sent_stale(scope: Scope) -> Select[int]:
    """Contacts that began to go out after a newer date had decided anew."""
    return select(contact.c.account_id).where(
        contacted(scope),
        contact.c.state.in_(ACTUAL),
        _newer_run().where(~run.c.late, run.c.decided_at < contact.c.claimed_at),
    )


def outlived(scope: Scope) -> Select[int]:
    """Contacts that are still planned, though a newer date has run."""
    return select(contact.c.account_id).where(
        contacted(scope), contact.c.state == "planned", _newer_run()
    )


def outside_its_time(scope: Scope) -> Select[int]:
    """Contacts that began to go out before the hour that was decided, or when their life was over.

    Their own `not_before_at` tells nothing: it moves on with each try.
    """
    return (
        select(contact.c.account_id)
        .outerjoin(
            decision,
            and_(decided_for(decision, contact), decision.c.run_id == contact.c.run_id),
        )
        .where(
            contacted(scope),
            contact.c.state.in_(ACTUAL),
            or_(
                contact.c.claimed_at < decision.c.not_before_at,
                contact.c.claimed_at >= contact.c.expires_at,
            ),
        )
    )


def sent_while_stopped(scope: Scope) -> Select[int]:
    """Contacts that began to go out while a person had stopped their channel, or everything."""
    stopped = exists().where(
        stop.c.portfolio_id == contact.c.portfolio_id,
        or_(stop.c.channel.is_(None), stop.c.channel == contact.c.channel),
        stop.c.stopped_at < contact.c.claimed_at,
        or_(stop.c.resumed_at.is_(None), stop.c.resumed_at > contact.c.claimed_at),
    )
    return select(contact.c.account_id).where(
        contacted(scope), contact.c.state.in_(ACTUAL), stopped
    )


def _newer_run() -> Exists:
    return exists().where(
        run.c.portfolio_id == contact.c.portfolio_id,
        run.c.business_date > contact.c.business_date,
    )


def over_caps(scope: Scope) -> dict[str, CompoundSelect[int]]:
    """The name of each cap that any run went by, with its check. It has the pack's name, too, where
    several packs have one of that name."""
    found: dict[tuple[str, str], list[Select[int]]] = {}
    for book, numbers in scope.ways(lambda book: book.floor.caps):
        for pack in book.floor.packs:
            for cap in pack.caps:
                check = _over_cap(scope, cap).where(planned_by(numbers))
                found.setdefault((cap.id, pack.pack.id), []).append(check)
    times = Counter(cap for cap, _ in found)
    return {
        cap if times[cap] == 1 else f"{cap} of {pack}": union_all(*checks)
        for (cap, pack), checks in found.items()
    }


def _over_cap(scope: Scope, cap: Cap) -> Select[int]:
    """Contacts before which the customer's days already held as many as the cap allows."""
    other, names = contact.alias("other"), contact_account.alias("names")
    together: FromClause
    match cap.by:
        case "debtor":
            together = contact.join(other, other.c.customer_id == contact.c.customer_id)
        case "contact_point":
            together = contact.join(other, other.c.address == contact.c.address)
        case "debt":  # also those that name the account beside another one
            named = contact.join(names, names.c.account_id == contact.c.account_id)
            together = named.join(other, other.c.contact_id == names.c.contact_id)
    first = contact.c.contact_on - func.make_interval(0, 0, 0, cap.days - 1)
    return (
        select(contact.c.account_id)
        .select_from(together)
        .where(
            contacted(scope),
            known_as_one(),
            contact.c.state.in_(COUNTED),
            contact.c.channel.in_(cap.channels),
            other.c.state.in_(COUNTED),
            other.c.channel.in_(cap.channels),
            other.c.contact_on.between(cast(first, Date), contact.c.contact_on),
            ~_made_later(scope, contact),
            ~_made_later(scope, other).where(result.c.recorded_at > contact.c.claimed_at),
        )
        .group_by(contact.c.contact_id, contact.c.account_id)
        .having(func.count() > cap.max)
    )


def _made_later(scope: Scope, of: FromClause) -> Exists:
    """People told that they made this call or visit on a later day than that of its list, on which
    it counts since. When it was claimed nobody knew."""
    return exists().where(
        result.c.contact_id == of.c.contact_id,
        local_day(scope.book, result.c.happened_at) > local_day(scope.book, of.c.accepted_at),
    )


def outside_hours(conn: Connection, scope: Scope) -> Iterator[str]:
    """Accounts whose contact was claimed while its window was shut, by the packs of then."""
    return _while_shut(conn, scope, contact.c.claimed_at, contact)


def made_outside_hours(conn: Connection, scope: Scope) -> Iterator[str]:
    """Accounts about which people called or visited while the window was shut, as they told."""
    told = contact.join(result, result.c.contact_id == contact.c.contact_id)
    return _while_shut(conn, scope, result.c.happened_at, told, contact.c.channel.in_(BY_PEOPLE))


def _while_shut(
    conn: Connection,
    scope: Scope,
    at: ColumnElement[dt.datetime],
    contacts: FromClause,
    *which: ColumnElement[bool],
) -> Iterator[str]:
    for book, numbers in scope.ways(lambda book: book.floor):
        rows = conn.execute(
            select(account.c.account_ref, contact.c.channel, at)
            .add_columns(place_key(book.floor))
            .select_from(contacts)
            .join(account, account.c.account_id == contact.c.account_id)
            .join(customer, customer.c.customer_id == contact.c.customer_id)
            .where(contacted(scope), contact.c.state.in_(ACTUAL), planned_by(numbers), *which)
            .execution_options(yield_per=10_000)
        )
        # What was made together is judged together.
        shut = cache(partial(_is_shut, book))
        for account_ref, channel, when, place in rows:
            if shut(channel, when, place):
                yield account_ref


def _is_shut(book: Book, channel: Channel, at: dt.datetime, place: str) -> bool:
    zones = wall_zones(book.floor, book.portfolio.zone, places_of(book.floor, place), channel, at)
    span = next_opening(book.floor, channel, zones, book.portfolio.region, at)
    return span is None or span.opens_at > at
