"""What goes out: contacts, their texts and accounts, and what providers and operators say."""

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
)

from dunflow.ledger.tables.books import portfolio
from dunflow.ledger.tables.schema import Instant, metadata, number, one_of

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

NOT_SENT = ("cancelled", "expired", "failed")

TEXT_REFUSED = "text"
"""The reason of a contact that failed for what it said: a carrier's filter, or its length."""

SENDER_AT_FAULT = "sender"
"""The reason of a contact that did not arrive for its sender's sake: nothing against its step."""

contact = Table(
    "contact",
    metadata,
    number("contact_id"),
    Column("portfolio_id", SmallInteger, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),  # the one that leads
    # Goes out with the message, so that the provider can be asked later; see references.py.
    Column("reference", Text, nullable=False),
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
    Column("run_id", BigInteger),  # NULL: made by somebody else, and counted like ours
    one_of("state", CONTACT_STATES),
    # In the order in which claims take them, so that none sorts all that waits.
    Index(
        "ix_contact_alive",
        "portfolio_id",
        "state",
        "channel",
        "business_date",
        text("severity DESC"),
        "contact_id",
        postgresql_where=text("state IN ('planned', 'claimed', 'in_doubt', 'parked')"),
    ),
    Index(
        "ix_contact_ask",
        "portfolio_id",
        "state",
        "channel",
        "ask_at",
        postgresql_where=text("ask_at IS NOT NULL"),
    ),
    Index(
        "ix_contact_provider", "provider_id", postgresql_where=text("provider_id IS NOT NULL")
    ),  # what a callback names
    Index(
        None, "customer_id", "contact_on", postgresql_where=text("contact_on IS NOT NULL")
    ),  # what caps count; a plan that nobody has claimed yet costs nothing
    # Contacts come date by date, so a summary of each stretch of the table finds those of a date;
    # planning hundreds of thousands pays for every index that names each row.
    Index("ix_contact_business_date", "business_date", postgresql_using="brin"),
    Index(
        "uq_contact_reference_elsewhere",
        "reference",
        unique=True,
        postgresql_where=text("run_id IS NULL"),
    ),  # ours are the number of the row in another notation
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
    Index(None, "account_id"),  # and by it an episode's: an account has few contacts
)

# What a provider told about a message, as it came; each telling once.
receipt = Table(
    "receipt",
    metadata,
    number("receipt_id"),
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
    number("stop_id"),
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
    # Messages are accepted all the same: only what becomes of them shows whether it is mended.
    Column("told_later", Boolean, nullable=False, server_default=text("false")),
)

# When a sender that has a rate may send its next message, or SendGrid be asked its next question;
# shared by all workers.
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
    number("resolution_id"),
    Column("contact_id", BigInteger, nullable=False),
    Column("sent", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("resolved_by", Text, nullable=False),
    Column("resolved_at", Instant, nullable=False),
    Index(None, "contact_id"),
)
