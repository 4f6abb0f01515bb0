"""What was told of people and accounts before a snapshot had them, as when a portfolio goes live.

Only a snapshot says whose an account is, in which currency it owes, and where its customer is
reached.
"""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    Connection,
    TableClause,
    and_,
    cast,
    exists,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from dunflow.ledger.points import address_for
from dunflow.ledger.scratch import has_rows, keep
from dunflow.ledger.tables import (
    NEVER,
    customer,
    hold,
    opt_out,
    payment,
    plan,
    promise,
    reply,
    snapshot,
)


def said_no_before(conn: Connection, portfolio_id: int) -> TableClause | None:
    """`customer_id, channel, since_at, source`: the opt-outs of whom no snapshot has had yet; None
    where there are none. To be asked before the customers of one are taken."""
    o = opt_out.c
    unseen = (
        select(o.customer_id, o.channel, o.since_at, o.source)
        .join(customer, customer.c.customer_id == o.customer_id)
        .where(
            o.portfolio_id == portfolio_id,
            o.customer_id.is_not(None),
            o.lifted_at.is_(None),
            customer.c.seen_on == NEVER,
        )
    )
    return keep(conn, "said_no_before", unseen) if has_rows(conn, unseen) else None


def settle_first_seen(
    conn: Connection, portfolio_id: int, business_date: dt.date, said_no: TableClause | None
) -> None:
    """Complete what was told by what the date's snapshot says; `said_no` as before it was taken."""
    if said_no is not None:
        _bind_addresses(conn, portfolio_id, said_no)
    nobodys = and_(hold.c.of_customer_id.is_(None), hold.c.account_id.is_not(None))
    untold = [exists().where(~table.c.currency_told) for table in (payment, promise, plan)]
    if not conn.execute(select(or_(exists().where(nobodys), *untold))).scalar_one():
        return
    here = and_(snapshot.c.portfolio_id == portfolio_id, snapshot.c.business_date == business_date)
    conn.execute(
        update(hold)
        .where(
            here,
            hold.c.portfolio_id == portfolio_id,
            nobodys,
            hold.c.account_id == snapshot.c.account_id,
        )
        .values(of_customer_id=snapshot.c.customer_id)
    )
    for table in (payment, promise, plan):
        conn.execute(
            update(table)
            .where(here, ~table.c.currency_told, table.c.account_id == snapshot.c.account_id)
            .values(currency=snapshot.c.currency, currency_told=True)
        )


def _bind_addresses(conn: Connection, portfolio_id: int, said_no: TableClause) -> None:
    """An opt-out binds the address as well, whoever else uses it."""
    n, there = said_no.c, opt_out.alias("there")
    address = address_for(n.channel)
    # Unless it was bound with the person, or whoever shares it has said START since.
    was_bound = exists().where(
        there.c.portfolio_id == portfolio_id,
        there.c.channel == n.channel,
        there.c.address == address,
        there.c.since_at >= n.since_at,
    )
    sharer, start = customer.alias("sharer"), reply.alias("start")
    lifted_since = exists().where(
        start.c.portfolio_id == portfolio_id,
        start.c.channel == n.channel,
        start.c.kind == "opt_in",
        start.c.received_at >= n.since_at,
        sharer.c.customer_id == start.c.customer_id,
        or_(*[sharer.c[point] == address for point in ("phone", "email", "address")]),
    )
    rows = (
        select(
            literal(portfolio_id),
            n.channel,
            cast(null(), BigInteger),
            address,
            n.since_at,
            n.source,
        )
        .join_from(said_no, customer, customer.c.customer_id == n.customer_id)
        .where(address.is_not(None), ~was_bound, ~lifted_since)
    )
    names = ["portfolio_id", "channel", "customer_id", "address", "since_at", "source"]
    conn.execute(insert(opt_out).from_select(names, rows).on_conflict_do_nothing())
