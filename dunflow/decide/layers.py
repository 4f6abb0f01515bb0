"""Subqueries upon subqueries, so that what is computed once is not computed again."""

from typing import Any

from sqlalchemy import Label, Subquery, literal_column, select


def layer(below: Subquery, *computed: Label[Any]) -> Subquery:
    """`below` with further columns, each computed once per row.

    OFFSET 0 keeps the planner from copying an expression into every place that refers to it. Written
    as '0' it is a constant before anything is planned; a bare 0 would be turned into one by a
    function, and PostgreSQL does not read with several cores below an OFFSET that is no constant.
    """
    return select(below, *computed).offset(literal_column("'0'")).subquery()
