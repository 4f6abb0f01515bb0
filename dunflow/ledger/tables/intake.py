"""What feeds brought between two snapshots: which files, which rows of no use, what was changed."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from dunflow.ledger.tables.books import customer, portfolio
from dunflow.ledger.tables.schema import Instant, metadata, number, one_of

# What was last taken in of a file or of a query, so that the same is not read again for nothing.
delivery = Table(
    "delivery",
    metadata,
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("origin", Text, primary_key=True),  # the file, or the query
    Column("mark", Text),  # of a file: changes whenever it does
    Column("until_at", Instant, nullable=False),  # what a query was asked up to
    Column("taken_at", Instant, nullable=False),
    Column("taken_by", Text, nullable=False),
    Column("rows_read", Integer, nullable=False),
    Column("new", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
)

# A row that could not be taken in: where it stands and why, never the value itself.
reject = Table(
    "reject",
    metadata,
    number("reject_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("kind", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("place", Text, nullable=False),  # the line of a file; the row's own id in a query
    Column("column_name", Text, nullable=False),
    Column("value_kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("row_key", Text),  # the row's own id, where it could be read
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("mended_at", Instant),  # a good row with this id came
    UniqueConstraint("portfolio_id", "kind", "origin", "place", "column_name"),
    Index("ix_reject_open", "portfolio_id", "kind", postgresql_where=text("mended_at IS NULL")),
)

# Rows that were taken in and keep their id nowhere else.
taken_row = Table(
    "taken_row",
    metadata,
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("taken_at", Instant, nullable=False),
)

POINTS = {
    "phone": "for sms, voice and call",
    "email": "for email",
    "address": "for letter and visit",
}

# What somebody told about a contact point; the newest of a customer's point holds, until the source
# delivers another value.
contact_change = Table(
    "contact_change",
    metadata,
    number("contact_change_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("change_ref", Text, nullable=False),
    Column("customer_id", ForeignKey(customer.c.customer_id), nullable=False),
    Column("point", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("bad", Boolean, nullable=False),  # nothing arrives there
    Column("changed_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("reason", Text),
    one_of("point", POINTS),
    UniqueConstraint("portfolio_id", "change_ref"),
    Index(None, "customer_id", "point"),
)

# Two ids of the lender's that are one person, since when and by whose word.
merger = Table(
    "merger",
    metadata,
    number("merger_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("into_id", BigInteger, nullable=False),
    Column("merged_at", Instant, nullable=False),
    Column("merged_by", Text, nullable=False),
    Column("reason", Text),
    UniqueConstraint("portfolio_id", "customer_id", "into_id"),
)
