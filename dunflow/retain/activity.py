"""When something last happened between us and a customer, and what still goes on."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Connection,
    Date,
    Select,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    union,
    union_all,
)

from dunflow.config.book import Book
from dunflow.ledger.loads import newest_accepted
from dunflow.ledger.owners import owner_on
from dunflow.ledger.tables import (
    ALIVE,
    PERSONAL,
    PLACEMENT_ACTIVE,
    account,
    consent,
    contact,
    contact_account,
    contact_change,
    conversation,
    customer,
    episode,
    erasure,
    hold,
    instalment,
    opt_out,
    payment,
    placement,
    plan,
    promise,
    reply,
    snapshot,
)
from dunflow.retain.accounts import Accounts, People, holds_of, placements_of
from dunflow.retain.erase import only_theirs

HEARD = (
    (reply, reply.c.received_at, reply.c.received_at),
    (conversation, conversation.c.held_at, conversation.c.held_at),
    (hold, hold.c.recorded_at, func.greatest(hold.c.recorded_at, hold.c.released_at)),
    (opt_out, opt_out.c.since_at, func.greatest(opt_out.c.since_at, opt_out.c.lifted_at)),
    (consent, consent.c.given_at, func.greatest(consent.c.given_at, consent.c.end_recorded_at)),
    (contact_change, contact_change.c.recorded_at, contact_change.c.recorded_at),
)
"""What customers say, or is told of them: the table, when it was said, and its last word."""


def going_on(
    conn: Connection, portfolio_id: int, customer_id: int, accounts: Accounts
) -> Iterator[str]:
    """What is not over yet with a customer and their accounts, as sentences without names."""
    theirs = accounts.now
    # It may be another's by now, and what the receiver was told is of this one.
    given_away = or_(placement.c.account_id.in_(theirs), placement.c.customer_id == customer_id)
    newest = newest_accepted(conn, portfolio_id)
    owing = conn.execute(
        select(account.c.account_ref)
        .join(snapshot, snapshot.c.account_id == account.c.account_id)
        .where(
            snapshot.c.portfolio_id == portfolio_id,
            snapshot.c.business_date == newest,
            snapshot.c.customer_id == customer_id,
        )
        .union(
            select(account.c.account_ref)
            .join(episode, episode.c.account_id == account.c.account_id)
            .where(episode.c.account_id.in_(theirs), episode.c.ended_on.is_(None))
        )
    ).scalars()
    for ref in sorted(owing):
        yield f"account {ref!r} is open"
    placed = conn.execute(
        select(account.c.account_ref, placement.c.destination)
        .join(account, account.c.account_id == placement.c.account_id)
        .where(given_away, placement.c.state.in_(PLACEMENT_ACTIVE))
        .order_by(account.c.account_ref)
    )
    for ref, destination in placed:
        yield f"account {ref!r} is placed with {destination!r}, or proposed for it"
    under_way = exists().where(contact.c.customer_id == customer_id, contact.c.state.in_(ALIVE))
    if conn.execute(select(under_way)).scalar():
        yield "a contact is under way"
    # One that came when nobody was known to be reached there is theirs, too.
    points = only_theirs(portfolio_id, [customer_id])
    unknown_then = and_(
        reply.c.portfolio_id == portfolio_id,
        reply.c.customer_id.is_(None),
        reply.c.address.in_(select(points.c.address)),
    )
    unanswered = exists().where(
        or_(reply.c.customer_id == customer_id, unknown_then), reply.c.state == "open"
    )
    if conn.execute(select(unanswered)).scalar():
        yield "a reply waits for a person"


def last_activity(
    conn: Connection,
    book: Book,
    people: People,
    accounts: Accounts,
    *,
    before: dt.datetime,
    now: dt.datetime,
) -> dt.date | None:
    """The portfolio's calendar day of the last thing that happened in what began before an instant:
    that of `now` where it goes on still; None if nothing ever did."""
    calendar = book.portfolio.calendar

    def day(instant: Any) -> Any:
        return cast(func.timezone(book.portfolio.time_zone, instant), Date)

    def of_accounts(table: Any, instant: Any) -> Select[Any]:
        return select(day(instant)).where(
            accounts.has(table.c.account_id, instant), instant < before
        )

    left_on = func.coalesce(episode.c.ended_on, literal(calendar.local_date(now)))
    placed_until = case(
        (placement.c.state.in_(PLACEMENT_ACTIVE), literal(now)),
        else_=func.greatest(placement.c.proposed_at, placement.c.ended_at),
    )
    days = union_all(
        select(contact.c.business_date.label("day")).where(
            contact.c.customer_id.in_(people),
            contact.c.business_date <= calendar.local_date(before),
        ),
        select(left_on).where(
            accounts.has(episode.c.account_id, left_on),
            episode.c.started_on < calendar.local_date(before),
        ),
        *[
            select(day(last)).where(table.c.customer_id.in_(people), said < before)
            for table, said, last in HEARD
        ],
        select(day(func.greatest(hold.c.recorded_at, hold.c.released_at))).where(
            holds_of(people, accounts), hold.c.recorded_at < before
        ),
        of_accounts(promise, promise.c.made_at),
        of_accounts(plan, plan.c.agreed_at),
        of_accounts(payment, payment.c.booked_at),
        select(day(placed_until)).where(
            placements_of(people, accounts), placement.c.proposed_at < before
        ),
    ).subquery("days")
    found: dt.date | None = conn.execute(select(func.max(days.c.day))).scalar()
    return found


def active_accounts(book: Book, portfolio_id: int, since: dt.date) -> CompoundSelect[Any]:
    """`account_id` of all with which something happened on or after a day, or still goes on."""
    begins = book.portfolio.calendar.start_of(since)
    return union(
        select(episode.c.account_id).where(
            episode.c.portfolio_id == portfolio_id,
            or_(episode.c.ended_on.is_(None), episode.c.ended_on >= since),
        ),
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(contact.c.portfolio_id == portfolio_id, contact.c.business_date >= since),
        select(payment.c.account_id).where(
            payment.c.portfolio_id == portfolio_id, payment.c.booked_at >= begins
        ),
        select(placement.c.account_id).where(
            placement.c.portfolio_id == portfolio_id, _is_given(begins)
        ),
        select(promise.c.account_id).where(
            promise.c.portfolio_id == portfolio_id, promise.c.made_at >= begins
        ),
        select(plan.c.account_id)
        .join(instalment, instalment.c.plan_id == plan.c.plan_id)
        .where(plan.c.portfolio_id == portfolio_id, instalment.c.due_on >= since),
    )


def _is_given(begins: dt.datetime) -> ColumnElement[bool]:
    """Whether a placement goes on, or ended at this instant or after it."""
    return or_(placement.c.state.in_(PLACEMENT_ACTIVE), placement.c.ended_at >= begins)


def quiet_people(book: Book, portfolio_id: int, newest: dt.date, since: dt.date) -> Select[int]:
    """Customers who were not let go yet, and with whom nothing happened for long.

    Of several ids of one person the one that stays.
    """
    c, other = customer.c, customer.alias("other")
    begins = book.portfolio.calendar.start_of(since)
    let_go = exists().where(
        erasure.c.customer_id == c.customer_id, erasure.c.records_erased_at.is_not(None)
    )
    known, known_otherwise = (
        or_(*[of[name].is_not(None) for name in PERSONAL[customer]]) for of in (c, other.c)
    )
    came_back = or_(known, exists().where(other.c.merged_into == c.customer_id, known_otherwise))
    owing = exists().where(
        snapshot.c.portfolio_id == portfolio_id,
        snapshot.c.business_date == newest,
        snapshot.c.customer_id == c.customer_id,
    )
    active = active_accounts(book, portfolio_id, since).cte("active")
    collected = exists().where(
        contact.c.customer_id == c.customer_id,
        contact_account.c.contact_id == contact.c.contact_id,
        contact_account.c.account_id == active.c.account_id,
    )
    owner = _owners(portfolio_id, newest, active).subquery("owner")
    owned = exists().where(owner.c.customer_id == c.customer_id)
    heard = [
        exists().where(table.c.customer_id == c.customer_id, last >= begins)
        for table, _, last in HEARD
    ]
    held = exists().where(
        hold.c.of_customer_id == c.customer_id,
        func.greatest(hold.c.recorded_at, hold.c.released_at) >= begins,
    )
    given_away = exists().where(placement.c.customer_id == c.customer_id, _is_given(begins))
    return select(c.customer_id).where(
        c.portfolio_id == portfolio_id,
        c.merged_into.is_(None),
        c.seen_on < since,
        or_(~let_go, came_back, _told_since()),
        # One by one, so that each can be an anti-join.
        *[~each for each in (owing, collected, owned, *heard, held, given_away)],
    )


def _told_since() -> ColumnElement[bool]:
    """Whether anything was written, heard or told of a customer after the erasure that let go of
    what had been before: an answer to the last text, say."""
    c = customer.c
    erased_at = (
        select(func.max(erasure.c.erased_at))
        .where(erasure.c.customer_id == c.customer_id, erasure.c.records_erased_at.is_not(None))
        .scalar_subquery()
    )
    told = [
        (hold.c.of_customer_id, hold.c.recorded_at),
        (contact.c.customer_id, contact.c.planned_at),
        *[(table.c.customer_id, last) for table, _, last in HEARD],
    ]
    return or_(*[exists().where(of == c.customer_id, at > erased_at) for of, at in told])


def _owners(portfolio_id: int, newest: dt.date, active: CTE) -> Select[Any]:
    """`customer_id`: whose those active accounts are that are in the newest snapshot no more."""
    e, p = episode.c, placement.c
    moment = union(
        select(e.account_id, e.started_on.label("date")),
        select(e.account_id, e.ended_on - 1),
        select(p.account_id, p.business_date),
    ).subquery("moment")
    here = snapshot.alias("here")
    is_here = exists().where(
        here.c.portfolio_id == portfolio_id,
        here.c.business_date == newest,
        here.c.account_id == active.c.account_id,
    )
    # Row by row, as the server then looks into the one partition of that date only.
    whose = owner_on(portfolio_id, moment.c.account_id, moment.c.date)
    return (
        select(whose.label("customer_id"))
        .join_from(moment, active, active.c.account_id == moment.c.account_id)
        .where(~is_here)
    )
