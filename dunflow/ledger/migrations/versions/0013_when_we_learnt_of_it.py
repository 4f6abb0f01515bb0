"""When we learnt of a payment and of a consent's end: until then nobody could go by them. Of those
that are known already it is taken to be when they happened"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.add_column("payment", sa.Column("recorded_at", instant))
    op.execute("UPDATE payment SET recorded_at = booked_at")
    op.alter_column("payment", "recorded_at", nullable=False)
    op.add_column("consent", sa.Column("end_recorded_at", instant))
    op.execute("UPDATE consent SET end_recorded_at = revoked_at")


def downgrade() -> None:
    op.drop_column("consent", "end_recorded_at")
    op.drop_column("payment", "recorded_at")
