"""Whether it was told in which currency a payment, a promise or a plan is: of an account that no
snapshot had, it is the portfolio's until one has it"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
TABLES = ("payment", "promise", "plan")


def upgrade() -> None:
    for table in TABLES:
        told = sa.Column("currency_told", sa.Boolean, nullable=False, server_default=sa.true())
        op.add_column(table, told)
        op.create_index(
            f"ix_{table}_untold",
            table,
            ["account_id"],
            postgresql_where=sa.text("NOT currency_told"),
        )


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(f"ix_{table}_untold", table)
        op.drop_column(table, "currency_told")
