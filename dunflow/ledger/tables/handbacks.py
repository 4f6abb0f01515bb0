"""What receivers of placements tell: rows of their files, each once."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from dunflow.ledger.tables.books import portfolio
from dunflow.ledger.tables.schema import Instant, metadata, number, one_of

HANDBACK_KINDS = {
    "accepted": "the receiver took the account on",
    "refused": "the receiver turned it down",
    "payment": "the customer paid the receiver; negative: that was taken back",
    "remittance": "the receiver paid us, and kept its commission",
    "contact": "the receiver tried to reach the customer",
    "hold": "the receiver learned of a reason not to contact",
    "returned": "the receiver gave it back",
    "closed": "the receiver is done with it",
}

# A row of a receiver's file. Which effect it had on the placement stands in its events.
handback = Table(
    "handback",
    metadata,
    number("handback_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("destination", Text, nullable=False),
    Column("handback_ref", Text, nullable=False),  # the receiver's own name for it
    Column("kind", Text, nullable=False),
    Column("placement_id", BigInteger),  # NULL: a remittance
    Column("happened_at", Instant, nullable=False),
    Column("amount", Numeric),
    Column("currency", Text),
    Column("commission_amount", Numeric),
    Column("remittance_ref", Text),  # of a payment: with which remittance it came
    Column("channel", Text),  # of a contact
    Column("result", Text),  # of a contact, or the kind of a hold
    Column("reason", Text),  # a code, never words about a person
    Column("file", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("told_by", Text, nullable=False),
    one_of("kind", HANDBACK_KINDS),
    UniqueConstraint("portfolio_id", "destination", "handback_ref"),
    Index(None, "placement_id"),
)

# A row of a receiver's file that could not be taken in: where and why, never what it says.
handback_reject = Table(
    "handback_reject",
    metadata,
    Column("portfolio_id", SmallInteger, primary_key=True),
    Column("destination", Text, primary_key=True),
    Column("file", Text, primary_key=True),
    Column("content", Text, primary_key=True),  # its hash: some call their files the same every day
    Column("line", Integer, primary_key=True),
    Column("column_name", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("handback_ref", Text),  # where it could be read: mended once a row with it was taken in
    Column("received_at", Instant, nullable=False),
    Column("told_by", Text, nullable=False),
)
