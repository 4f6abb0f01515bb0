"""What the lender's systems delivered: loads, snapshot rows, quarantine, payments and credits."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from dunflow.ledger.tables.books import account, customer, portfolio
from dunflow.ledger.tables.schema import Instant, metadata, number, one_of

# What was pulled for a business date, and whether it is trusted.
load = Table(
    "load",
    metadata,
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), primary_key=True),
    Column("business_date", Date, primary_key=True),
    Column("as_of_at", Instant, nullable=False),  # rows are as of this instant
    Column("loaded_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("rows_read", Integer, nullable=False),
    Column("accounts", Integer, nullable=False),  # overdue ones (DPD ≥ 1)
    Column("customers", Integer, nullable=False),  # of the overdue accounts
    Column("overdue", JSONB, nullable=False),  # currency → amount as text
    Column("quarantined", Integer, nullable=False),  # rows
    Column("columns", ARRAY(Text)),  # which of ours the rows had; NULL: it was not written down
    # Customers whose phone or email is another one than before, and of how many.
    Column("contacts_changed", Integer, nullable=False, server_default=text("0")),
    Column("contacts_of", Integer, nullable=False, server_default=text("0")),
    Column("gate", JSONB),  # what the gate saw and allowed
    Column("stopped", JSONB),  # what the breaker saw and allowed, where it stopped the date
    # `loaded_at` of the rows by which the episodes go; NULL: they don't count the date.
    Column("assessed_load_at", Instant),
    one_of(
        "state",
        {
            "loaded": "rows are there, the gate has not spoken",
            "accepted": "trusted, by the gate or by a person",
            "refused": "the gate stopped the run, or the breaker did",
            "gap": "the source kept nothing of that date",
        },
    ),
)

acceptance = Table(
    "acceptance",
    metadata,
    number("acceptance_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("business_date", Date, nullable=False),
    Column("reason", Text, nullable=False),
    Column("accepted_by", Text, nullable=False),
    Column("accepted_at", Instant, nullable=False),
    # What the person saw, of the gate or of the breaker.
    Column("findings", JSONB, nullable=False, server_default=text("'[]'")),
)

# A row that could not be read. Says where and of what kind, never the value itself.
quarantine = Table(
    "quarantine",
    metadata,
    number("quarantine_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("business_date", Date, nullable=False),
    Column("line", Integer, nullable=False),  # 1 is the first row below the header; 0: no row
    Column("column_name", Text, nullable=False),
    Column("value_kind", Text, nullable=False),  # what it looks like: empty, text, number, …
    Column("reason", Text, nullable=False),
    Column("account_id", ForeignKey(account.c.account_id)),  # NULL where not even this was read
    # A bad contact point rejects only itself; the account is loaded all the same.
    Column("rejects_account", Boolean, nullable=False),
    Index(None, "portfolio_id", "business_date", "account_id"),
)

# One partition per portfolio and business date (see partitions.py).
snapshot = Table(
    "snapshot",
    metadata,
    Column("portfolio_id", SmallInteger, primary_key=True),
    Column("business_date", Date, primary_key=True),
    Column("account_id", BigInteger, primary_key=True),
    Column("customer_id", BigInteger, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("overdue_amount", Numeric, nullable=False),
    Column("balance_amount", Numeric),
    Column("currency", Text, nullable=False),
    Column("product", Text),
    Column("segment", Text),
    Column("instalments_overdue", Integer),
    Column("last_payment_on", Date),
    Column("attributes", JSONB),
    postgresql_partition_by="RANGE (portfolio_id, business_date)",
)

# What the payment feed delivered; each payment once, whatever is delivered again.
payment = Table(
    "payment",
    metadata,
    number("payment_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("payment_ref", Text, nullable=False),
    Column("account_id", ForeignKey(account.c.account_id), nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("currency_told", Boolean, nullable=False, server_default=true()),  # or it is assumed
    Column("booked_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),  # when we learnt of it
    UniqueConstraint("portfolio_id", "payment_ref"),
    Index("ix_payment_untold", "account_id", postgresql_where=text("NOT currency_told")),
    Index(None, "account_id", "booked_at"),
)

# Money of a customer that is not yet applied to any account.
credit = Table(
    "credit",
    metadata,
    number("credit_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("credit_ref", Text, nullable=False),
    Column("customer_id", ForeignKey(customer.c.customer_id), nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("booked_at", Instant, nullable=False),
    Column("cancelled", Boolean, nullable=False, server_default=text("false")),
    Column("changed_at", Instant, nullable=False),  # of several tellings the newest holds
    UniqueConstraint("portfolio_id", "credit_ref"),
    Index(None, "customer_id"),
)
