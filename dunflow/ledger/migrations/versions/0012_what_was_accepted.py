"""A person vouches for what they saw of a date. What was accepted before vouches for nothing new:
such a date, run again with what is suspicious still in it, asks for a person once more"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column(
        "acceptance", sa.Column("findings", JSONB, nullable=False, server_default=sa.text("'[]'"))
    )
    op.add_column("load", sa.Column("stopped", JSONB))
    for name in ("contacts_changed", "contacts_of"):
        counted = sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0"))
        op.add_column("load", counted)


def downgrade() -> None:
    op.drop_column("load", "contacts_of")
    op.drop_column("load", "contacts_changed")
    op.drop_column("load", "stopped")
    op.drop_column("acceptance", "findings")
