"""Gap and channels: by which one, and from when, each account with a due step can be contacted.

Most questions are put about all of them at once, so that a hash table answers them, and all cores;
one that hung on a single row would be put as often as there are rows, and on one core.
"""

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    TableClause,
    Text,
    and_,
    case,
    cast,
    false,
    literal,
    null,
    or_,
    select,
    text,
    update,
)

from dunflow.assess.moment import Moment
from dunflow.config.book import Book
from dunflow.decide.bars import Arm, bars, first_reasons
from dunflow.decide.caps import Going, alike_by, count_together, over
from dunflow.decide.guards import in_gap
from dunflow.decide.layers import layer
from dunflow.decide.openings import openings
from dunflow.decide.rest import resting
from dunflow.decide.zones import place_key
from dunflow.ledger.points import address_for
from dunflow.ledger.scratch import MANY, count_of, has_rows, keep
from dunflow.ledger.tables import Instant, account, contact, customer

GAP = "gap"


def reach(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    judged: TableClause,
    moment: Moment,
) -> TableClause:
    """One row per account that would send: channel and opening, or the reason why none will do.

    It is the first channel of the step's list that will do; if none, the first one's reason.
    `account_ref` is carried along for whoever asks who comes first.
    """
    wanting = select(judged.c.account_id, judged.c.customer_id, judged.c.due)
    first = wanting.where(judged.c.action.is_(None))
    if not has_rows(conn, first):
        return keep(conn, "reached", _nobody())
    asked = keep(conn, "asked", _asked(book, moment, 0, first))
    if book.floor.caps and count_of(conn, asked) >= MANY:
        # What claims fill in. Else the planner may take what was sent since the server last looked
        # for nothing, and compare it with everybody.
        conn.execute(text(f"ANALYZE {contact.name} (state, contact_on, address)"))
    opening = openings(conn, book, select(asked.c.place), moment.at)

    def tried(asked: TableClause) -> Select[Any]:
        counted = _counted(conn, book, business_date, asked, opening)
        found = _barred(book, portfolio_id, asked, opening, counted, moment.at)
        barred = keep(conn, f"{asked.name}_barred", found)
        return _tried(book, business_date, asked, opening, barred)

    reached = keep(conn, "reached", tried(asked))
    # Each further channel is asked about only for those whom none before it reaches.
    unreached = reached.c.reason != GAP
    for preference in range(1, max((len(step.channel) for step in book.policy.ladder), default=0)):
        if not has_rows(conn, select(reached).where(unreached)):
            break
        left = wanting.join(reached, reached.c.account_id == judged.c.account_id).where(unreached)
        asked = keep(conn, f"asked_{preference}", _asked(book, moment, preference, left))
        others = tried(asked).subquery("other")
        found = keep(conn, f"reached_{preference}", select(others).where(others.c.reason.is_(None)))
        names = ("channel", "reason", "not_before_at")
        conn.execute(
            update(reached)
            .where(reached.c.account_id == found.c.account_id)
            .values({name: found.c[name] for name in names})
        )
    return reached


def _nobody() -> Select[int, str, str, str, dt.datetime]:
    """No row, in the columns of those that are tried."""
    return select(
        cast(null(), BigInteger).label("account_id"),
        cast(null(), Text).label("account_ref"),
        cast(null(), Text).label("channel"),
        cast(null(), Text).label("reason"),
        cast(null(), Instant).label("not_before_at"),
    ).where(false())


def _asked(book: Book, moment: Moment, preference: int, rows: Select[Any]) -> Select[Any]:
    """Who would be contacted how: by the channel at this place of each step's list, if any.

    `rows`: `account_id, customer_id, due`. `address` is NULL where the customer has none.
    """
    wanting = rows.subquery("wanting")
    channel = _channel_of(book, wanting.c.due, preference).label("channel")
    candidate = layer(wanting, channel)
    c = candidate.c
    return (
        select(
            cast(c.account_id, BigInteger).label("account_id"),
            cast(c.customer_id, BigInteger).label("customer_id"),
            account.c.account_ref,
            c.channel,
            address_for(c.channel).label("address"),
            place_key(book.floor).label("place"),
            in_gap(book, c.due, account.c.last_contact_at, moment).label("in_gap"),
        )
        .join_from(candidate, customer, customer.c.customer_id == c.customer_id)
        .join(account, account.c.account_id == c.account_id)
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


def _counted(
    conn: Connection, book: Book, business_date: dt.date, asked: TableClause, opening: FromClause
) -> dict[str, TableClause]:
    """What each account's caps count, by what they count together: what earlier runs sent.

    The day's own contacts are counted as they are claimed.
    """
    earlier = contact.c.business_date < business_date
    rows = asked.join(opening, and_(_open_to(asked, opening), ~asked.c.in_gap))
    going = _going(asked, opening)
    return {
        by: keep(conn, f"{asked.name}_by_{by}", count_together(by, caps, rows, going, earlier))
        for by, caps in alike_by(book.floor.caps).items()
    }


def _barred(
    book: Book,
    portfolio_id: int,
    asked: TableClause,
    opening: FromClause,
    counted: dict[str, TableClause],
    at: dt.datetime,
) -> Select[int, str]:
    """`of, reason` of the accounts that may not be contacted so."""
    to_ask = asked.select().where(~asked.c.in_gap).subquery("to_ask")
    a = to_ask.c
    with_hour = to_ask.outerjoin(opening, _open_to(to_ask, opening))
    going = _going(to_ask, opening)
    asks: list[tuple[FromClause, Arm]] = [
        (to_ask, arm) for arm in bars(book, portfolio_id, a.customer_id, a.channel, a.address, at)
    ]
    asks += [(with_hour, arm) for arm in resting(book.floor.cooldowns, going)]
    for cap in book.floor.caps:
        by = counted[cap.by]
        asks.append((to_ask.outerjoin(by, by.c.of == a.account_id), over(cap, going, by)))
    return first_reasons(a.account_id, asks)


def _tried(
    book: Book,
    business_date: dt.date,
    asked: TableClause,
    opening: FromClause,
    barred: TableClause,
) -> Select[Any]:
    """What comes of each: `reason` is NULL where the channel will do."""
    a = asked.c
    ends = book.portfolio.calendar.lives_until(business_date)
    no_hour = or_(opening.c.opens_at.is_(None), opening.c.opens_at >= ends)
    reason = case(
        (a.in_gap, literal(GAP, Text)),
        (barred.c.reason.is_not(None), barred.c.reason),
        (no_hour, literal("window", Text)),
        else_=null(),
    )
    with_hour = asked.outerjoin(opening, _open_to(asked, opening))
    return select(
        a.account_id,
        a.account_ref,
        a.channel,
        reason.label("reason"),
        opening.c.opens_at.label("not_before_at"),
    ).select_from(with_hour.outerjoin(barred, barred.c.of == a.account_id))


def _going(asked: FromClause, opening: FromClause) -> Going:
    a = asked.c
    return Going(a.channel, a.customer_id, a.account_id, a.address, opening.c.out_on)


def _open_to(asked: FromClause, opening: FromClause) -> ColumnElement[bool]:
    return and_(opening.c.channel == asked.c.channel, opening.c.place == asked.c.place)
