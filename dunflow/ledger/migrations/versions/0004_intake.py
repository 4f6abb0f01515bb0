"""Take in what happens between two snapshots"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("portfolio_id", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=True),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by", sa.Text(), nullable=False),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.portfolio_id"], name=op.f("fk_delivery_portfolio_id")
        ),
        sa.PrimaryKeyConstraint("portfolio_id", "kind", "origin", name=op.f("pk_delivery")),
    )
    op.create_table(
        "merger",
        sa.Column("merger_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("portfolio_id", sa.SmallInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("into_id", sa.BigInteger(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.portfolio_id"], name=op.f("fk_merger_portfolio_id")
        ),
        sa.PrimaryKeyConstraint("merger_id", name=op.f("pk_merger")),
        sa.UniqueConstraint(
            "portfolio_id",
            "customer_id",
            "into_id",
            name=op.f("uq_merger_portfolio_id_customer_id_into_id"),
        ),
    )
    op.create_table(
        "reject",
        sa.Column("reject_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("portfolio_id", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("value_kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("row_key", sa.Text(), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.portfolio_id"], name=op.f("fk_reject_portfolio_id")
        ),
        sa.PrimaryKeyConstraint("reject_id", name=op.f("pk_reject")),
        sa.UniqueConstraint(
            "portfolio_id",
            "kind",
            "origin",
            "place",
            "column_name",
            name=op.f("uq_reject_portfolio_id_kind_origin_place_column_name"),
        ),
    )
    op.create_index(
        "ix_reject_open",
        "reject",
        ["portfolio_id", "kind"],
        unique=False,
        postgresql_where=sa.text("mended_at IS NULL"),
    )
    op.create_table(
        "taken_row",
        sa.Column("portfolio_id", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.portfolio_id"], name=op.f("fk_taken_row_portfolio_id")
        ),
        sa.PrimaryKeyConstraint("portfolio_id", "kind", "ref", name=op.f("pk_taken_row")),
    )
    op.create_table(
        "contact_change",
        sa.Column("contact_change_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("portfolio_id", sa.SmallInteger(), nullable=False),
        sa.Column("change_ref", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("bad", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "point IN ('phone', 'email', 'address')", name=op.f("ck_contact_change_point")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.customer_id"], name=op.f("fk_contact_change_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"],
            ["portfolio.portfolio_id"],
            name=op.f("fk_contact_change_portfolio_id"),
        ),
        sa.PrimaryKeyConstraint("contact_change_id", name=op.f("pk_contact_change")),
        sa.UniqueConstraint(
            "portfolio_id", "change_ref", name=op.f("uq_contact_change_portfolio_id_change_ref")
        ),
    )
    op.create_index(
        op.f("ix_contact_change_customer_id_point"),
        "contact_change",
        ["customer_id", "point"],
        unique=False,
    )
    op.alter_column("contact", "run_id", existing_type=sa.BIGINT(), nullable=True)
    op.add_column("credit", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE credit SET changed_at = booked_at")
    op.alter_column("credit", "changed_at", nullable=False)
    op.add_column("customer", sa.Column("address_raw", sa.Text(), nullable=True))
    op.execute("UPDATE customer SET address_raw = address WHERE address IS NOT NULL")
    op.add_column("customer", sa.Column("merged_into", sa.BigInteger(), nullable=True))
    op.create_index(
        op.f("ix_customer_merged_into"),
        "customer",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.add_column("plan", sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE plan SET recorded_at = agreed_at")
    op.alter_column("plan", "recorded_at", nullable=False)


def downgrade() -> None:
    op.drop_column("plan", "recorded_at")
    op.drop_index(
        op.f("ix_customer_merged_into"),
        table_name="customer",
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.drop_column("customer", "merged_into")
    op.drop_column("customer", "address_raw")
    op.drop_column("credit", "changed_at")
    op.alter_column("contact", "run_id", existing_type=sa.BIGINT(), nullable=False)
    op.drop_index(op.f("ix_contact_change_customer_id_point"), table_name="contact_change")
    op.drop_table("contact_change")
    op.drop_table("taken_row")
    op.drop_index(
        "ix_reject_open", table_name="reject", postgresql_where=sa.text("mended_at IS NULL")
    )
    op.drop_table("reject")
    op.drop_table("merger")
    op.drop_table("delivery")
