"""Waivers of blocked mandatory steps; since when promises and talks are known"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "waiver",
        sa.Column("waiver_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("portfolio_id", sa.SmallInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("waived_by", sa.Text(), nullable=False),
        sa.Column("waived_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.portfolio_id"], name=op.f("fk_waiver_portfolio_id")
        ),
        sa.PrimaryKeyConstraint("waiver_id", name=op.f("pk_waiver")),
        sa.UniqueConstraint(
            "account_id",
            "step",
            "business_date",
            name=op.f("uq_waiver_account_id_step_business_date"),
        ),
    )
    op.create_index(op.f("ix_waiver_episode_id"), "waiver", ["episode_id"], unique=False)
    # What is there already was known as it happened, as far as anybody can tell.
    for table, happened in (("conversation", "held_at"), ("promise", "made_at")):
        op.add_column(table, sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True))
        op.execute(f"UPDATE {table} SET recorded_at = {happened}")  # noqa: S608 - names of our own
        op.alter_column(table, "recorded_at", nullable=False)


def downgrade() -> None:
    op.drop_column("promise", "recorded_at")
    op.drop_column("conversation", "recorded_at")
    op.drop_index(op.f("ix_waiver_episode_id"), table_name="waiver")
    op.drop_table("waiver")
