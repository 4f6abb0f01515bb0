"""What a reply led to, and the one message that says so"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("reply", sa.Column("hold_id", sa.BigInteger(), nullable=True))
    op.add_column("reply", sa.Column("confirmation", sa.Text(), nullable=True))
    op.add_column("reply", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("reply", sa.Column("provider_id", sa.Text(), nullable=True))
    op.create_index(
        op.f("ix_reply_hold_id"),
        "reply",
        ["hold_id"],
        unique=False,
        postgresql_where=sa.text("hold_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        op.f("ix_reply_hold_id"),
        table_name="reply",
        postgresql_where=sa.text("hold_id IS NOT NULL"),
    )
    op.drop_column("reply", "provider_id")
    op.drop_column("reply", "confirmed_at")
    op.drop_column("reply", "confirmation")
    op.drop_column("reply", "hold_id")
