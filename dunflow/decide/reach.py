"""Guard 10: by which channel, and from when, each account with a due step can be contacted."""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Integer,
    MetaData,
    Select,
    SmallInteger,
    Subquery,
    Table,
    TableClause,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import distinct_on

from dunflow.clock import DAY
from dunflow.config.book import Book
from dunflow.config.rights import ConsentRule, days_of
from dunflow.decide.caps import Going, caps_reached
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

    Caps count what earlier runs sent; the day's own contacts are counted as they are claimed.
    """
    candidates = select(judged).where(judged.c.action.is_(None)).subquery("candidate")
    c = candidates.c
    list_openings(
        conn,
        book,
        select(place_key(book.floor)).where(customer.c.portfolio_id == portfolio_id),
        at,
    )
    ways = _ways(book)
    channel, address = ways.c.channel, address_for(ways.c.channel)
    out_on = cast(func.timezone(opening.c.wall_zone, opening.c.opens_at), contact.c.contact_on.type)
    going = Going(channel, c.customer_id, c.account_id, address, out_on)
    caps = caps_reached(book.floor.caps, going, contact.c.business_date < business_date)
    ends = book.portfolio.calendar.lives_until(business_date)
    no_hour = or_(opening.c.opens_at.is_(None), opening.c.opens_at >= ends)
    reason = func.coalesce(
        barred(book, portfolio_id, channel, address, at),
        case(
            *resting(book.floor.cooldowns, going),
            *[(over, literal("cap.", Text) + cap) for over, cap in caps.arms],
            (no_hour, literal("window", Text)),
            else_=null(),
        ),
    ).label("reason")
    candidate_ways = (
        candidates.join(ways, ways.c.due == c.due)
        .join(customer, customer.c.customer_id == c.customer_id)
        .outerjoin(
            opening,
            and_(
                opening.c.channel == channel,
                opening.c.place == place_key(book.floor),
            ),
        )
    )
    options = (
        select(
            c.account_id,
            channel,
            reason,
            opening.c.opens_at.label("not_before_at"),
            ways.c.preference,
        )
        .select_from(caps.joined_to(candidate_ways))
        .offset(literal_column("0"))  # so that the reason is found once, and not for the order too
        .subquery("option")
    )
    # The first channel that will do; if none, the reason of the first one listed.
    best = (
        select(
            cast(options.c.account_id, BigInteger).label("account_id"),
            options.c.channel,
            options.c.reason,
            options.c.not_before_at,
        )
        .ext(distinct_on(options.c.account_id))
        .order_by(options.c.account_id, options.c.reason.is_not(None), options.c.preference)
    )
    return keep(conn, "reached", best)


def _ways(book: Book) -> Subquery:
    """`due, preference, channel`: the channels of each step, the preferred one first."""

    def way(due: int, preference: int, channel: str) -> Select[int, int, str]:
        return select(
            literal(due, SmallInteger).label("due"),
            literal(preference, Integer).label("preference"),
            literal(channel, Text).label("channel"),
        )

    ways = [
        way(number, preference, channel)
        for number, step in enumerate(book.policy.ladder)
        for preference, channel in enumerate(step.channel)
    ]
    # A policy may have tiers only, which then just sort the accounts.
    rows = union_all(*ways) if ways else way(0, 0, "").where(false())
    return rows.subquery("way")
