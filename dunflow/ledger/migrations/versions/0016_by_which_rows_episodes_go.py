"""By which rows of a date the episodes go: it may come again, and not be trusted then. Of dates that
ran, and came again since or are trusted no more, they are read off anew by the next run"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("load", sa.Column("assessed_load_at", sa.DateTime(timezone=True)))
    op.execute("""
        UPDATE load SET assessed_load_at = loaded_at
        WHERE EXISTS (
            SELECT FROM run
            WHERE run.portfolio_id = load.portfolio_id AND run.business_date = load.business_date
        )
    """)


def downgrade() -> None:
    op.drop_column("load", "assessed_load_at")
