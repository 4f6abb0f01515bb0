"""The ledger's tables: all of the pipeline's own state.

Inside the ledger accounts and customers are numbers; what the source calls them stands once, as
text, in `account_ref` and `customer_ref`. Personal data stand in the columns of `PERSONAL` and
nowhere else.

Tables that a day fills by the hundred thousand (contacts, episodes, placements, and the partitions)
have no foreign keys: the server would look each number up once more, one by one, though they all
come out of joins with the very tables that they point to. `dunflow audit` asks that question once,
for all rows together.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

Instant = DateTime(timezone=True)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, Identity(always=False), primary_key=True)


def _one_of(column: str, values: dict[str, str]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


portfolio = Table(
    "portfolio",
    metadata,
    Column("portfolio_id", SmallInteger, Identity(always=False), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

account = Table(
    "account",
    metadata,
    _number("account_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("account_ref", Text, nullable=False),
    # When a contact that named this account was last accepted by a provider: the gap counts on.
    Column("last_contact_at", Instant),
    UniqueConstraint("portfolio_id", "account_ref"),
    postgresql_with={"fillfactor": 85},
)

# One row per customer with the contact points as last seen, raw (as delivered) and as read.
customer = Table(
    "customer",
    metadata,
    _number("customer_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("customer_ref", Text, nullable=False),
    Column("name", Text),
    Column("phone_raw", Text),
    Column("phone", Text),  # E.164, or NULL where the raw value is no valid number
    Column("email_raw", Text),
    Column("email", Text),
    Column("address", Text),
    Column("language", Text),
    Column("time_zone", Text),
    Column("seen_on", Date, nullable=False),  # the business date that these values are of
    UniqueConstraint("portfolio_id", "customer_ref"),
    postgresql_with={"fillfactor": 85},
)

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
    Column("gate", JSONB),  # what the gate saw and allowed
    _one_of(
        "state",
        {
            "loaded": "rows are there, the gate has not spoken",
            "accepted": "trusted, by the gate or by a person",
            "refused": "the gate stopped the run",
            "gap": "the source kept nothing of that date",
        },
    ),
)

acceptance = Table(
    "acceptance",
    metadata,
    _number("acceptance_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("business_date", Date, nullable=False),
    Column("reason", Text, nullable=False),
    Column("accepted_by", Text, nullable=False),
    Column("accepted_at", Instant, nullable=False),
)

# A row that could not be read. Says where and of what kind, never the value itself.
quarantine = Table(
    "quarantine",
    metadata,
    _number("quarantine_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("business_date", Date, nullable=False),
    Column("line", Integer, nullable=False),  # 1 is the first row below the header
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

# An unbroken stretch on the ladder: [started_on, ended_on). Never updated on an ordinary day.
episode = Table(
    "episode",
    metadata,
    _number("episode_id"),
    Column("portfolio_id", SmallInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("started_on", Date, nullable=False),
    Column("ended_on", Date),  # the first business date on which it was off the ladder
    Column("highest_tier", Text),
    # step → [times done, failures of the next repetition, day of the last one]; see progress.py
    Column("progress", JSONB),
    Index("uq_episode_open", "account_id", unique=True, postgresql_where=text("ended_on IS NULL")),
    Index(None, "account_id", "started_on"),
    postgresql_with={"fillfactor": 80},
)

policy_version = Table(
    "policy_version",
    metadata,
    _number("policy_version_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("first_used_at", Instant, nullable=False),
    UniqueConstraint("portfolio_id", "fingerprint"),
)

run = Table(
    "run",
    metadata,
    _number("run_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("business_date", Date, nullable=False),
    Column("policy_version_id", ForeignKey(policy_version.c.policy_version_id), nullable=False),
    Column("decided_at", Instant, nullable=False),  # the run's own "now"
    Column("late", Boolean, nullable=False),
    Column("decided", JSONB, nullable=False),  # action → count of the rows that this run wrote
    Column("planned", Integer, nullable=False),  # contacts
    Index(None, "portfolio_id", "business_date"),
)

ACTIONS = {
    "send": "a contact was planned, or the customer's other contact covers it",
    "hand_off": "proposed for placement",
    "suppress": "a step was due, and a guard spoke",
    "wait": "nothing is due, or nothing is to be collected",
    "missed": "would have been due, but the run was late",
    "cured": "left the ladder",
}


def _decision_columns() -> tuple[Column[Any], ...]:
    return (
        Column("customer_id", BigInteger),
        Column("episode_id", BigInteger),
        Column("run_id", BigInteger, nullable=False),
        Column("action", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("tier", Text),
        Column("step", Text),
        Column("dpd", Integer),
        Column("overdue_amount", Numeric),  # as decided on: the snapshot less what was paid since
        Column("currency", Text),
        Column("channel", Text),
        Column("not_before_at", Instant),
    )


# One partition per portfolio and business date. One row per account and date.
decision = Table(
    "decision",
    metadata,
    Column("portfolio_id", SmallInteger, primary_key=True),
    Column("business_date", Date, primary_key=True),
    Column("account_id", BigInteger, primary_key=True),
    *_decision_columns(),
    _one_of("action", ACTIONS),
    postgresql_partition_by="RANGE (portfolio_id, business_date)",
)

# Rows that a punctual re-run replaced.
decision_replaced = Table(
    "decision_replaced",
    metadata,
    _number("decision_replaced_id"),
    Column("portfolio_id", SmallInteger, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    *_decision_columns(),
    Column("replaced_by_run_id", BigInteger, nullable=False),
    Index(None, "account_id", "business_date"),
)

CONTACT_STATES = {
    "planned": "waits for its hour",
    "claimed": "a worker holds it under a lease and may be calling the provider",
    "in_doubt": "the provider may have it: ask, never send blindly",
    "parked": "the provider can't say: a person decides",
    "accepted": "the provider took it (printed, listed, ordered)",
    "delivered": "it arrived",
    "undelivered": "it was taken and did not arrive",
    "cancelled": "a guard spoke at the moment of sending",
    "expired": "the next date's run decides anew",
    "failed": "the provider refused it",
}
ALIVE = ("planned", "claimed", "in_doubt", "parked")
IN_FLIGHT = ("claimed", "in_doubt", "parked")
DONE = ("accepted", "delivered")
ACTUAL = ("accepted", "delivered", "undelivered")
COUNTED = (*IN_FLIGHT, *ACTUAL)

contact = Table(
    "contact",
    metadata,
    _number("contact_id"),
    Column("portfolio_id", SmallInteger, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),  # the one that leads
    # A short random mark that goes out with the message, by which the provider is asked later.
    Column("reference", Text, nullable=False, unique=True),
    Column("step", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("severity", Integer, nullable=False),  # the tier's rank; claims take the highest first
    Column("amount", Numeric, nullable=False),  # the leader's; as sent once it was claimed
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("not_before_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),  # claims
    Column("lease_until_at", Instant),
    Column("claimed_at", Instant),
    # When the provider is asked next: in doubt, whether it has this; accepted, whether it arrived.
    Column("ask_at", Instant),
    Column("asked", SmallInteger, nullable=False, server_default="0"),  # answers in this state
    Column("contact_on", Date),  # the customer's own calendar date of going out: what caps count
    Column("address", Text),  # as used
    Column("provider_id", Text),
    Column("error_code", Text),
    Column("accepted_at", Instant),
    Column("ended_at", Instant),
    Column("planned_at", Instant, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    _one_of("state", CONTACT_STATES),
    Index(
        "ix_contact_alive",
        "portfolio_id",
        "state",
        "not_before_at",
        postgresql_where=text("state IN ('planned', 'claimed', 'in_doubt', 'parked')"),
    ),
    Index("ix_contact_ask", "portfolio_id", "ask_at", postgresql_where=text("ask_at IS NOT NULL")),
    Index(
        "ix_contact_provider", "provider_id", postgresql_where=text("provider_id IS NOT NULL")
    ),  # what a callback names
    Index(
        None, "customer_id", "contact_on", postgresql_where=text("contact_on IS NOT NULL")
    ),  # what caps count; a plan that nobody has claimed yet costs nothing
    Index(None, "portfolio_id", "business_date"),
    postgresql_with={"fillfactor": 80},
)

# The text of a contact, apart from the rest so that it can be erased.
contact_text = Table(
    "contact_text",
    metadata,
    Column("contact_id", ForeignKey(contact.c.contact_id), primary_key=True),
    Column("subject", Text),
    Column("body", Text, nullable=False),
)

# The accounts that a contact names; with a step it covers that step of that account.
contact_account = Table(
    "contact_account",
    metadata,
    Column("contact_id", BigInteger, primary_key=True),
    Column("account_id", BigInteger, primary_key=True),
    Column("episode_id", BigInteger, nullable=False),  # the key: as it was when planned
    Column("ladder_episode_id", BigInteger, nullable=False),  # whose ladder it counts for now
    Column("step", Text),  # NULL: only listed
    Column("repetition", SmallInteger),
    Column("amount", Numeric, nullable=False),
    # The guard that spoke at the moment of sending: the account dropped out of the text.
    Column("dropped", Text),
    # Whether the contact is alive or done, and so occupies its step: the key of "nothing twice".
    Column("occupies", Boolean, nullable=False),
    Index(
        "uq_contact_account_step",
        "episode_id",
        "step",
        "repetition",
        unique=True,
        postgresql_where=text("occupies AND step IS NOT NULL"),
    ),
    Index(None, "account_id"),
    Index(None, "ladder_episode_id"),
)

# What a provider told about a message, as it came; each telling once.
receipt = Table(
    "receipt",
    metadata,
    _number("receipt_id"),
    Column("provider", Text, nullable=False),
    Column("event_id", Text, nullable=False),  # the provider's own, or made of what it says
    Column("reference", Text),  # of the contact, where the telling carries it
    Column("provider_id", Text),
    Column("status", Text, nullable=False),  # in the provider's words
    Column("error_code", Text),
    Column("received_at", Instant, nullable=False),
    UniqueConstraint("provider", "event_id"),
    Index(None, "provider_id"),
)
# The brake that a person pulls. Of a channel, or (NULL) of all of the portfolio's.
stop = Table(
    "stop",
    metadata,
    _number("stop_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("channel", Text),
    Column("reason", Text, nullable=False),
    Column("stopped_by", Text, nullable=False),
    Column("stopped_at", Instant, nullable=False),
    Column("resumed_by", Text),
    Column("resumed_reason", Text),
    Column("resumed_at", Instant),
    Index(
        "uq_stop_open",
        "portfolio_id",
        text("coalesce(channel, '')"),
        unique=True,
        postgresql_where=text("resumed_at IS NULL"),
    ),
)

# A sender that is itself at fault: no worker claims for its channel before `try_at`.
sender_fault = Table(
    "sender_fault",
    metadata,
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("since_at", Instant, nullable=False),
    Column("try_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
)

# When a sender that has a rate may send its next message; shared by all workers and portfolios.
sender_rate = Table(
    "sender_rate",
    metadata,
    Column("sender", Text, primary_key=True),
    Column("free_at", Instant, nullable=False),
)

# What a person decided about a contact that no provider could tell about.
resolution = Table(
    "resolution",
    metadata,
    _number("resolution_id"),
    Column("contact_id", BigInteger, nullable=False),
    Column("sent", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("resolved_by", Text, nullable=False),
    Column("resolved_at", Instant, nullable=False),
    Index(None, "contact_id"),
)

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
    _number("opt_out_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("channel", Text, nullable=False),
    Column("customer_id", ForeignKey(customer.c.customer_id)),
    Column("address", Text),
    Column("since_at", Instant, nullable=False),  # when we learned of it: it binds from then on
    Column("lifted_at", Instant),
    Column("source", Text, nullable=False),
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

# What a customer agreed to, on which ground. A channel needs it only where a pack says so.
consent = Table(
    "consent",
    metadata,
    _number("consent_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("customer_id", ForeignKey(customer.c.customer_id), nullable=False),
    Column("channel", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("given_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("recorded_by", Text, nullable=False),
    Column("reason", Text),
    UniqueConstraint("portfolio_id", "customer_id", "channel", "basis", "given_at"),
)

# Somebody really talked with the customer. Some packs ask for rest after it.
conversation = Table(
    "conversation",
    metadata,
    _number("conversation_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("customer_id", ForeignKey(customer.c.customer_id), nullable=False),
    Column("account_id", ForeignKey(account.c.account_id)),  # NULL: about all of them
    Column("held_at", Instant, nullable=False),
    Column("held_on", Date, nullable=False),  # the customer's own calendar date
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
    _number("hold_id"),
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
    _one_of("kind", dict.fromkeys(HOLD_KINDS, "")),
    CheckConstraint("num_nonnulls(account_id, customer_id) = 1", name="one_holder"),
    UniqueConstraint("portfolio_id", "hold_ref"),
    Index(None, "account_id"),
    Index(None, "customer_id"),
)

promise = Table(
    "promise",
    metadata,
    _number("promise_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("account_id", ForeignKey(account.c.account_id), nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("promised_on", Date, nullable=False),  # to be paid by the end of this day
    Column("made_at", Instant, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("reason", Text),
    Column("cancelled_at", Instant),
    Column("cancelled_by", Text),
    Column("cancelled_because", Text),
    Column("promise_ref", Text),
    UniqueConstraint("portfolio_id", "promise_ref"),
    Index(None, "account_id"),
)

# An agreed repayment plan. Whether it is kept is told by the payments, never written down.
plan = Table(
    "plan",
    metadata,
    _number("plan_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("account_id", ForeignKey(account.c.account_id), nullable=False),
    Column("currency", Text, nullable=False),
    Column("grace_days", Integer, nullable=False),
    Column("agreed_at", Instant, nullable=False),  # payments after it count towards it
    Column("recorded_by", Text, nullable=False),
    Column("reason", Text),
    Column("cancelled_at", Instant),
    Column("cancelled_by", Text),
    Column("cancelled_because", Text),
    Column("plan_ref", Text),
    UniqueConstraint("portfolio_id", "plan_ref"),
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
    _number("reply_id"),
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
    _one_of("state", REPLY_STATES),
    UniqueConstraint("portfolio_id", "reply_ref"),
    Index(None, "customer_id"),
    Index("ix_reply_open", "portfolio_id", postgresql_where=text("state = 'open'")),
)

# What the payment feed delivered; each payment once, whatever is delivered again.
payment = Table(
    "payment",
    metadata,
    _number("payment_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("payment_ref", Text, nullable=False),
    Column("account_id", ForeignKey(account.c.account_id), nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("booked_at", Instant, nullable=False),
    UniqueConstraint("portfolio_id", "payment_ref"),
    Index(None, "account_id", "booked_at"),
)

# Money of a customer that is not yet applied to any account.
credit = Table(
    "credit",
    metadata,
    _number("credit_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("credit_ref", Text, nullable=False),
    Column("customer_id", ForeignKey(customer.c.customer_id), nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("booked_at", Instant, nullable=False),
    Column("cancelled", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("portfolio_id", "credit_ref"),
    Index(None, "customer_id"),
)

PLACEMENT_STATES = {
    "proposed": "waits for a person",
    "rejected": "a person turned it down",
    "withdrawn": "what must precede no longer held, so it never left",
    "approved": "to be exported",
    "exported": "given away",
    "acknowledged": "the receiver took it on",
    "refused": "the receiver turned it down",
    "recalled": "taken back",
    "returned": "given back",
    "closed": "over",
}
PLACEMENT_ACTIVE = ("proposed", "approved", "exported", "acknowledged")
PLACED = ("exported", "acknowledged")
"""The receiver has it."""
NOT_AGAIN = ("rejected", "refused", "recalled", "returned", "closed")
"""Ended so, it is not proposed again to that destination in the episode, except by a person."""

placement = Table(
    "placement",
    metadata,
    _number("placement_id"),
    Column("portfolio_id", SmallInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("episode_id", BigInteger, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("destination", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),  # why it is in that state, where there is one
    Column("amount", Numeric, nullable=False),  # as proposed; as exported once it was
    Column("currency", Text, nullable=False),
    Column("told_amount", Numeric),  # what the receiver was last told is owed
    Column("proposed_at", Instant, nullable=False),
    Column("exported_at", Instant),
    Column("ended_at", Instant),
    Column("run_id", BigInteger),  # NULL: a person proposed it
    _one_of("state", PLACEMENT_STATES),
    Index(
        "uq_placement_active",
        "account_id",
        unique=True,
        postgresql_where=text("state IN ('proposed', 'approved', 'exported', 'acknowledged')"),
    ),
    Index(None, "portfolio_id", "business_date"),
    Index(None, "portfolio_id", "state", "destination"),
    Index(None, "episode_id", "destination"),
)

# What happened to a placement, and who said so.
placement_event = Table(
    "placement_event",
    metadata,
    _number("placement_event_id"),
    Column("placement_id", BigInteger, nullable=False),
    Column("event", Text, nullable=False),  # the state it led to, or `approval` of one person
    Column("reason", Text),
    Column("happened_at", Instant, nullable=False),
    Column("told_by", Text, nullable=False),
    Index(None, "placement_id"),
)

PACKAGE_KINDS = {
    "placement": "accounts given away",
    "recall": "accounts taken back",
    "balance": "what is still owed on accounts that are placed",
}

# One delivery to a receiver. Open until it lies at the destination whole.
package = Table(
    "package",
    metadata,
    _number("package_id"),
    Column("portfolio_id", SmallInteger, nullable=False),
    Column("destination", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False, unique=True),  # its name at the destination
    Column("business_date", Date, nullable=False),  # whose facts it carries
    Column("made_at", Instant, nullable=False),
    Column("delivered_at", Instant),
    Column("place", Text),  # where it was delivered to, without credentials
    Column("manifest", JSONB),  # as delivered: counts, totals, checksums
    _one_of("kind", PACKAGE_KINDS),
    # One is delivered before the next is begun.
    Index(
        "uq_package_open",
        "portfolio_id",
        "destination",
        "kind",
        unique=True,
        postgresql_where=text("delivered_at IS NULL"),
    ),
)

package_line = Table(
    "package_line",
    metadata,
    Column("package_id", BigInteger, primary_key=True),
    Column("placement_id", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    # Given once and taken back once, whoever runs how often.
    Index(
        "uq_package_line_once",
        "placement_id",
        "kind",
        unique=True,
        postgresql_where=text("kind IN ('placement', 'recall')"),
    ),
)

# Letters that were made into files for the printer together. Open until they lie there whole.
print_batch = Table(
    "print_batch",
    metadata,
    _number("print_batch_id"),
    Column("portfolio_id", SmallInteger, nullable=False),
    Column("reference", Text, nullable=False, unique=True),
    Column("made_at", Instant, nullable=False),
    Column("delivered_at", Instant),
    Column("manifest", JSONB),
    Index(
        "uq_print_batch_open",
        "portfolio_id",
        unique=True,
        postgresql_where=text("delivered_at IS NULL"),
    ),
)

# A letter is printed once: the key.
print_line = Table(
    "print_line",
    metadata,
    Column("contact_id", BigInteger, primary_key=True),
    Column("print_batch_id", BigInteger, nullable=False),
    Column("unprintable", Text),  # why it can't be printed; a person mends the address
    Index(None, "print_batch_id"),
)

PERSONAL = {
    customer: ("name", "phone_raw", "phone", "email_raw", "email", "address"),
    contact: ("address",),
    contact_text: ("subject", "body"),
    dead_address: ("address",),
    opt_out: ("address",),
    reply: ("address", "body"),
}
