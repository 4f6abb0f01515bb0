"""Customers as a snapshot delivers them, with their contact points.

What was read from a contact value is kept beside the raw value. So an unchanged value costs a
comparison and is not parsed again, and a bad one is told on every date that delivers it.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Date,
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
    func,
    insert,
    literal,
    or_,
    select,
    text,
    tuple_,
    union,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on

from dunflow.config.book import Book
from dunflow.ledger.owners import person_of
from dunflow.ledger.scratch import PREFIX, has_rows, keep
from dunflow.ledger.tables import NEVER, contact_change, customer, snapshot
from dunflow.snapshot.contact_points import read_email, read_phone
from dunflow.snapshot.lent import has_merged, lend_anew
from dunflow.snapshot.places import zones_of_address, zones_of_phone
from dunflow.snapshot.stage import Stage, copying, write

# Our column of the source → the customer's column that holds it as delivered.
DELIVERED: dict[str, Column[Any]] = {
    "name": customer.c.name,
    "phone": customer.c.phone_raw,
    "email": customer.c.email_raw,
    "address": customer.c.address_raw,
    "language": customer.c.language,
    "time_zone": customer.c.time_zone,
}
# Our column of the source → the customer's columns that are used: what was read from the former.
READ: dict[str, tuple[Column[Any], ...]] = {
    "phone": (customer.c.phone, customer.c.phone_zones),
    "email": (customer.c.email,),
    "address": (customer.c.address, customer.c.address_zones),
}
# Our column of the source → since when it is another than before.
CHANGED_ON: dict[str, Column[Any]] = {
    "phone": customer.c.phone_changed_on,
    "email": customer.c.email_changed_on,
    "address": customer.c.address_changed_on,
}
Reader = Callable[[str], tuple[str | None, ...]]
"""From a value as delivered to those of the columns in READ."""

_BATCH = 50_000

# So many new customers change what the planner should think of the table.
_MANY = 20_000

# No customer has more accounts than that, as far as counting them matters.
_ROWS_EACH = 10


@dataclass(frozen=True)
class Renewal:
    """`changed`: known customers who have another phone or email than before; `of`: how many
    customers the file has, or its rows where these tell enough."""

    changed: int
    of: int


@dataclass(frozen=True)
class Taken:
    """`readings`: the values that were read just now, as our column → table of `raw` and the
    columns in READ."""

    readings: dict[str, Table]
    renewal: Renewal


def take_customers(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    stage: Stage,
    matched: TableClause,
    meanwhile: Callable[[], None],
    is_trusted: Callable[[Renewal], bool],
) -> Taken:
    """Add new customers and bring changed ones up to date.

    `meanwhile` gives the server something to do while contact values are being parsed. `is_trusted`
    hears how many customers would get another phone or email. If it says no, all stay as they are:
    a wrong file must not send the next message to strangers.

    A customer with several accounts has the values that stand with the first account id. Older
    dates don't overwrite what a newer one delivered.
    """
    lead = _differing(conn, stage, matched)
    if lead is None:
        meanwhile()
        return Taken({}, Renewal(0, stage.rows_read))
    readings = _read_new(conn, lead, _readers(book), meanwhile)
    added = _add(conn, portfolio_id, business_date, lead, readings)
    if added > _MANY:
        conn.execute(text("ANALYZE customer"))  # else the joins that follow are planned for none
    fresh = _fresh(lead, readings).subquery("fresh")
    merged = has_merged(conn, portfolio_id)
    renewed = _renewed(portfolio_id, business_date, fresh, merged=merged)
    changed = _count_contacts(conn, fresh, renewed)
    renewal = Renewal(changed, _people(conn, book, stage, matched, changed))
    if is_trusted(renewal):
        if merged:
            points = {DELIVERED[name]: columns for name, columns in READ.items()}
            lend_anew(conn, fresh, renewed, points)
        told_since = book.portfolio.calendar.close_of(business_date)
        _renew(conn, business_date, told_since, fresh, renewed)
    return Taken(readings, renewal)


def _readers(book: Book) -> dict[str, Reader]:
    """Time zones are looked for where a pack goes by them: it takes longer than the rest."""
    region, sources = book.portfolio.region, book.floor.zone_sources

    def phone(raw: str) -> tuple[str | None, ...]:
        number = read_phone(raw, region)
        if number is None or "phone" not in sources:
            return number, None
        return number, zones_of_phone(number)

    def address(raw: str) -> tuple[str | None, ...]:
        return raw, zones_of_address(raw, region) if "address" in sources else None

    return {"phone": phone, "email": lambda raw: (read_email(raw),), "address": address}


def bad_contact_points(
    book: Book, portfolio_id: int, stage: Stage, readings: dict[str, Table]
) -> Select[Any]:
    """`line, column_name, value_kind, reason, account` of each contact value of no use."""
    incoming = stage.incoming
    reasons = {
        "phone": f"is no valid phone number ({book.portfolio.region})",
        "email": "is no valid email address",
    }
    parts = []
    for name in reasons:
        reading, value = readings.get(name), READ[name][0]
        stored = select(DELIVERED[name].label("raw")).where(
            customer.c.portfolio_id == portfolio_id,
            DELIVERED[name].is_not(None),
            value.is_(None),
        )
        bad = stored.distinct().subquery(f"bad_{name}")
        if reading is not None:
            new = select(reading.c.raw).where(reading.c[value.name].is_(None))
            bad = union(new, stored).subquery(f"bad_{name}")
        parts.append(
            select(
                incoming.c.line,
                literal(stage.layout.header_of(name), Text).label("column_name"),
                literal(name, Text).label("value_kind"),
                literal(reasons[name], Text).label("reason"),
                incoming.c.account,
            ).join_from(incoming, bad, incoming.c[name] == bad.c.raw)
        )
    both = union_all(*parts).subquery("bad_contact_points")
    return select(*both.c)


def differs(incoming: Table) -> ColumnElement[bool]:
    """Whether a row of the source says of its customer anything but what is stored."""
    delivered = tuple_(*[incoming.c[name] for name in DELIVERED])
    return delivered.is_distinct_from(tuple_(*DELIVERED.values()))


def _differing(conn: Connection, stage: Stage, matched: TableClause) -> TableClause | None:
    """One row per customer that is new (`customer_id` is NULL) or, in any row, not as stored.

    None where all is as on the day before.
    """
    incoming = stage.incoming
    differing = select(matched.c.customer, matched.c.own_id.label("customer_id")).where(
        or_(matched.c.own_id.is_(None), matched.c.differs)
    )
    if not has_rows(conn, differing):
        return None
    which = keep(conn, "which", differing.distinct())
    lead = (
        select(which.c.customer, which.c.customer_id, *[incoming.c[name] for name in DELIVERED])
        .join_from(incoming, which, which.c.customer == incoming.c.customer)
        .ext(distinct_on(which.c.customer))
        .order_by(which.c.customer, incoming.c.account)
    )
    return keep(conn, "lead", lead)


def _read_new(
    conn: Connection, lead: TableClause, readers: dict[str, Reader], meanwhile: Callable[[], None]
) -> dict[str, Table]:
    """Parse the values that their customers did not have before."""
    batches = {name: _new_values(conn, lead, name) for name in readers}
    first_raws = {name: next(batches[name], ()) for name in readers}
    with ThreadPoolExecutor(1) as parser:
        first = {
            name: parser.submit(_parse, name, first_raws[name], read)
            for name, read in readers.items()
        }
        meanwhile()
        readings = {}
        for name, read in readers.items():
            reading = readings[name] = _readings_of(name)
            reading.create(conn)
            _write(conn, reading, first[name].result())
            for raws in batches[name]:
                _write(conn, reading, _parse(name, raws, read))
            conn.execute(text(f"ANALYZE {reading.name}"))
    return readings


def _new_values(conn: Connection, lead: TableClause, name: str) -> Iterator[Sequence[str]]:
    known = exists().where(
        customer.c.customer_id == lead.c.customer_id, DELIVERED[name] == lead.c[name]
    )
    new = select(lead.c[name]).where(lead.c[name].is_not(None), ~known).distinct()
    found = conn.execute(new, execution_options={"yield_per": _BATCH})
    return iter(found.scalars().partitions())


def _parse(name: str, raws: Sequence[str], read: Reader) -> pa.Table:
    """`raw`, and what was read from it in the columns of READ."""
    columns = list(zip(*[read(raw) for raw in raws], strict=True)) or [()] * len(READ[name])
    parsed = zip(READ[name], columns, strict=True)
    return pa.table(
        {"raw": pa.array(raws, pa.string())}
        | {column.name: pa.array(values, pa.string()) for column, values in parsed}
    )


def _write(conn: Connection, reading: Table, parsed: pa.Table) -> None:
    with copying(conn, reading, parsed.column_names) as copy:
        write(copy, parsed)


@cache
def _readings_of(name: str) -> Table:
    columns = [Column("raw", Text), *[Column(each.name, Text) for each in READ[name]]]
    return Table(f"{name}_read", MetaData(), *columns, prefixes=[PREFIX])


def _fresh(lead: TableClause, readings: dict[str, Table]) -> Select[Any]:
    """The leading rows with what was read from their contact values."""
    columns = [lead.c[name].label(column.name) for name, column in DELIVERED.items()]
    rows = select(lead.c.customer, lead.c.customer_id, *columns)
    for name, reading in readings.items():
        rows = rows.outerjoin(reading, reading.c.raw == lead.c[name]).add_columns(
            *[reading.c[column.name] for column in READ[name]]
        )
    return rows


def _add(
    conn: Connection,
    portfolio_id: int,
    business_date: dt.date,
    lead: TableClause,
    readings: dict[str, Table],
) -> int:
    fresh = _fresh(lead, readings).subquery("fresh")
    read = chain.from_iterable(READ.values())
    values = [fresh.c[column.name] for column in (*DELIVERED.values(), *read)]
    rows = select(
        literal(portfolio_id, SmallInteger),
        fresh.c.customer,
        *values,
        cast(literal(business_date), Date),
    ).where(fresh.c.customer_id.is_(None))
    names = ["portfolio_id", "customer_ref", *[value.name for value in values], "seen_on"]
    unseen = insert(customer).from_select(names, rows)
    return conn.execute(unseen.execution_options(preserve_rowcount=True)).rowcount


def _renewed(
    portfolio_id: int, business_date: dt.date, fresh: Subquery, *, merged: bool
) -> ColumnElement[bool]:
    """What joins `fresh` with the customers that it changes: those whom no newer date delivered.

    Where any were `merged`, a snapshot says of which person a row is, and not by which id it came:
    whoever was delivered by another id counts as delivered, too.
    """
    newer = exists().where(
        snapshot.c.portfolio_id == portfolio_id,
        snapshot.c.business_date > business_date,
    )
    if merged:
        owner = customer.alias("owner")
        newer = newer.where(
            snapshot.c.customer_id == owner.c.customer_id, person_of(owner) == person_of(customer)
        )
    else:
        newer = newer.where(snapshot.c.customer_id == customer.c.customer_id)
    return and_(
        customer.c.customer_id == fresh.c.customer_id,
        customer.c.seen_on <= business_date,
        _differ(fresh, DELIVERED.values()),
        ~newer,
    )


def _differ(fresh: Subquery, columns: Iterable[Column[Any]]) -> ColumnElement[bool]:
    return or_(*[fresh.c[column.name].is_distinct_from(column) for column in columns])


def _count_contacts(conn: Connection, fresh: Subquery, renewed: ColumnElement[bool]) -> int:
    """Customers who would be reached elsewhere. One that comes where none was is no other, and nor
    is one that is written in another way."""
    others = [
        and_(
            DELIVERED[name].is_not(None),
            fresh.c[DELIVERED[name].name].is_distinct_from(DELIVERED[name]),
            fresh.c[READ[name][0].name].is_distinct_from(READ[name][0]),
        )
        for name in ("phone", "email")
    ]
    return conn.execute(
        select(func.count()).select_from(customer).join(fresh, renewed).where(or_(*others))
    ).scalar_one()


def _people(conn: Connection, book: Book, stage: Stage, matched: TableClause, changed: int) -> int:
    """How many customers the file has. Counting them takes long: where few of the rows changed,
    these tell enough, though each customer had many of them."""
    if changed * _ROWS_EACH < stage.rows_read * book.portfolio.gate.max_contacts_changed:
        return stage.rows_read
    people = select(matched.c.customer).distinct().subquery("people")
    return conn.execute(select(func.count()).select_from(people)).scalar_one()


def _renew(
    conn: Connection,
    business_date: dt.date,
    told_since: dt.datetime,
    fresh: Subquery,
    renewed: ColumnElement[bool],
) -> None:
    """Overwrite what changed."""
    # What is used belongs to its raw value: where that stays, so does it, and with it what was told
    # since. What was told of somebody whom no snapshot knew yet stays as well, and what was told
    # after this date had closed: it may have come before this date's snapshot did.
    told_before = customer.c.seen_on == NEVER
    read: dict[str, ColumnElement[Any]] = {}
    for name, columns in READ.items():
        same = DELIVERED[name].is_not_distinct_from(fresh.c[DELIVERED[name].name])
        change = contact_change.c
        newer = exists().where(
            change.customer_id == customer.c.customer_id,
            change.point == name,
            ~change.bad,
            change.value == columns[0],
            change.changed_at >= told_since,
        )
        for column in columns:
            told = or_(and_(told_before, column.is_not(None)), newer)
            read[column.name] = case((or_(same, told), column), else_=fresh.c[column.name])
        changed_on = CHANGED_ON[name]
        read[changed_on.name] = case((or_(same, told_before), changed_on), else_=business_date)
    conn.execute(
        update(customer)
        .where(renewed)
        .values(
            {column.name: fresh.c[column.name] for column in DELIVERED.values()}
            | read
            | {"seen_on": business_date}
        )
    )
