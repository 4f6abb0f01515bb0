"""References of our own contacts are their numbers, and need no index"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.drop_constraint("uq_contact_reference", "contact", type_="unique")
    op.create_index(
        "uq_contact_reference_elsewhere",
        "contact",
        ["reference"],
        unique=True,
        postgresql_where=sa.text("run_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("uq_contact_reference_elsewhere", table_name="contact")
    op.create_unique_constraint("uq_contact_reference", "contact", ["reference"])
