"""Emails in lower case: a no that came from a mailbox held for one way of writing it alone.

Of two opt-outs or dead addresses that were one mailbox the first stays. How they were written before
is not kept, so there is nothing to go back to.
"""

from alembic import op

revision = "0023"
down_revision = "0021"

ADDRESSES = {
    "customer": ("email", "true"),
    "contact_change": ("value", "point = 'email'"),
    "contact": ("address", "channel = 'email'"),
    "reply": ("address", "channel = 'email'"),
    "opt_out": ("address", "channel = 'email'"),
    "dead_address": ("address", "channel = 'email'"),
}


def upgrade() -> None:
    op.execute("""
        DELETE FROM opt_out AS later USING opt_out AS first
        WHERE first.portfolio_id = later.portfolio_id
            AND first.channel = 'email' AND later.channel = 'email'
            AND lower(first.address) = lower(later.address)
            AND first.lifted_at IS NULL AND later.lifted_at IS NULL
            AND first.opt_out_id < later.opt_out_id
    """)
    op.execute("""
        DELETE FROM dead_address AS later USING dead_address AS first
        WHERE first.portfolio_id = later.portfolio_id
            AND first.channel = 'email' AND later.channel = 'email'
            AND lower(first.address) = lower(later.address)
            AND (first.since_at, first.address) < (later.since_at, later.address)
    """)
    for table, (column, of_email) in ADDRESSES.items():
        op.execute(
            f"UPDATE {table} SET {column} = lower({column}) "  # noqa: S608 - names of our own
            f"WHERE {of_email} AND {column} <> lower({column})"
        )


def downgrade() -> None:
    pass
