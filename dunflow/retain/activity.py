"""When something last happened between us and a customer, and what still goes on."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Date,
    Select,
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
from dunflow.ledger.tables import (
    ALIVE,
    PLACEMENT_ACTIVE,
    account,
    contact,
    contact_account,
    conversation,
    customer,
    episode,
    hold,
    instalment,
    payment,
    placement,
    plan,
    promise,
    reply,
    snapshot,
)
from dunflow.retain.accounts import Accounts, People


def going_on(
    conn: Connection, portfolio_id: int, customer_id: int, accounts: Accounts
) -> Iterator[str]:
    """What is not over yet with a customer and their accounts, as sentences without names."""
    theirs = accounts.now
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
        .where(placement.c.account_id.in_(theirs), placement.c.state.in_(PLACEMENT_ACTIVE))
        .order_by(account.c.account_ref)
    )
    for ref, destination in placed:
        yield f"account {ref!r} is placed with {destination!r}, or proposed for it"
    under_way = exists().where(contact.c.customer_id == customer_id, contact.c.state.in_(ALIVE))
    if conn.execute(select(under_way)).scalar():
        yield "a contact is under way"
    unanswered = exists().where(reply.c.customer_id == customer_id, reply.c.state == "open")
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

    def of_people(table: Any, instant: Any) -> Select[Any]:
        return select(day(instant)).where(table.c.customer_id.in_(people), instant < before)

    def of_accounts(table: Any, instant: Any) -> Select[Any]:
        return select(day(instant)).where(
            accounts.has(table.c.account_id, instant), instant < before
        )

    held = or_(hold.c.customer_id.in_(people), accounts.has(hold.c.account_id, hold.c.recorded_at))
    left_on = func.coalesce(episode.c.ended_on, literal(calendar.local_date(now)))
    placed_until = case(
        (placement.c.state.in_(PLACEMENT_ACTIVE), literal(now)),
        else_=func.greatest(placement.c.proposed_at, placement.c.ended_at),
    )
    days = union_all(
        select(contact.c.business_date.label("day")).where(
            contact.c.customer_id.in_(people), contact.c.planned_at < before
        ),
        select(left_on).where(
            accounts.has(episode.c.account_id, left_on),
            episode.c.started_on < calendar.local_date(before),
        ),
        of_people(reply, reply.c.received_at),
        of_people(conversation, conversation.c.held_at),
        select(day(func.greatest(hold.c.recorded_at, hold.c.released_at))).where(
            held, hold.c.recorded_at < before
        ),
        of_accounts(promise, promise.c.made_at),
        of_accounts(plan, plan.c.agreed_at),
        of_accounts(payment, payment.c.booked_at),
        select(day(placed_until)).where(
            accounts.has(placement.c.account_id, placed_until), placement.c.proposed_at < before
        ),
    ).subquery("days")
    found: dt.date | None = conn.execute(select(func.max(days.c.day))).scalar()
    return found


def active_accounts(portfolio_id: int, since: dt.date) -> CompoundSelect[Any]:
    """`account_id` of all with which something happened on or after a day, or still goes on."""
    return union(
        select(episode.c.account_id).where(
            episode.c.portfolio_id == portfolio_id,
            or_(episode.c.ended_on.is_(None), episode.c.ended_on >= since),
        ),
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(contact.c.portfolio_id == portfolio_id, contact.c.business_date >= since),
        select(payment.c.account_id).where(
            payment.c.portfolio_id == portfolio_id, payment.c.booked_at >= since
        ),
        select(placement.c.account_id).where(
            placement.c.portfolio_id == portfolio_id,
            or_(placement.c.state.in_(PLACEMENT_ACTIVE), placement.c.ended_at >= since),
        ),
        select(promise.c.account_id).where(
            promise.c.portfolio_id == portfolio_id, promise.c.made_at >= since
        ),
        select(plan.c.account_id)
        .join(instalment, instalment.c.plan_id == plan.c.plan_id)
        .where(plan.c.portfolio_id == portfolio_id, instalment.c.due_on >= since),
    )


def quiet_people(portfolio_id: int, newest: dt.date, since: dt.date) -> Select[int]:
    """Customers about whom there is something personal, and with whom nothing happened for long."""
    known = or_(
        customer.c.name.is_not(None),
        customer.c.phone_raw.is_not(None),
        customer.c.email_raw.is_not(None),
        customer.c.address.is_not(None),
    )
    owing = exists().where(
        snapshot.c.portfolio_id == portfolio_id,
        snapshot.c.business_date == newest,
        snapshot.c.customer_id == customer.c.customer_id,
    )
    active = active_accounts(portfolio_id, since).subquery("active")
    collected = exists().where(
        contact.c.customer_id == customer.c.customer_id,
        contact_account.c.contact_id == contact.c.contact_id,
        contact_account.c.account_id == active.c.account_id,
    )
    heard = [
        exists().where(table.c.customer_id == customer.c.customer_id, instant >= since)
        for table, instant in (
            (reply, reply.c.received_at),
            (conversation, conversation.c.held_at),
            (hold, hold.c.recorded_at),
        )
    ]
    return select(customer.c.customer_id).where(
        customer.c.portfolio_id == portfolio_id,
        customer.c.seen_on < since,
        known,
        # One by one, so that each can be an anti-join.
        *[~each for each in (owing, collected, *heard)],
    )
