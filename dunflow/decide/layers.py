"""Subqueries upon subqueries, so that what is computed once is not computed again."""

from typing import Any

from sqlalchemy import Label, Subquery, literal_column, select


def layer(below: Subquery, *computed: Label[Any]) -> Subquery:
    """`below` with further columns, each computed once per row.

    OFFSET 0 keeps the planner from copying an expression into every place that refers to it. It is
    written as '0', which is a constant from the first: a bare 0 becomes one only by a function, and
    what stands below an OFFSET that is no constant yet is read with one core.
    """
    return select(below, *computed).offset(literal_column("'0'")).subquery()
