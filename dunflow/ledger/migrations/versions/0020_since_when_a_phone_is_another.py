"""Since when the source delivers another phone, email or address: another name is none of these.

Of the customers there are it is not known; it was no later than anything else of them changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

COLUMNS = ("phone_changed_on", "email_changed_on", "address_changed_on")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("customer", sa.Column(name, sa.Date()))
    op.execute("""
        UPDATE customer
        SET phone_changed_on = seen_on, email_changed_on = seen_on, address_changed_on = seen_on
        WHERE seen_on > '0001-01-01'
    """)


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("customer", name)
