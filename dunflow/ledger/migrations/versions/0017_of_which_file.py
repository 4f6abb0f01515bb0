"""Of which file a fault is that a receiver's row had: some call theirs the same every day."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

KEY = ["portfolio_id", "destination", "file", "line", "column_name"]


def upgrade() -> None:
    op.add_column(
        "handback_reject", sa.Column("content", sa.Text(), nullable=False, server_default="")
    )
    op.alter_column("handback_reject", "content", server_default=None)
    _key_by(["portfolio_id", "destination", "file", "content", "line", "column_name"])


def downgrade() -> None:
    # Of several files of one name the newest is kept, as it was before.
    op.execute("""
        DELETE FROM handback_reject AS older USING handback_reject AS newer
        WHERE (older.portfolio_id, older.destination, older.file, older.line, older.column_name)
            = (newer.portfolio_id, newer.destination, newer.file, newer.line, newer.column_name)
          AND (older.received_at, older.content) < (newer.received_at, newer.content)
    """)
    _key_by(KEY)
    op.drop_column("handback_reject", "content")


def _key_by(columns: list[str]) -> None:
    op.drop_constraint("pk_handback_reject", "handback_reject", type_="primary")
    op.create_primary_key("pk_handback_reject", "handback_reject", columns)
