"""Which columns a date's rows had: one that is gone on the next is noticed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("load", sa.Column("columns", ARRAY(sa.Text())))


def downgrade() -> None:
    op.drop_column("load", "columns")
