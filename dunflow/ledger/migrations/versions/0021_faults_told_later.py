"""Senders at fault whose messages are accepted all the same, and then do not arrive."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column(
        "sender_fault",
        sa.Column("told_later", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("sender_fault", "told_later")
