"""Alembic's entry: the connection is given by dunflow.ledger.migrate."""

import re

from alembic import context

from dunflow.ledger.tables import metadata

PARTITION = re.compile(r"(snapshot|decision)_p\d+_\d{8}")


def include_name(name, type_, parent_names):
    """Leave the dates' partitions alone: they come and go with the data."""
    return not (type_ == "table" and PARTITION.fullmatch(name))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_name=include_name,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
