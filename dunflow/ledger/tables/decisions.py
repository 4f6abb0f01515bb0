"""What was concluded: episodes, runs and the decision of each account and date."""

from typing import Any

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
from sqlalchemy.dialects.postgresql import JSONB

from dunflow.ledger.tables.books import portfolio
from dunflow.ledger.tables.schema import Instant, metadata, number, one_of

# An unbroken stretch on the ladder: [started_on, ended_on). On an ordinary day nothing but a rising
# tier is written into one that goes on.
episode = Table(
    "episode",
    metadata,
    number("episode_id"),
    Column("portfolio_id", SmallInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("started_on", Date, nullable=False),
    Column("ended_on", Date),  # the first business date on which it was off the ladder
    Column("highest_tier", Text),
    # step → [times done, failures of the next repetition, day of the last one]; a fourth, the day
    # on which a person waived it; see progress.py
    Column("progress", JSONB),
    Index("uq_episode_open", "account_id", unique=True, postgresql_where=text("ended_on IS NULL")),
    Index(None, "account_id", "started_on"),
    postgresql_with={"fillfactor": 80},
)

# A person let the ladder pass a mandatory step that can't be carried out.
waiver = Table(
    "waiver",
    metadata,
    number("waiver_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("episode_id", BigInteger, nullable=False),  # whose ladder it is of
    Column("business_date", Date, nullable=False),  # whose decision was blocked
    Column("step", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("waived_by", Text, nullable=False),
    Column("waived_at", Instant, nullable=False),
    UniqueConstraint("account_id", "step", "business_date"),
    Index(None, "episode_id"),
)

policy_version = Table(
    "policy_version",
    metadata,
    number("policy_version_id"),
    Column("portfolio_id", ForeignKey(portfolio.c.portfolio_id), nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("first_used_at", Instant, nullable=False),
    UniqueConstraint("portfolio_id", "fingerprint"),
)

run = Table(
    "run",
    metadata,
    number("run_id"),
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
    one_of("action", ACTIONS),
    postgresql_partition_by="RANGE (portfolio_id, business_date)",
)

# Rows that a punctual re-run replaced.
decision_replaced = Table(
    "decision_replaced",
    metadata,
    number("decision_replaced_id"),
    Column("portfolio_id", SmallInteger, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    *_decision_columns(),
    Column("replaced_by_run_id", BigInteger, nullable=False),
    Index(None, "account_id", "business_date"),
)
