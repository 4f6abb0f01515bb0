"""Empties what is personal, in two parts.

What serves to reach somebody goes as soon as nothing is owed any more. The records of collecting
(texts as they went out, addresses as used, replies, reasons) are what the packs want kept for
years, so they stay until then.

The tombstone is the date that the customer's values are of: a business date up to the day of the
erasure, loaded or delivered again, finds them newer and changes nothing. Who owes again later is
delivered by a later date, and is a customer like any other.
"""

import datetime as dt
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Subquery,
    Table,
    and_,
    case,
    delete,
    exists,
    null,
    or_,
    select,
    union,
    update,
)

from dunflow.ledger.given import among
from dunflow.ledger.tables import (
    PERSONAL,
    REMARKS,
    consent,
    contact,
    contact_change,
    contact_text,
    customer,
    dead_address,
    erasure,
    hold,
    merger,
    opt_out,
    placement,
    placement_event,
    plan,
    promise,
    reply,
    resolution,
    snapshot,
    waiver,
)
from dunflow.retain.accounts import Accounts, People, holds_of, placements_of
from dunflow.snapshot.customers import CHANGED_ON

POINTS = (customer.c.phone, customer.c.email, customer.c.address)


def addresses_of(people: People) -> CompoundSelect[Any]:
    """`customer_id, address`: every one under which these customers were ever known."""
    own_no = opt_out.alias("own_no")
    own = [
        select(customer.c.customer_id, point.label("address")).where(
            customer.c.customer_id.in_(people)
        )
        for point in POINTS
    ]
    return union(
        *own,
        select(contact.c.customer_id, contact.c.address).where(contact.c.customer_id.in_(people)),
        select(reply.c.customer_id, reply.c.address).where(reply.c.customer_id.in_(people)),
        select(contact_change.c.customer_id, contact_change.c.value).where(
            contact_change.c.customer_id.in_(people)
        ),
        select(consent.c.customer_id, consent.c.address).where(consent.c.customer_id.in_(people)),
        select(own_no.c.customer_id, opt_out.c.address).where(_own_twin(own_no, people)),
    )


def only_theirs(portfolio_id: int, people: People) -> Subquery:
    """`customer_id, address`: those of their addresses by which nobody else is reached now."""
    theirs = addresses_of(people).subquery("theirs")
    others = [
        exists().where(
            customer.c.portfolio_id == portfolio_id,
            point == theirs.c.address,
            customer.c.customer_id.not_in(people),
        )
        for point in POINTS
    ]
    return (
        select(theirs)
        # One by one, so that each can be an anti-join.
        .where(theirs.c.address.is_not(None), *[~each for each in others])
        .subquery("only_theirs")
    )


def erase_contact_points(
    conn: Connection, portfolio_id: int, people: People, today: dt.date, before: dt.datetime
) -> None:
    """Name, phones, emails, postal addresses and where these customers live, wherever it stands.

    What was said of an address since an instant stays.
    """
    theirs = only_theirs(portfolio_id, people)
    # A reply that came before anybody was known there is theirs, and goes with their records.
    conn.execute(
        update(reply)
        .where(
            reply.c.portfolio_id == portfolio_id,
            reply.c.customer_id.is_(None),
            reply.c.address == theirs.c.address,
        )
        .values(customer_id=theirs.c.customer_id)
    )
    for table in (dead_address, opt_out):
        conn.execute(
            delete(table).where(
                table.c.portfolio_id == portfolio_id,
                table.c.address.in_(select(theirs.c.address)),
                table.c.since_at < before,
            )
        )
    # The row stays, so that a file that brings it again changes nothing.
    conn.execute(
        update(contact_change)
        .where(contact_change.c.customer_id.in_(people))
        .values(value="", reason=None)
    )
    # What was told of them before is not used, whenever it comes.
    dates = ("seen_on", *[column.name for column in CHANGED_ON.values()])
    conn.execute(
        update(customer)
        .where(customer.c.customer_id.in_(people))
        .values(dict.fromkeys(PERSONAL[customer]) | dict.fromkeys(dates, today))
    )


def erase_records(
    conn: Connection, people: People, accounts: Accounts, before: dt.datetime
) -> None:
    """What was written, heard and remarked about these customers and accounts before an instant."""
    _empty_remarks_on_addresses(conn, people, before)
    for table, which in _records(people, accounts, before).items():
        _empty(conn, table, which)


def erase_snapshots(
    conn: Connection, portfolio_id: int, people: People, accounts: Accounts, before: dt.date
) -> None:
    """What the lender told of these customers beside dates and amounts, in snapshots before a day.

    Numbers among it go as well: an age or an income is as personal as an employer.
    """
    s = snapshot.c
    theirs = and_(
        s.portfolio_id == portfolio_id,
        s.business_date < before,
        among(s.account_id, [each.account_id for each in accounts.held]),
        s.customer_id.in_(people),
    )
    _empty(conn, snapshot, theirs)


_TYPED: Final = "%: %"
"""A source that says who typed it, and why."""


def _own_twin(
    own: FromClause, people: People, said: str = "source", at: str = "since_at"
) -> ColumnElement[bool]:
    """Whether a row of `opt_out` that binds an address was typed together with `own`, which binds
    one of these people; or was lifted together with it."""
    return and_(
        own.c.customer_id.in_(people),
        opt_out.c.address.is_not(None),
        own.c.portfolio_id == opt_out.c.portfolio_id,
        own.c.channel == opt_out.c.channel,
        own.c[at] == opt_out.c[at],
        own.c[said] == opt_out.c[said],
        own.c[said].like(_TYPED),
    )


_WORDS: Final = {"source": "since_at", "lifted_source": "lifted_at"}
"""What is written down of a no, and when."""


def no_shown(people: People) -> list[ColumnElement[str]]:
    """`source, lifted_source` of a no, as these people may know it: why somebody else said so who
    uses the address is not theirs to know."""
    own = opt_out.alias("own")
    shown: list[ColumnElement[str]] = []
    for said, at in _WORDS.items():
        theirs = opt_out.c.customer_id.in_(people) | exists().where(
            _own_twin(own, people, said, at)
        )
        told = opt_out.c[said]
        shown.append(case((or_(theirs, told.not_like(_TYPED)), told)).label(said))
    return shown


def _empty_remarks_on_addresses(conn: Connection, people: People, before: dt.datetime) -> None:
    """What was typed for their no stands at the address as well, which may stay for others."""
    own = opt_out.alias("own")
    for said, at in _WORDS.items():
        typed = exists().where(_own_twin(own, people, said, at), own.c.since_at < before)
        nothing = null() if opt_out.c[said].nullable else ""
        conn.execute(update(opt_out).where(typed).values({said: nothing}))


def _empty(conn: Connection, table: Table, which: ColumnElement[bool]) -> None:
    names = [*PERSONAL.get(table, ()), *REMARKS.get(table, ())]
    nothing = {name: null() if table.c[name].nullable else "" for name in names}
    conn.execute(update(table).where(which).values(nothing))


def _records(
    people: People, accounts: Accounts, before: dt.datetime
) -> dict[Table, ColumnElement[bool]]:
    """Table → its rows that are about these people."""
    contacts = and_(contact.c.customer_id.in_(people), contact.c.planned_at < before)
    sent = select(contact.c.contact_id).where(contacts)
    given_away = placements_of(people, accounts)
    placed = select(placement.c.placement_id).where(given_away)
    return {
        contact_text: contact_text.c.contact_id.in_(sent),
        resolution: resolution.c.contact_id.in_(sent),
        contact: contacts,
        reply: and_(reply.c.customer_id.in_(people), reply.c.received_at < before),
        hold: and_(holds_of(people, accounts), hold.c.recorded_at < before),
        promise: and_(
            accounts.has(promise.c.account_id, promise.c.made_at), promise.c.made_at < before
        ),
        plan: and_(accounts.has(plan.c.account_id, plan.c.agreed_at), plan.c.agreed_at < before),
        consent: and_(consent.c.customer_id.in_(people), consent.c.given_at < before),
        opt_out: and_(opt_out.c.customer_id.in_(people), opt_out.c.since_at < before),
        merger: and_(
            or_(merger.c.customer_id.in_(people), merger.c.into_id.in_(people)),
            merger.c.merged_at < before,
        ),
        waiver: and_(
            accounts.has(waiver.c.account_id, waiver.c.waived_at), waiver.c.waived_at < before
        ),
        placement: and_(given_away, placement.c.ended_at < before),
        placement_event: and_(
            placement_event.c.placement_id.in_(placed), placement_event.c.happened_at < before
        ),
        erasure: and_(erasure.c.customer_id.in_(people), erasure.c.erased_at <= before),
    }


def erase_nobodys_addresses(conn: Connection, portfolio_id: int, before: dt.datetime) -> int:
    """Forget what was said before an instant of addresses at which no customer is reached; how
    many rows."""
    count = 0
    for table in (dead_address, opt_out):
        reached = [
            exists().where(customer.c.portfolio_id == portfolio_id, point == table.c.address)
            for point in POINTS
        ]
        gone = delete(table).where(
            table.c.portfolio_id == portfolio_id,
            table.c.address.is_not(None),
            table.c.since_at < before,
            *[~each for each in reached],
        )
        count += conn.execute(gone).rowcount
    return count
