"""A hold "to 9999-12-31" has no end: what told of it could not read the instant behind that day."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute("UPDATE hold SET until_at = NULL WHERE until_at > '9999-01-01 12:00+00'")


def downgrade() -> None:
    """A hold without an end holds there as well."""
