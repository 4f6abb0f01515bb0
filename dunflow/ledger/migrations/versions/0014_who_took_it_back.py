"""Who lifted an opt-out and who said that a consent ended, and why. Nobody knows it of those that
came before"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("opt_out", sa.Column("lifted_source", sa.Text))
    op.add_column("consent", sa.Column("end_source", sa.Text))


def downgrade() -> None:
    op.drop_column("consent", "end_source")
    op.drop_column("opt_out", "lifted_source")
