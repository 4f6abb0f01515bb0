"""What people do by hand: call lists and visit orders, and what calls and visits came to."""

from sqlalchemy import BigInteger, Column, Date, Index, Integer, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from dunflow.ledger.tables.schema import Instant, metadata, number, one_of

RESULTS = {
    "reached": "the customer was spoken with",
    "machine": "a machine answered, and heard nothing of the debt",
    "unknown": "somebody or something answered, and heard nothing of the debt",
    "no_answer": "nobody answered, or nobody was there",
    "busy": "the line was busy",
    "failed": "the call could not be connected",
    "fax": "a fax answered",
    "wrong_number": "somebody else has this number, or lives there",
    "promise": "the customer promised to pay",
    "paid": "the customer says that it is paid",
    "dispute": "the customer says that it is not owed",
    "hardship": "the customer can't pay",
    "complaint": "the customer complains",
    "refused": "the customer will not pay",
    "no_more": "the customer wants no more of these contacts",
}

# What a call or a visit came to: told once.
result = Table(
    "result",
    metadata,
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("result", Text, nullable=False),
    Column("happened_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", Text, nullable=False),  # `provider`, or who delivered the results
    one_of("result", RESULTS),
)

# Calls or visits that were given to people together. Open until the files lie there whole.
worklist = Table(
    "worklist",
    metadata,
    number("worklist_id"),
    Column("portfolio_id", SmallInteger, nullable=False),
    Column("channel", Text, nullable=False),  # call or visit
    Column("team", Text, nullable=False),
    Column("listed_on", Date, nullable=False),  # for which day of the portfolio's calendar
    Column("reference", Text, nullable=False, unique=True),
    Column("made_at", Instant, nullable=False),
    Column("delivered_at", Instant),
    Column("manifest", JSONB),
    # One is delivered before the next is begun.
    Index(
        "uq_worklist_open",
        "portfolio_id",
        "channel",
        "team",
        unique=True,
        postgresql_where=text("delivered_at IS NULL"),
    ),
    Index(None, "portfolio_id", "channel", "listed_on"),
)

# A contact stands on one list: the key.
worklist_line = Table(
    "worklist_line",
    metadata,
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("worklist_id", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),
    Index(None, "worklist_id", "position", unique=True),
)
