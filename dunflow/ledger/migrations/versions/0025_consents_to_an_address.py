"""A consent is to be reached at one address; those on file are for what their customers have now.

Whose phone became another one since they agreed is not known.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0023"

UNBOUND = sa.text("address IS NULL")


def upgrade() -> None:
    op.add_column("consent", sa.Column("address", sa.Text()))
    op.create_index("ix_consent_unbound", "consent", ["portfolio_id"], postgresql_where=UNBOUND)
    op.execute("""
        UPDATE consent
        SET address = CASE
            WHEN channel IN ('sms', 'voice', 'call') THEN customer.phone
            WHEN channel = 'email' THEN customer.email
            WHEN channel IN ('letter', 'visit') THEN customer.address
        END
        FROM customer
        WHERE customer.customer_id = consent.customer_id
    """)


def downgrade() -> None:
    op.drop_index("ix_consent_unbound", table_name="consent")
    op.drop_column("consent", "address")
