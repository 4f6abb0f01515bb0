"""Who owes what to whom: portfolios, accounts and customers under their numbers."""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from dunflow.ledger.tables.schema import Instant, metadata, number

portfolio = Table(
    "portfolio",
    metadata,
    Column("portfolio_id", SmallInteger, Identity(always=False), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

account = Table(
    "account",
    metadata,
    number("account_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("account_ref", Text, nullable=False),
    # When a contact that named this account was last accepted by a provider: the gap counts on.
    Column("last_contact_at", Instant),
    UniqueConstraint("portfolio_id", "account_ref"),
    postgresql_with={"fillfactor": 85},
)

NEVER = dt.date.min
"""When a customer was seen whom no snapshot delivered yet: any snapshot is newer."""

# One row per customer with the contact points as last seen: raw as the source delivered them, and
# as they are used, which is what was read from that or told since (contact_change).
customer = Table(
    "customer",
    metadata,
    number("customer_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("customer_ref", Text, nullable=False),
    Column("name", Text),
    Column("phone_raw", Text),
    Column("phone", Text),  # E.164, or NULL where the raw value is no valid number
    Column("email_raw", Text),
    Column("email", Text),
    Column("address_raw", Text),
    Column("address", Text),
    Column("language", Text),
    Column("time_zone", Text),  # as the lender says
    Column("phone_zones", Text),  # as the number says: names with blanks between, mostly one
    Column("address_zones", Text),
    Column("seen_on", Date, nullable=False),  # the business date that these values are of
    # The business date for which the source delivered another raw value than before, if ever.
    Column("phone_changed_on", Date),
    Column("email_changed_on", Date),
    Column("address_changed_on", Date),
    # Another id of the same person, whose number the snapshots and all that follows carry.
    Column("merged_into", BigInteger),
    UniqueConstraint("portfolio_id", "customer_ref"),
    # Whom a reply is from: asked for each one. By hash, which costs a first load of a million the
    # least; later ones change few of them.
    Index("ix_customer_phone", "phone", postgresql_using="hash"),
    Index("ix_customer_email", "email", postgresql_using="hash"),
    Index(None, "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
    postgresql_with={"fillfactor": 85},
)
