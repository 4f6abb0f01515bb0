"""Who said no to a channel: bound at once, each customer and each address by a row of its own."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import Connection, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from dunflow.ledger import points
from dunflow.ledger.owners import person_of
from dunflow.ledger.tables import customer, opt_out


def bind(
    conn: Connection,
    portfolio_id: int,
    channels: Collection[str],
    customers: Collection[int],
    addresses: Collection[str],
    source: str,
    now: dt.datetime,
) -> int:
    """No more contacts by these channels, to these customers nor to these addresses.

    Returns how many were not bound before.

    It holds for whoever else uses an address. One that stands already stays as it is. The next
    claim finds it, since each claim asks anew.
    """
    bound: list[dict[str, int | str | None]] = [
        {"customer_id": each, "address": None} for each in customers
    ]
    bound += [{"customer_id": None, "address": each} for each in addresses]
    rows = [
        {
            **each,
            "portfolio_id": portfolio_id,
            "channel": channel,
            "since_at": now,
            "source": source,
        }
        for channel in sorted(channels)
        for each in bound
    ]
    if not rows:
        return 0
    kept = insert(opt_out).values(rows).on_conflict_do_nothing().returning(opt_out.c.opt_out_id)
    return len(conn.execute(kept).all())


def lift(
    conn: Connection,
    portfolio_id: int,
    channels: Collection[str],
    customers: Collection[int],
    addresses: Collection[str],
    source: str,
    now: dt.datetime,
) -> int:
    """The customers and the addresses may be contacted again; how many rows were lifted. `source`:
    who says so, and why.

    Lifts no hold, and not what binds somebody else who uses the address.
    """
    theirs = or_(opt_out.c.customer_id.in_(customers), opt_out.c.address.in_(addresses))
    lifted = (
        update(opt_out)
        .where(
            opt_out.c.portfolio_id == portfolio_id,
            opt_out.c.channel.in_(channels),
            opt_out.c.lifted_at.is_(None),
            theirs,
        )
        .values(lifted_at=now, lifted_source=source)
    )
    return conn.execute(lifted).rowcount


def point_of(conn: Connection, customer_id: int, channel: str) -> str | None:
    """The contact point by which a channel reaches the customer now; None: there is none."""
    found: str | None = conn.execute(
        select(points.address_by(channel)).where(customer.c.customer_id == customer_id)
    ).scalar()
    return found


def users_of(conn: Connection, portfolio_id: int, channel: str, address: str) -> list[int]:
    """The customers whom a channel reaches at this address; one person is one, of several ids."""
    person = person_of(customer)
    rows = conn.execute(
        select(person)
        .where(
            customer.c.portfolio_id == portfolio_id,
            points.address_by(channel) == address,
        )
        .distinct()
        .order_by(person)
    )
    return list(rows.scalars())
