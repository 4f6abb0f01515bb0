"""What is given away: placements, packages, and letters for the printer."""

from sqlalchemy import BigInteger, Column, Date, Index, Numeric, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from dunflow.ledger.tables.schema import Instant, metadata, number, one_of

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

NOT_AGAIN = ("rejected", "refused", "recalled", "returned", "closed")

placement = Table(
    "placement",
    metadata,
    number("placement_id"),
    Column("portfolio_id", SmallInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    # Whose debt the receiver was told of: the date's rows may say another owner once they come
    # again. NULL: given away by the system before, and no snapshot had the account yet.
    Column("customer_id", BigInteger),
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
    one_of("state", PLACEMENT_STATES),
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
    number("placement_event_id"),
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
    number("package_id"),
    Column("portfolio_id", SmallInteger, nullable=False),
    Column("destination", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False, unique=True),  # its name at the destination
    Column("business_date", Date, nullable=False),  # whose facts it carries
    Column("made_at", Instant, nullable=False),
    Column("delivered_at", Instant),
    Column("place", Text),  # where it goes, or lies once delivered, without credentials
    Column("manifest", JSONB),  # as delivered: counts, totals, checksums
    one_of("kind", PACKAGE_KINDS),
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
    number("print_batch_id"),
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
