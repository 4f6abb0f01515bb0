"""What follows from a receiver's rows: placements move, contacts count, holds begin."""

import datetime as dt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Numeric,
    Subquery,
    Text,
    and_,
    case,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from dunflow.config.book import Book
from dunflow.decide.zones import place_key
from dunflow.intake.elsewhere import made_elsewhere, own_day, start_gaps, walls_of
from dunflow.ledger.loads import newest_accepted
from dunflow.ledger.references import bears_theirs
from dunflow.ledger.tables import (
    contact,
    contact_account,
    conversation,
    customer,
    handback,
    hold,
    placement,
    snapshot,
)
from dunflow.place.life import FROM, move_with_reasons

STATES = {
    "accepted": "acknowledged",
    "refused": "refused",
    "returned": "returned",
    "closed": "closed",
}
"""Kind of row → what it makes of the placement, in the order in which one file is carried out."""
STATE_OF_RESULT = {
    "talked": "delivered",
    "delivered": "delivered",
    "no_answer": "undelivered",
    "undelivered": "undelivered",
}


def apply(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    destination: str,
    new: ColumnElement[bool],
    by: str,
    now: dt.datetime,
) -> int:
    """Do what the `new` rows say; how many came too late to change anything."""
    late = 0
    for kind, state in STATES.items():
        told = select(handback.c.placement_id, func.max(handback.c.reason).label("refusal")).where(
            new, handback.c.kind == kind
        )
        told = told.group_by(handback.c.placement_id)
        meant = conn.execute(select(func.count()).select_from(told.subquery())).scalar_one()
        late += meant - move_with_reasons(conn, told, state, FROM[state], now, by)
    _contacts(conn, book, portfolio_id, destination, new, now)
    _holds(conn, portfolio_id, destination, new, now)
    return late


def _told(conn: Connection, portfolio_id: int, new: ColumnElement[bool], kind: str) -> Subquery:
    """The new rows of a kind with whose account it is: as the receiver was told, else as of now.

    Of an id that was merged since, that is whom it was merged into.
    """
    then, newest = snapshot.alias("then"), snapshot.alias("newest")
    at_last = literal(newest_accepted(conn, portfolio_id), Date)

    def of(seen: Any, date: ColumnElement[dt.date]) -> ColumnElement[bool]:
        return and_(
            seen.c.portfolio_id == portfolio_id,
            seen.c.business_date == date,
            seen.c.account_id == placement.c.account_id,
        )

    told_of = func.coalesce(placement.c.customer_id, then.c.customer_id, newest.c.customer_id)
    owner = func.coalesce(customer.c.merged_into, told_of)
    return (
        select(handback, placement.c.account_id, placement.c.episode_id)
        .add_columns(owner.label("owner_id"))
        .join(placement, placement.c.placement_id == handback.c.placement_id)
        .outerjoin(then, of(then, placement.c.business_date))
        .outerjoin(newest, of(newest, at_last))
        .outerjoin(customer, customer.c.customer_id == told_of)
        .where(new, handback.c.kind == kind)
        .subquery("told")
    )


def _contacts(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    destination: str,
    new: ColumnElement[bool],
    now: dt.datetime,
) -> None:
    """The receiver's contacts stand beside ours, made by no run: they count for caps and gaps."""
    told = _told(conn, portfolio_id, new, "contact")
    t = told.c
    walls = walls_of(conn, book, select(t.owner_id), now)
    reference = _reference(portfolio_id, destination, t.handback_ref)
    columns: dict[str, ColumnElement[Any]] = {
        "customer_id": t.owner_id,
        "account_id": t.account_id,
        "reference": reference,
        "step": literal("", Text),
        "channel": t.channel,
        "state": case(STATE_OF_RESULT, value=t.result),
        "reason": literal(f"placement.{destination}", Text),
        **made_elsewhere(book, portfolio_id, t.happened_at, walls),
    }
    whose = customer.c.customer_id == t.owner_id
    there = walls.c.place == place_key(book.floor)
    rows = select(*columns.values()).join_from(told, customer, whose).join(walls, there)
    conn.execute(insert(contact).from_select(list(columns), rows).on_conflict_do_nothing())
    covers: dict[str, ColumnElement[Any]] = {
        "contact_id": contact.c.contact_id,
        "account_id": t.account_id,
        "episode_id": t.episode_id,
        "ladder_episode_id": t.episode_id,
        "amount": literal(0, Numeric),
        "occupies": contact.c.state == "delivered",
    }
    named = select(*covers.values()).join_from(told, contact, bears_theirs(reference))
    conn.execute(insert(contact_account).from_select(list(covers), named).on_conflict_do_nothing())
    start_gaps(conn, select(t.account_id, t.happened_at))
    talks = (
        select(
            literal(portfolio_id),
            t.owner_id,
            t.account_id,
            t.happened_at,
            own_day(t.happened_at, walls),
            t.told_by,
            t.received_at,
        )
        .join_from(told, customer, whose)
        .join(walls, there)
        .where(t.result == "talked")
        .distinct()
    )
    who = ["portfolio_id", "customer_id", "account_id"]
    names = [*who, "held_at", "held_on", "recorded_by", "recorded_at"]
    conn.execute(insert(conversation).from_select(names, talks).on_conflict_do_nothing())


def _reference(portfolio_id: int, destination: str, ref: ColumnElement[str]) -> ColumnElement[str]:
    return literal(f"{portfolio_id}:{destination}:", Text) + ref


def _holds(
    conn: Connection,
    portfolio_id: int,
    destination: str,
    new: ColumnElement[bool],
    now: dt.datetime,
) -> None:
    """Until a person releases them; the account comes back with the next export."""
    told = _told(conn, portfolio_id, new, "hold")
    t = told.c
    columns: dict[str, ColumnElement[Any]] = {
        "portfolio_id": literal(portfolio_id),
        "account_id": t.account_id,
        "kind": t.result,
        "from_at": t.happened_at,
        "recorded_at": literal(now),
        "recorded_by": t.told_by,
        "reason": literal(f"told by {destination}", Text),
        "of_customer_id": t.owner_id,
        "hold_ref": _reference(portfolio_id, destination, t.handback_ref),
    }
    rows = select(*columns.values())
    conn.execute(insert(hold).from_select(list(columns), rows).on_conflict_do_nothing())
