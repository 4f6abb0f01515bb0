"""What a package says of each account: only what is on the allow-list, in the portfolio's terms."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Integer,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    select,
)

from dunflow.assess.ladder_rows import days_past_due
from dunflow.assess.progress import local_day
from dunflow.config.book import Book
from dunflow.config.destination import LEGAL_FIELDS
from dunflow.ledger.tables import account, customer, package_line, placement, snapshot
from dunflow.place.lines import Package

CHUNK = 5_000
"""Rows in memory at a time."""

Value = str | Decimal | dt.date | int | None
RECALL_FIELDS = ("placement", "account", "amount", "currency", "recalled_on", "why")
BALANCE_FIELDS = ("placement", "account", "amount", "currency", "as_of")


def fields_of(book: Book, package: Package) -> list[str]:
    """The columns of a package, in their order."""
    if package.kind == "recall":
        return list(RECALL_FIELDS)
    if package.kind == "balance":
        return list(BALANCE_FIELDS)
    configured = book.portfolio.destination(package.destination).fields
    return [name for name in configured if book.floor.may_leave(name)]


def rows(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    package: Package,
    fields: list[str],
    only: list[int] | None = None,
) -> Iterator[tuple[Value, ...]]:
    """The package's rows in the order of account ids, read in chunks. Personal data.

    `only`: those of these placements.
    """
    known = _columns(book, package)
    there = and_(
        snapshot.c.portfolio_id == portfolio_id,
        snapshot.c.business_date == package.business_date,
        snapshot.c.account_id == placement.c.account_id,
    )
    query = (
        select(*[known[name].label(name) for name in fields])
        .select_from(package_line)
        .join(placement, placement.c.placement_id == package_line.c.placement_id)
        .join(account, account.c.account_id == placement.c.account_id)
        .outerjoin(snapshot, there)
        .outerjoin(customer, customer.c.customer_id == snapshot.c.customer_id)
        .where(package_line.c.package_id == package.package_id)
        .order_by(account.c.account_ref)
    )
    if only is not None:
        query = query.where(package_line.c.placement_id.in_(only))
    streamed = conn.execute(query, execution_options={"yield_per": CHUNK})
    for part in streamed.partitions():
        for row in part:
            yield tuple(row)


def _columns(book: Book, package: Package) -> dict[str, ColumnElement[Any]]:
    s, p = snapshot.c, placement.c
    columns: dict[str, ColumnElement[Any]] = {
        "placement": cast(p.placement_id, Text),
        "account": account.c.account_ref,
        "customer": customer.c.customer_ref,
        "name": customer.c.name,
        "phone": customer.c.phone,
        "email": customer.c.email,
        "address": customer.c.address,
        "language": func.coalesce(customer.c.language, book.portfolio.language),
        "amount": package_line.c.amount,
        "currency": package_line.c.currency,
        "balance": s.balance_amount,
        "due_on": s.due_on,
        "dpd": cast(days_past_due(package.business_date, s.due_on), Integer),
        "product": s.product,
        "segment": s.segment,
        "last_contact_on": local_day(book, account.c.last_contact_at),
        "as_of": literal(package.business_date, Date),
        **{name: s.attributes[name].astext for name in LEGAL_FIELDS},
        "recalled_on": local_day(book, p.ended_at),
        # Why in full (a hardship, an illness) is nobody's business but the lender's.
        "why": case(
            (p.reason.in_(("settled", "credit_covers")), literal("paid", Text)),
            (p.reason.like("hold.%"), literal("held", Text)),
            else_=literal("withdrawn", Text),
        ),
    }
    return columns
