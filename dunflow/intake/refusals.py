"""Opt-outs as feeds deliver them: each binds once, so that none undoes a START that came after."""

from typing import Any

from sqlalchemy import BigInteger, Select, Text, cast, exists, func, literal, null, or_, select
from sqlalchemy.dialects.postgresql import insert

from dunflow.intake.given import Given
from dunflow.ledger.points import address_for
from dunflow.ledger.scratch import count_of
from dunflow.ledger.tables import customer, opt_out


def take_opt_outs(given: Given) -> int:
    """Bind each customer and the address that was named, or that the channel reaches now.

    They bind from now on, whenever they were said; one that was lifted since binds no more.
    """
    fresh = given.fresh("opt_outs")
    f = fresh.c
    address = func.coalesce(f.address, address_for(f.channel))
    people = fresh.join(customer, customer.c.customer_id == f.customer)
    said: list[Select[Any]] = [
        select(f.channel, f.customer.label("customer_id"), cast(null(), Text).label("address"))
        .add_columns(f.since_at, f.reason)
        .select_from(fresh),
        select(f.channel, cast(null(), BigInteger), address, f.since_at, f.reason)
        .select_from(people)
        .where(address.is_not(None)),
    ]
    for one in said:
        bound = one.subquery("bound").c
        lifted = exists().where(
            opt_out.c.portfolio_id == given.portfolio_id,
            opt_out.c.channel == bound.channel,
            or_(opt_out.c.customer_id == bound[1], opt_out.c.address == bound[2]),
            opt_out.c.lifted_at > func.coalesce(bound.since_at, given.now),
        )
        source = literal("feed: ", Text) + func.coalesce(bound.reason, given.by)
        rows = (
            select(given.portfolio, bound.channel, bound[1], bound[2], literal(given.now), source)
            .where(~lifted)
            .order_by(bound.channel, bound[1], bound[2])
        )
        names = ["portfolio_id", "channel", "customer_id", "address", "since_at", "source"]
        given.conn.execute(insert(opt_out).from_select(names, rows).on_conflict_do_nothing())
    return count_of(given.conn, fresh)
