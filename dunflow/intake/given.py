"""Rows of a feed on their way into the ledger: checked, named, and under the ledger's numbers."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    MetaData,
    Select,
    SmallInteger,
    Table,
    TableClause,
    Text,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    literal,
    select,
    true,
)
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.postgresql import distinct_on, insert

from dunflow.config.book import Book
from dunflow.config.feeds import KINDS
from dunflow.intake.rules import Rule, rules_of
from dunflow.ledger.loads import newest_accepted
from dunflow.ledger.owners import last_currency, last_owner, person_of
from dunflow.ledger.points import point_for
from dunflow.ledger.scratch import PREFIX, keep
from dunflow.ledger.tables import NEVER, account, customer, snapshot, taken_row
from dunflow.money import CURRENCIES, decimals_of
from dunflow.snapshot.contact_points import read_email, read_phone
from dunflow.snapshot.stage import Stage, copying, write

BATCH = 20_000
USUAL_DECIMALS = 2


@dataclass(frozen=True)
class Given:
    """What is to be taken in. `rows`: `line`, `ref`, and the columns of the kind, where accounts
    and customers are numbers, contact values are as they are used, and no currency is missing;
    `said_currency` is the one that the row itself says."""

    conn: Connection
    book: Book
    portfolio_id: int
    stage: Stage
    rows: TableClause
    newest: dt.date | None
    now: dt.datetime
    by: str
    unseen: int
    """Accounts among them that no snapshot has brought, and nothing else before."""

    @property
    def portfolio(self) -> ColumnElement[int]:
        return literal(self.portfolio_id, SmallInteger)

    def fresh(self, kind: str) -> TableClause:
        """The rows that were never taken in before; from now on they were."""
        r, row = self.rows.c, taken_row.c
        known = exists().where(
            row.portfolio_id == self.portfolio_id, row.kind == kind, row.ref == r.ref
        )
        new = select(self.rows).ext(distinct_on(r.ref)).where(~known).order_by(r.ref, r.line)
        fresh = keep(self.conn, "fresh", new)
        marked = select(self.portfolio, literal(kind, Text), fresh.c.ref, literal(self.now))
        self.conn.execute(insert(taken_row).from_select([c.name for c in row], marked))
        return fresh

    def reject(self, which: ColumnElement[bool], column: str, reason: str) -> None:
        """Turn down rows that contradict what is known; `which` is about `rows`."""
        lines = select(self.rows.c.line).where(which)
        _reject(self.conn, self.stage, Rule(self.stage.incoming.c.line.in_(lines), column, reason))


def give(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    kind: str,
    stage: Stage,
    now: dt.datetime,
    by: str,
) -> Given:
    """Judge the staged rows by the rules of their kind, and number the good ones."""
    newest = newest_accepted(conn, portfolio_id)
    if "amount" in KINDS[kind]:
        # First, as a plan is turned down whole where a row of it was.
        _reject(conn, stage, _too_fine(book, portfolio_id, kind, stage, newest))
    if kind in ("promises", "plans"):
        _reject(conn, stage, _of_another_currency(portfolio_id, kind, stage, newest))
    for rule in rules_of(kind, book, stage.incoming, stage.rejected):
        _reject(conn, stage, rule)
    reading = _read_points(conn, book, kind, stage)
    unseen = _ensure(conn, portfolio_id, stage.incoming, KINDS[kind])
    rows = keep(conn, "given", _numbered(book, portfolio_id, kind, stage, reading, newest))
    return Given(conn, book, portfolio_id, stage, rows, newest, now, by, unseen)


def _reject(conn: Connection, stage: Stage, rule: Rule) -> None:
    incoming, rejected = stage.incoming, stage.rejected
    told = select(
        incoming.c.line,
        literal(stage.layout.header_of(rule.column), Text),
        literal("row", Text),
        literal(rule.reason, Text),
        incoming.c[stage.layout.key],
        true(),
    ).where(rule.broken)
    names = [column.name for column in rejected.c]
    conn.execute(plain_insert(rejected).from_select(names, told))
    conn.execute(delete(incoming).where(incoming.c.line.in_(select(rejected.c.line))))


def _too_fine(
    book: Book, portfolio_id: int, kind: str, stage: Stage, newest: dt.date | None
) -> Rule:
    """Where a row names no currency, only its account tells how many decimals there may be."""
    i = stage.incoming.alias("i")
    tables, currency = _beside_accounts(portfolio_id, kind, i, newest)
    known = func.coalesce(i.c.currency, currency, literal(book.portfolio.currency, Text))
    decimals = {code: decimals_of(code) for code in CURRENCIES}
    others = {code: count for code, count in decimals.items() if count != USUAL_DECIMALS}
    kept = case(others, value=known, else_=USUAL_DECIMALS)
    fine = select(i.c.line).select_from(tables).where(i.c.amount != func.round(i.c.amount, kept))
    broken = stage.incoming.c.line.in_(fine)
    return Rule(broken, "amount", "has more decimals than its currency")


def _of_another_currency(
    portfolio_id: int, kind: str, stage: Stage, newest: dt.date | None
) -> Rule:
    """Payments of another currency count for no promise, so nobody could keep it."""
    i = stage.incoming.alias("i")
    tables, currency = _beside_accounts(portfolio_id, kind, i, newest)
    other = select(i.c.line).select_from(tables).where(i.c.currency != currency)
    broken = stage.incoming.c.line.in_(other)
    return Rule(broken, "currency", "is not the one that its account owes")


def _beside_accounts(
    portfolio_id: int, kind: str, rows: FromClause, newest: dt.date | None
) -> tuple[FromClause, ColumnElement[str | None]]:
    """The rows beside their accounts and the newest snapshot of these, and what they owe in."""
    if "account" not in KINDS[kind]:
        return rows, literal(None, Text)
    ours = and_(account.c.portfolio_id == portfolio_id, account.c.account_ref == rows.c.account)
    here = and_(
        snapshot.c.portfolio_id == portfolio_id,
        snapshot.c.business_date == newest,
        snapshot.c.account_id == account.c.account_id,
    )
    # One that is paid by now, or could not be read, is in no newest snapshot.
    owed_in = last_currency(portfolio_id, account.c.account_id).correlate(account)
    tables = rows.outerjoin(account, ours).outerjoin(snapshot, here)
    return tables, func.coalesce(snapshot.c.currency, owed_in.scalar_subquery())


_point = Table(
    "point_read",
    MetaData(),
    Column("point", Text),
    Column("raw", Text),
    Column("value", Text),
    prefixes=[PREFIX],
)


def _read_points(conn: Connection, book: Book, kind: str, stage: Stage) -> Table | None:
    """Read contact values as a snapshot does; those that are of no use turn their rows down."""
    incoming = stage.incoming
    name = next((each for each in ("value", "address") if each in KINDS[kind]), None)
    if name is None:
        return None
    given = incoming.c.point if kind == "contact_points" else point_for(incoming.c.channel)
    _point.create(conn)
    said = select(given.label("point"), incoming.c[name]).where(incoming.c[name].is_not(None))
    found = conn.execute(said.distinct(), execution_options={"yield_per": BATCH})
    readers: dict[str, Callable[[str], str | None]] = {
        "phone": partial(read_phone, region=book.portfolio.region),
        "email": read_email,
        "address": str,
    }
    for some in found.partitions():
        columns = zip(*[(point, raw, readers[point](raw)) for point, raw in some], strict=True)
        read = [pa.array(each, pa.string()) for each in columns]
        with copying(conn, _point, _point.c.keys()) as copy:
            write(copy, pa.table(read, _point.c.keys()))
    useless = exists().where(
        _point.c.point == given, _point.c.raw == incoming.c[name], _point.c.value.is_(None)
    )
    _reject(conn, stage, Rule(useless, name, "is no valid phone number or email address"))
    return _point


def _ensure(
    conn: Connection, portfolio_id: int, incoming: Table, columns: Mapping[str, bool]
) -> int:
    """Number the accounts and customers that no snapshot has brought yet; how many accounts."""
    number, unseen = literal(portfolio_id, SmallInteger), 0
    if "account" in columns:
        new = select(number, incoming.c.account).where(incoming.c.account.is_not(None)).distinct()
        rows = insert(account).from_select(
            ["portfolio_id", "account_ref"],
            new.where(~_known(portfolio_id, account, account.c.account_ref, incoming.c.account)),
        )
        numbered = rows.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
        unseen = conn.execute(numbered).rowcount
    for name in ("customer", "into"):
        if name not in columns:
            continue
        ref = incoming.c[name]
        new_people = select(number, ref, literal(NEVER)).where(ref.is_not(None)).distinct()
        people = insert(customer).from_select(
            ["portfolio_id", "customer_ref", "seen_on"],
            new_people.where(~_known(portfolio_id, customer, customer.c.customer_ref, ref)),
        )
        conn.execute(people.on_conflict_do_nothing())
    return unseen


def _known(
    portfolio_id: int, table: Table, ref: Column[str], given: ColumnElement[str]
) -> ColumnElement[bool]:
    return exists().where(table.c.portfolio_id == portfolio_id, ref == given)


def _numbered(
    book: Book,
    portfolio_id: int,
    kind: str,
    stage: Stage,
    reading: Table | None,
    newest: dt.date | None,
) -> Select[Any]:
    i, columns = stage.incoming, KINDS[kind]
    tables, currency = _beside_accounts(portfolio_id, kind, i, newest)
    numbers: dict[str, ColumnElement[Any]] = {}
    for name in ("customer", "into"):
        if name in columns:
            person = customer.alias(f"{name}_row")
            ours = and_(person.c.portfolio_id == portfolio_id, person.c.customer_ref == i.c[name])
            tables = tables.outerjoin(person, ours)
            numbers[name] = person_of(person)
    if "account" in columns:
        numbers["account"] = account.c.account_id
        before = last_owner(portfolio_id, account.c.account_id).correlate(account)
        numbers["owner"] = func.coalesce(snapshot.c.customer_id, before.scalar_subquery())
    if "currency" in columns:
        known = func.coalesce(i.c.currency, currency)
        numbers["currency"] = func.coalesce(known, literal(book.portfolio.currency, Text))
        numbers["currency_told"] = known.is_not(None)
        numbers["said_currency"] = i.c.currency
    if reading is not None:
        name = "value" if "value" in columns else "address"
        point = i.c.point if kind == "contact_points" else point_for(i.c.channel)
        tables = tables.outerjoin(
            reading, and_(reading.c.point == point, reading.c.raw == i.c[name])
        )
        numbers[name] = reading.c.value
    rest = [i.c[name] for name in columns if name not in numbers and name != "ref"]
    return select(
        i.c.line,
        _ref(i, columns, _home_of(book, stage)).label("ref"),
        *rest,
        *[value.label(name) for name, value in numbers.items()],
    ).select_from(tables)


def _home_of(book: Book, stage: Stage) -> str | None:
    """The portfolio's currency, where the rows have a column for theirs."""
    named = any(field.name == "currency" for field in stage.layout.fields)
    return book.portfolio.currency if named else None


def _ref(incoming: Table, columns: Mapping[str, bool], home: str | None) -> ColumnElement[str]:
    """The row's own id; without one, a fingerprint of all that it says.

    Of several that say the same the second is another row: two equal payments are two.
    """
    said = [_said(incoming, name, home) for name in columns if name != "ref"]
    mark = func.encode(func.sha256(func.convert_to(cast(func.row(*said), Text), "UTF8")), "hex")
    nth = func.row_number().over(partition_by=said, order_by=incoming.c.line)
    fingerprint = literal("#", Text) + mark + literal(".", Text) + cast(nth, Text)
    if "ref" not in columns:
        return fingerprint
    return case((incoming.c.ref.is_not(None), incoming.c.ref), else_=fingerprint)


def _said(incoming: Table, name: str, home: str | None) -> ColumnElement[Any]:
    """What a row says, as fingerprints have always had it: an empty currency as the portfolio's.
    Else what was taken in before would come again under another name."""
    if name == "currency" and home is not None:
        return func.coalesce(incoming.c.currency, literal(home, Text))
    return incoming.c[name]
