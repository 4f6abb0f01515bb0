"""A placement goes with its customer into the one that a merger leaves.

Revision ID: 0030
Revises: 0029
"""

from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.execute("""
        UPDATE placement SET customer_id = customer.merged_into
        FROM customer
        WHERE customer.customer_id = placement.customer_id
            AND customer.merged_into IS NOT NULL
    """)


def downgrade() -> None:
    """What is put right stays so."""
