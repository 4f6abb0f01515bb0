"""Fewer keys of contacts to keep: planning and sending pay for each of them"""

from alembic import op

revision = "0010"
down_revision = "0009"

_BY_DATE = "ix_contact_portfolio_id_business_date"
_BY_EPISODE = "ix_contact_account_ladder_episode_id"


def upgrade() -> None:
    op.drop_index(_BY_EPISODE, table_name="contact_account")
    op.drop_index(_BY_DATE, table_name="contact")
    op.create_index(
        "ix_contact_business_date", "contact", ["business_date"], postgresql_using="brin"
    )


def downgrade() -> None:
    op.drop_index("ix_contact_business_date", table_name="contact", postgresql_using="brin")
    op.create_index(_BY_DATE, "contact", ["portfolio_id", "business_date"])
    op.create_index(_BY_EPISODE, "contact_account", ["ladder_episode_id"])
