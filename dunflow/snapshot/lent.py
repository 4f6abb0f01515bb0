"""Contact points that a person has by an id of theirs that was merged: they change with that id's.

The person is reached under the id that stays. Where the source delivers no phone for that one, they
have the phone of the id that went (intake/mergers.py); when it changes there, the old one may be a
stranger's.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Subquery,
    exists,
    select,
    update,
)

from dunflow.ledger.tables import customer

person = customer.alias("person")


def has_merged(conn: Connection, portfolio_id: int) -> bool:
    """Whether any id of the portfolio was merged."""
    merged = exists().where(
        customer.c.portfolio_id == portfolio_id, customer.c.merged_into.is_not(None)
    )
    return bool(conn.execute(select(merged)).scalar_one())


def lend_anew(
    conn: Connection,
    fresh: Subquery,
    renewed: ColumnElement[bool],
    points: Mapping[Column[Any], tuple[Column[Any], ...]],
) -> None:
    """To be called before the ids themselves are renewed: `renewed` joins them with `fresh`.

    `points`: the column with a value as delivered → those with what was read from it.
    """
    for raw, read in points.items():
        point = read[0]
        conn.execute(
            update(person)  # type: ignore[arg-type]
            .where(
                renewed,
                customer.c.merged_into == person.c.customer_id,
                person.c[raw.name].is_(None),
                person.c[point.name].is_not_distinct_from(point),
                fresh.c[point.name].is_distinct_from(point),
            )
            .values({person.c[column.name]: fresh.c[column.name] for column in read})
        )
