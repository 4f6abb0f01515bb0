"""One contact at a time to a point that several customers share, where a pack counts by point.

A claim counts what was claimed before it. Of two that go out together, to two people at one phone,
neither would see the other.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, Text, func, or_, select

from dunflow.config.book import Book
from dunflow.ledger import locks
from dunflow.ledger.given import given
from dunflow.ledger.points import CHANNELS_OF, address_for
from dunflow.ledger.tables import customer

ON_PAPER = CHANNELS_OF["address"]
"""No index knows who lives at an address: any may be shared."""


def crowded(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    going: list[Row[Any]],
    people: Mapping[int, Row[Any]],
) -> list[int]:
    """Those of the contacts that would go out now and have to wait for the next claim."""
    counted = {
        channel for cap in book.floor.caps if cap.by == "contact_point" for channel in cap.channels
    }
    those = [row for row in going if row.channel in counted]
    shared = _shared(conn, portfolio_id, those, people) if those else set()
    if not shared:
        return []
    # Held to the end of the claim, so that no other worker claims for the same point meanwhile.
    conn.execute(select(func.pg_advisory_xact_lock(locks.POINTS)))
    waiting, taken = [], set()
    for row in those:
        point = people[row.contact_id].address
        if point in shared and point in taken:
            waiting.append(row.contact_id)
        taken.add(point)
    return waiting


def _shared(
    conn: Connection, portfolio_id: int, those: list[Row[Any]], people: Mapping[int, Row[Any]]
) -> set[str]:
    """The points of these contacts by which others are reached as well."""
    points = given(
        "points",
        {"customer_id": BigInteger, "channel": Text, "address": Text},
        [
            {
                "customer_id": row.customer_id,
                "channel": row.channel,
                "address": people[row.contact_id].address,
            }
            for row in those
        ],
    )
    p = points.c
    used = or_(customer.c.phone == p.address, customer.c.email == p.address)
    others = (
        select(p.address)
        .join_from(points, customer, used)
        .where(
            customer.c.portfolio_id == portfolio_id,
            customer.c.customer_id != p.customer_id,
            p.channel.not_in(ON_PAPER),
            address_for(p.channel) == p.address,
        )
    )
    paper = select(p.address).where(p.channel.in_(ON_PAPER))
    return set(conn.execute(others.union(paper)).scalars())
