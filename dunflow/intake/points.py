"""A new phone, email or address of a customer, and those at which nothing arrives.

What was told holds until something newer is told, or until the source delivers another value than
before. The newest word counts, in whatever order words come.
"""

from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import (
    Column,
    ColumnElement,
    MetaData,
    Table,
    TableClause,
    Text,
    column,
    delete,
    func,
    literal,
    or_,
    select,
    update,
    values,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert

from dunflow.assess.progress import local_day
from dunflow.intake.given import BATCH, Given
from dunflow.ledger.points import CHANNELS_OF
from dunflow.ledger.scratch import PREFIX, keep
from dunflow.ledger.tables import contact_change, customer, dead_address
from dunflow.snapshot.customers import CHANGED_ON
from dunflow.snapshot.places import zones_of_address, zones_of_phone
from dunflow.snapshot.stage import copying, write

ZONES_BY: Final[dict[str, Callable[[str, str], str | None]]] = {
    "phone": lambda number, _region: zones_of_phone(number),
    "address": zones_of_address,
}
"""The points that tell where somebody is: from the value and the portfolio's region."""

TOLD: Final = "told"
"""Why an address is dead of which somebody said so."""


def take_contact_points(given: Given) -> int:
    """Keep what was told, and bring the customers' contact points in line; how many were new."""
    r = given.rows.c
    bad = func.coalesce(r.bad, False)
    rows = (
        select(given.portfolio, r.ref, r.customer, r.point, r.value, bad, r.changed_at)
        .add_columns(literal(given.now), literal(given.by), r.reason)
        .ext(distinct_on(r.ref))
        .order_by(r.ref, r.line)
    )
    names = [each.name for each in contact_change.c if each.name != "contact_change_id"]
    new = insert(contact_change).from_select(names, rows).on_conflict_do_nothing()
    count = given.conn.execute(new.execution_options(preserve_rowcount=True)).rowcount
    if count:
        _use(given)
        _bury(given)
    return count


def _use(given: Given) -> None:
    """Each customer whom this delivery is about has the newest point that was not called bad."""
    change = contact_change.c
    newest = keep(
        given.conn,
        "newest_point",
        select(change.customer_id, change.point, change.value, change.changed_at)
        .ext(distinct_on(change.customer_id, change.point))
        .where(
            change.customer_id.in_(select(given.rows.c.customer)),
            ~change.bad,
            change.value != "",  # erased
        )
        .order_by(
            change.customer_id, change.point, change.changed_at.desc(), change.change_ref.desc()
        ),
    )
    _find_zones(given, newest)
    said_on = local_day(given.book, newest.c.changed_at)
    for point in CHANNELS_OF:
        # Another one than before, which the source had at the close of that day or later, is newer.
        changed_on = CHANGED_ON[point]
        since = or_(changed_on.is_(None), said_on > changed_on)
        used: dict[Column[Any], ColumnElement[Any]] = {customer.c[point]: newest.c.value}
        if point in ZONES_BY:
            lies_in = select(_place.c.zones).where(
                _place.c.point == point, _place.c.value == newest.c.value
            )
            used[customer.c[f"{point}_zones"]] = lies_in.scalar_subquery()
        given.conn.execute(
            update(customer)
            .where(customer.c.customer_id == newest.c.customer_id, newest.c.point == point, since)
            .values(used)
        )


_place = Table(
    "point_place",
    MetaData(),
    Column("point", Text),
    Column("value", Text),
    Column("zones", Text),
    prefixes=[PREFIX],
)


def _find_zones(given: Given, newest: TableClause) -> None:
    """Fill `point_place` with the time zones of the points that a pack goes by."""
    _place.create(given.conn)
    sources = [point for point in ZONES_BY if point in given.book.floor.zone_sources]
    told = select(newest.c.point, newest.c.value).where(newest.c.point.in_(sources)).distinct()
    found = given.conn.execute(told, execution_options={"yield_per": BATCH})
    region = given.book.portfolio.region
    for some in found.partitions():
        rows = [(point, value, ZONES_BY[point](value, region)) for point, value in some]
        read = [pa.array(each, pa.string()) for each in zip(*rows, strict=True)]
        with copying(given.conn, _place, _place.c.keys()) as copy:
            write(copy, pa.table(read, _place.c.keys()))


def _bury(given: Given) -> None:
    """Values that were last called bad are used by no channel; others may be used again."""
    change = contact_change.c
    said = keep(
        given.conn,
        "said_of_value",
        select(change.point, change.value, change.bad)
        .ext(distinct_on(change.point, change.value))
        .where(
            change.portfolio_id == given.portfolio_id,
            change.value.in_(select(given.rows.c.value)),
        )
        .order_by(change.point, change.value, change.changed_at.desc(), change.change_ref.desc()),
    )
    way = values(column("point", Text), column("channel", Text), name="way").data(
        [(point, channel) for point, channels in CHANNELS_OF.items() for channel in channels]
    )
    by_channel = said.join(way, way.c.point == said.c.point)
    dead = select(given.portfolio, way.c.channel, said.c.value).select_from(by_channel)
    names = ["portfolio_id", "channel", "address", "reason", "since_at"]
    buried = dead.add_columns(literal(TOLD, Text), literal(given.now)).where(said.c.bad)
    given.conn.execute(insert(dead_address).from_select(names, buried).on_conflict_do_nothing())
    again = select(said.c.value).where(~said.c.bad)
    given.conn.execute(
        delete(dead_address).where(
            dead_address.c.portfolio_id == given.portfolio_id,
            dead_address.c.reason == TOLD,
            dead_address.c.address.in_(again),
        )
    )
