"""The outbox in the order in which claims and questions take from it"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_ALIVE = sa.text("state IN ('planned', 'claimed', 'in_doubt', 'parked')")
_ASKED = sa.text("ask_at IS NOT NULL")


def upgrade() -> None:
    _alive("state", "channel", "business_date", sa.text("severity DESC"), "contact_id")
    _ask("state", "channel", "ask_at")


def downgrade() -> None:
    _alive("state", "not_before_at")
    _ask("ask_at")


def _alive(*columns: object) -> None:
    op.drop_index("ix_contact_alive", table_name="contact", postgresql_where=_ALIVE)
    op.create_index(
        "ix_contact_alive", "contact", ["portfolio_id", *columns], postgresql_where=_ALIVE
    )


def _ask(*columns: object) -> None:
    op.drop_index("ix_contact_ask", table_name="contact", postgresql_where=_ASKED)
    op.create_index(
        "ix_contact_ask", "contact", ["portfolio_id", *columns], postgresql_where=_ASKED
    )
