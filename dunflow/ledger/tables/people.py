"""What people say and agree: opt-outs, consents, holds, promises, plans, replies."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
)

from dunflow.ledger.tables.books import account, customer, portfolio
from dunflow.ledger.tables.schema import Instant, metadata, number, one_of

# A phone number or address by which nothing arrives any more.
dead_address = Table(
    "dead_address",
    metadata,
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since_at", Instant, nullable=False),
)

# Binds a customer's channel, or an address whoever uses it. Who says no is bound by two rows, so
# that each can be lifted by whom it belongs to.
opt_out = Table(
    "opt_out",
    metadata,
    number("opt_out_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("channel", Text, nullable=False),
    Column("customer_id", ForeignKey(customer.c.customer_id)),
    Column("address", Text),
    Column("since_at", Instant, nullable=False),  # when we learned of it: it binds from then on
    Column("lifted_at", Instant),
    Column("source", Text, nullable=False),  # who said so, and why
    Column("lifted_source", Text),
    # The one message that says so, by the reference that it goes out with: set before the call, so
    # that there is never a second one.
    Column("confirmation", Text),
    Column("confirmed_at", Instant),  # the provider took it, under this id
    Column("provider_id", Text),
    CheckConstraint("num_nonnulls(customer_id, address) = 1", name="one_bound"),
    Index(
        "uq_opt_out_customer",
        "portfolio_id",
        "channel",
        "customer_id",
        unique=True,
        postgresql_where=text("customer_id IS NOT NULL AND lifted_at IS NULL"),
    ),
    Index(
        "uq_opt_out_address",
        "portfolio_id",
        "channel",
        "address",
        unique=True,
        postgresql_where=text("address IS NOT NULL AND lifted_at IS NULL"),
    ),
)

# What a customer agreed to, on which ground: to be reached at one address, since another may be a
# stranger's. A channel needs it only where a pack says so.
consent = Table(
    "consent",
    metadata,
    number("consent_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("customer_id", ForeignKey(customer.c.customer_id), nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text),  # NULL: for the first one that is known of the customer
    Column("basis", Text, nullable=False),
    Column("given_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("end_recorded_at", Instant),  # when we learnt that it was revoked
    Column("end_source", Text),  # by whom, and why
    Column("recorded_by", Text, nullable=False),
    Column("reason", Text),
    UniqueConstraint("portfolio_id", "customer_id", "channel", "basis", "given_at"),
    Index("ix_consent_unbound", "portfolio_id", postgresql_where=text("address IS NULL")),
)

# Somebody really talked with the customer. Some packs ask for rest after it.
conversation = Table(
    "conversation",
    metadata,
    number("conversation_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("customer_id", ForeignKey(customer.c.customer_id), nullable=False),
    Column("account_id", ForeignKey(account.c.account_id)),  # NULL: about all of them
    Column("held_at", Instant, nullable=False),
    Column("held_on", Date, nullable=False),  # the customer's own calendar date
    Column("recorded_at", Instant, nullable=False),  # binds from then on
    Column("recorded_by", Text, nullable=False),
    UniqueConstraint("portfolio_id", "customer_id", "held_at"),
)

HOLD_KINDS = (
    "dispute",
    "hardship",
    "insolvency",
    "deceased",
    "cease",
    "represented",
    "complaint",
    "vulnerable",
    "manual",
)

hold = Table(
    "hold",
    metadata,
    number("hold_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("account_id", ForeignKey(account.c.account_id)),
    Column("customer_id", ForeignKey(customer.c.customer_id)),
    Column("kind", Text, nullable=False),
    Column("from_at", Instant, nullable=False),
    Column("until_at", Instant),  # exclusive
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("reason", Text),
    Column("released_at", Instant),
    Column("released_by", Text),
    Column("released_because", Text),
    Column("of_customer_id", BigInteger),  # whose the account was when the hold was recorded
    Column("hold_ref", Text),  # whoever delivered it has this name for it: taken in once
    one_of("kind", dict.fromkeys(HOLD_KINDS, "")),
    CheckConstraint("num_nonnulls(account_id, customer_id) = 1", name="one_holder"),
    UniqueConstraint("portfolio_id", "hold_ref"),
    Index(None, "account_id"),
    Index(None, "customer_id"),
)

promise = Table(
    "promise",
    metadata,
    number("promise_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("account_id", ForeignKey(account.c.account_id), nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("currency_told", Boolean, nullable=False, server_default=true()),  # or it is assumed
    Column("promised_on", Date, nullable=False),  # to be paid by the end of this day
    Column("made_at", Instant, nullable=False),  # payments after it count
    Column("recorded_at", Instant, nullable=False),  # binds from then on
    Column("recorded_by", Text, nullable=False),
    Column("reason", Text),
    Column("cancelled_at", Instant),
    Column("cancelled_by", Text),
    Column("cancelled_because", Text),
    Column("promise_ref", Text),
    UniqueConstraint("portfolio_id", "promise_ref"),
    Index("ix_promise_untold", "account_id", postgresql_where=text("NOT currency_told")),
    Index(None, "account_id"),
)

# An agreed repayment plan. Whether it is kept is told by the payments, never written down.
plan = Table(
    "plan",
    metadata,
    number("plan_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("account_id", ForeignKey(account.c.account_id), nullable=False),
    Column("currency", Text, nullable=False),
    Column("currency_told", Boolean, nullable=False, server_default=true()),  # or it is assumed
    Column("grace_days", Integer, nullable=False),
    Column("agreed_at", Instant, nullable=False),  # payments after it count towards it
    Column("recorded_at", Instant, nullable=False),  # binds from then on
    Column("recorded_by", Text, nullable=False),
    Column("reason", Text),
    Column("cancelled_at", Instant),
    Column("cancelled_by", Text),
    Column("cancelled_because", Text),
    Column("plan_ref", Text),
    UniqueConstraint("portfolio_id", "plan_ref"),
    Index("ix_plan_untold", "account_id", postgresql_where=text("NOT currency_told")),
    Index(None, "account_id"),
    # A new agreement takes the place of the one before it.
    Index(
        "uq_plan_standing",
        "account_id",
        unique=True,
        postgresql_where=text("cancelled_at IS NULL"),
    ),
)

instalment = Table(
    "instalment",
    metadata,
    Column("plan_id", ForeignKey(plan.c.plan_id), primary_key=True),
    Column("due_on", Date, primary_key=True),  # to be paid by the end of this day
    Column("amount", Numeric, nullable=False),
    # With all instalments before it: what must have come in by then, in parts or at once.
    Column("total_amount", Numeric, nullable=False),
)

REPLY_STATES = {
    "kept": "what follows was done at once, and nothing is asked of anybody",
    "open": "waits for a person",
    "confirmed": "a person did what was proposed",
    "dismissed": "a person saw it, and nothing followed",
}

# What a customer answered, as it came, and how plain rules read it.
reply = Table(
    "reply",
    metadata,
    number("reply_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("reply_ref", Text, nullable=False),  # the provider's or core's own name for it
    Column("channel", Text, nullable=False),
    Column("address", Text),  # where it came from
    Column("customer_id", ForeignKey(customer.c.customer_id)),  # NULL: nobody or several there
    Column("body", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("proposed_hold", Text),
    Column("proposed_amount", Numeric),
    Column("proposed_on", Date),
    Column("decided_at", Instant),
    Column("decided_by", Text),
    Column("decided_because", Text),
    Column("hold_id", BigInteger),  # what the decision led to
    # The one message that says so, as with an opt-out.
    Column("confirmation", Text),
    Column("confirmed_at", Instant),
    Column("provider_id", Text),
    one_of("state", REPLY_STATES),
    UniqueConstraint("portfolio_id", "reply_ref"),
    Index(None, "customer_id"),
    Index("ix_reply_open", "portfolio_id", postgresql_where=text("state = 'open'")),
    Index(None, "hold_id", postgresql_where=text("hold_id IS NOT NULL")),
)

# A person whose data were erased, and until when the law wants the records of contacting them kept.
erasure = Table(
    "erasure",
    metadata,
    number("erasure_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("customer_id", ForeignKey(customer.c.customer_id), nullable=False),
    Column("erased_at", Instant, nullable=False),
    Column("erased_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("records_until", Date, nullable=False),  # the first day on which nothing asks for them
    Column("records_erased_at", Instant),
    Index(None, "customer_id"),
    Index("ix_erasure_due", "records_until", postgresql_where=text("records_erased_at IS NULL")),
)
