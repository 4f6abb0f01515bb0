"""Writes the demo's core system: a Chinese instalment lender, the same rows for the same seed."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from psycopg import Connection, sql
from sqlalchemy import (
    URL,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    create_engine,
    exists,
    select,
)
from sqlalchemy.pool import NullPool

from dunflow.demo.loans import Instalment, Loan, Repayment, make_loan, make_schedule, pay
from dunflow.demo.people import Customer, make_customer

CONNECTION = "DUNFLOW_DEMO_CORE_URL"
"""The environment variable in which the demo's portfolio looks for the core's URL."""

DATABASE = "demo_core"
CUSTOMERS = 2600
LOANS = 3000

_core = MetaData()

customer = Table(
    "customer",
    _core,
    Column("customer_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("mobile", Text),
    Column("email", Text),
    Column("address", Text),
    Column("segment", Text, nullable=False),
)
loan = Table(
    "loan",
    _core,
    Column("loan_id", Text, primary_key=True),
    Column("customer_id", ForeignKey(customer.c.customer_id), nullable=False),
    Column("product", Text, nullable=False),
    Column("principal", Numeric(14, 2), nullable=False),
    Column("currency", Text, nullable=False),
    Column("disbursed_on", Date, nullable=False),
)
instalment = Table(
    "instalment",
    _core,
    Column("loan_id", ForeignKey(loan.c.loan_id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("due_on", Date, nullable=False),
    Column("amount", Numeric(14, 2), nullable=False),
)
repayment = Table(
    "repayment",
    _core,
    Column("loan_id", ForeignKey(loan.c.loan_id), nullable=False),
    Column("booked_at", DateTime(timezone=True), nullable=False),
    Column("amount", Numeric(14, 2), CheckConstraint("amount > 0"), nullable=False),
    Index("repayment_by_loan", "loan_id", "booked_at"),
)


@dataclass(frozen=True)
class Lender:
    """Everything that the core holds, in the order in which it was made up."""

    customers: list[Customer]
    loans: list[Loan]
    instalments: list[Instalment]
    repayments: list[Repayment]


def imagine(seed: int, last_business_date: dt.date) -> Lender:
    """The lender as it stands at the close of `last_business_date`."""
    draw = Random(seed)  # noqa: S311 - the same rows each time are the point
    customers = [make_customer(number, draw) for number in range(1, CUSTOMERS + 1)]
    second_loans = draw.sample(customers, LOANS - CUSTOMERS)
    lender = Lender(customers, [], [], [])
    for number, owner in enumerate([*customers, *second_loans], start=1):
        made = make_loan(number, owner.customer_id, last_business_date, draw)
        schedule = make_schedule(made, draw)
        lender.loans.append(made)
        lender.instalments.extend(schedule)
        lender.repayments.extend(pay(schedule, last_business_date, draw))
    return lender


def make_lender(url: URL, seed: int, last_business_date: dt.date) -> Lender:
    """Fill the database at `url` with the lender; whatever lender it held before is replaced."""
    lender = imagine(seed, last_business_date)
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    with engine.begin() as conn:
        _core.drop_all(conn)
        _core.create_all(conn)
        driver = conn.connection.driver_connection
        assert isinstance(driver, Connection)
        _copy(driver, customer, lender.customers)
        _copy(driver, loan, lender.loans)
        _copy(driver, instalment, lender.instalments)
        _copy(driver, repayment, lender.repayments)
    return lender


def book_repayments(url: URL, repayments: Sequence[Repayment]) -> None:
    """Add to the core what was paid later; once, however often it is asked for."""
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    with engine.begin() as conn:
        for each in repayments:
            same = [repayment.c[name] == value for name, value in each._asdict().items()]
            if not conn.execute(select(exists().where(*same))).scalar_one():
                conn.execute(repayment.insert().values(each._asdict()))
    engine.dispose()


def _copy(conn: Connection[Any], table: Table, rows: Sequence[NamedTuple]) -> None:
    """The fields of a row are named and ordered as the columns of its table."""
    statement = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table.name))
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
