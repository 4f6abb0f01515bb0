"""Whose debt a placement was: the date's rows may say another owner once they come again.

Of those that are there, whose it is by their date's rows of now.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("placement", sa.Column("customer_id", sa.BigInteger()))
    op.execute("""
        UPDATE placement SET customer_id = snapshot.customer_id
        FROM snapshot
        WHERE snapshot.portfolio_id = placement.portfolio_id
            AND snapshot.business_date = placement.business_date
            AND snapshot.account_id = placement.account_id
    """)


def downgrade() -> None:
    op.drop_column("placement", "customer_id")
