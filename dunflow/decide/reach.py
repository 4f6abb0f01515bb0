"""Guard 10: by which channel, and from when, each account with a due step can be contacted."""

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    MetaData,
    Select,
    Table,
    TableClause,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)

from dunflow.clock import DAY
from dunflow.config.book import Book
from dunflow.config.rights import ConsentRule, days_of
from dunflow.decide.caps import Going, caps_reached
from dunflow.decide.layers import layer
from dunflow.decide.rest import resting
from dunflow.decide.windows import next_opening
from dunflow.decide.zones import place_key, places_of, wall_zones
from dunflow.ledger.scratch import PREFIX, keep
from dunflow.ledger.tables import consent, contact, customer, dead_address, opt_out

# The next opening of each channel for each place among the customers; no row: none for days.
opening = Table(
    "opening",
    MetaData(),
    Column("place", Text, nullable=False),  # a place_key
    Column("channel", Text, nullable=False),
    Column("wall_zone", Text, nullable=False),
    Column("opens_at", DateTime(timezone=True), nullable=False),
    Column("closes_at", DateTime(timezone=True), nullable=False),
    prefixes=[PREFIX],
)


def list_openings(conn: Connection, book: Book, places: Select[str], at: dt.datetime) -> None:
    """Fill `opening` for these customers' places (their `place_key`s), as of `at`.

    There are few places however many customers, so the law's own logic runs in plain Python.
    """
    opening.create(conn)
    rows = []
    for (place,) in conn.execute(places.distinct()):
        for channel in sorted(book.policy.channels):
            zones = wall_zones(
                book.floor, book.portfolio.zone, places_of(book.floor, place), channel, at
            )
            span = next_opening(book.floor, channel, zones, book.portfolio.region, at)
            if span:
                rows.append(
                    {
                        "place": place,
                        "channel": channel,
                        "wall_zone": zones[0].key,
                        "opens_at": span.opens_at,
                        "closes_at": span.closes_at,
                    }
                )
    if rows:
        conn.execute(insert(opening), rows)


def point_of(channel: str) -> Column[str | None]:
    """The customer's contact point by which a channel reaches them."""
    match channel:
        case "email":
            return customer.c.email
        case "letter" | "visit":
            return customer.c.address
        case _:
            return customer.c.phone


def address_for(channel: ColumnElement[str]) -> ColumnElement[str]:
    """The same, of a channel that stands in a row."""
    return case(
        (channel == "email", customer.c.email),
        (channel.in_(("letter", "visit")), customer.c.address),
        else_=customer.c.phone,
    )


def barred(
    book: Book,
    portfolio_id: int,
    channel: ColumnElement[str],
    address: ColumnElement[str],
    at: dt.datetime,
) -> ColumnElement[str]:
    """Why the customer's row may not be contacted so at any hour: the first parts of guard 10."""
    dead = exists().where(
        dead_address.c.portfolio_id == portfolio_id,
        dead_address.c.channel == channel,
        dead_address.c.address == address,
    )
    said_no = exists().where(
        opt_out.c.portfolio_id == portfolio_id,
        opt_out.c.channel == channel,
        opt_out.c.lifted_at.is_(None),
    )
    # Two questions rather than one with an "or", so that each can be answered from a hash table.
    of_customer = said_no.where(opt_out.c.customer_id == customer.c.customer_id)
    of_address = said_no.where(opt_out.c.address == address)
    return case(
        (or_(address.is_(None), dead), literal("unreachable", Text)),
        (or_(of_customer, of_address), literal("opt_out.", Text) + channel),
        *[
            (
                channel.in_(rule.channels) & ~_agreed(rule, channel, at),
                literal("consent.") + channel,
            )
            for rule in book.floor.consent
        ],
        else_=null(),
    )


def _agreed(rule: ConsentRule, channel: ColumnElement[str], at: dt.datetime) -> ColumnElement[bool]:
    """Whether the customer's row has a consent on one of the rule's grounds, and fresh enough."""
    agreed = exists().where(
        consent.c.customer_id == customer.c.customer_id,
        consent.c.channel == channel,
        consent.c.basis.in_(rule.basis),
        consent.c.given_at <= at,
        consent.c.revoked_at.is_(None),
    )
    if rule.fresh_within is not None:
        oldest = at - days_of(rule.fresh_within) * DAY
        agreed = agreed.where(consent.c.given_at > oldest)
    return agreed


def reach(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    judged: TableClause,
    at: dt.datetime,
) -> TableClause:
    """One row per account that would send: channel and opening, or the reason why none will do.

    It is the first channel of the step's list that will do; if none, the first one's reason.

    Caps count what earlier runs sent; the day's own contacts are counted as they are claimed.
    """
    list_openings(
        conn,
        book,
        select(place_key(book.floor)).where(customer.c.portfolio_id == portfolio_id),
        at,
    )

    def tried(preference: int, rows: Select[Any]) -> Select[Any]:
        return _tried(book, portfolio_id, business_date, at, preference, rows)

    wanting = select(judged.c.account_id, judged.c.customer_id, judged.c.due)
    reached = keep(conn, "reached", tried(0, wanting.where(judged.c.action.is_(None))))
    # Each further channel is asked about only for those whom none before it reaches.
    for preference in range(1, max((len(step.channel) for step in book.policy.ladder), default=0)):
        left = wanting.join(reached, reached.c.account_id == judged.c.account_id)
        others = tried(preference, left.where(reached.c.reason.is_not(None))).subquery("other")
        will_do = select(others).where(others.c.reason.is_(None))
        found = keep(conn, f"reached_{preference}", will_do)
        names = ("channel", "reason", "not_before_at")
        conn.execute(
            update(reached)
            .where(reached.c.account_id == found.c.account_id)
            .values({name: found.c[name] for name in names})
        )
    return reached


def _tried(
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    at: dt.datetime,
    preference: int,
    rows: Select[Any],
) -> Select[Any]:
    """What comes of the channel at this place of each step's list, where it has so many.

    `rows`: `account_id, customer_id, due`.
    """
    asked = rows.subquery("asked")
    candidate = layer(asked, _channel_of(book, asked.c.due, preference).label("channel"))
    c = candidate.c
    address = address_for(c.channel)
    out_on = cast(func.timezone(opening.c.wall_zone, opening.c.opens_at), contact.c.contact_on.type)
    going = Going(c.channel, c.customer_id, c.account_id, address, out_on)
    caps = caps_reached(book.floor.caps, going, contact.c.business_date < business_date)
    ends = book.portfolio.calendar.lives_until(business_date)
    no_hour = or_(opening.c.opens_at.is_(None), opening.c.opens_at >= ends)
    reason = func.coalesce(
        barred(book, portfolio_id, c.channel, address, at),
        case(
            *resting(book.floor.cooldowns, going),
            *[(over, literal("cap.", Text) + cap) for over, cap in caps.arms],
            (no_hour, literal("window", Text)),
            else_=null(),
        ),
    )
    open_to = and_(opening.c.channel == c.channel, opening.c.place == place_key(book.floor))
    candidates = candidate.join(customer, customer.c.customer_id == c.customer_id)
    return (
        select(
            cast(c.account_id, BigInteger).label("account_id"),
            c.channel,
            reason.label("reason"),
            opening.c.opens_at.label("not_before_at"),
        )
        .select_from(caps.joined_to(candidates.outerjoin(opening, open_to)))
        .where(c.channel.is_not(None))
    )


def _channel_of(book: Book, due: ColumnElement[int], preference: int) -> ColumnElement[str]:
    """The channel at that place of the due step's list, or NULL."""
    channels = {
        number: literal(step.channel[preference], Text)
        for number, step in enumerate(book.policy.ladder)
        if preference < len(step.channel)
    }
    # A policy may have tiers only, which then just sort the accounts.
    return case(channels, value=due, else_=null()) if channels else cast(null(), Text)
