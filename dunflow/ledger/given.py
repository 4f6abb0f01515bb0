"""Rows of our own as a table inside a statement.

Each column goes in as one array, so the statement's text is the same for any number of rows:
SQLAlchemy compiles it, and the driver reads it, only once. With VALUES both would happen each time.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Dialect, String, TableValuedAlias, any_, column, func, literal
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine, UserDefinedType, to_instance

Value = TypeVar("Value", int, str)
Kind = type[TypeEngine[Any]] | TypeEngine[Any]

_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


class _Array(UserDefinedType[Sequence[Any]]):
    """An array that goes to the server as its text, which it reads as quickly.

    The driver looks at the elements one by one to find out what they are; that is known here.
    """

    cache_ok = True
    render_bind_cast = True

    def __init__(self, element: TypeEngine[Any]) -> None:
        self.element = element

    def get_col_spec(self, **_: Any) -> str:
        return f"{self.element.compile(_DIALECT)}[]"

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:  # noqa: ARG002
        write = _quoted if isinstance(self.element, String) else _bare
        return lambda values: "{" + ",".join(map(write, values)) + "}"


def _quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bare(value: object) -> str:
    """A number, a date or an instant: none of them holds what an array would take for its own."""
    return "NULL" if value is None else str(value)


def given(
    name: str, columns: Mapping[str, Kind], rows: Sequence[Mapping[str, Any]]
) -> TableValuedAlias:
    """A FROM element with these columns; a row has a value for each of them."""
    arrays = [
        literal([row[key] for row in rows], _Array(to_instance(kind)))
        for key, kind in columns.items()
    ]
    return (
        func.unnest(*arrays)
        .table_valued(*[column(key, to_instance(kind)) for key, kind in columns.items()], name=name)
        .render_derived()
    )


def among(of: ColumnElement[Value], values: Sequence[Value]) -> ColumnElement[bool]:
    """Whether a column is one of these values, which go in as one array, too."""
    return of == any_(literal(list(values), _Array(of.type)))


def only(account_id: ColumnElement[int], few: Sequence[int] | None) -> list[ColumnElement[bool]]:
    """The condition, if it is about a few only. Written beside each table of a statement with many
    joins: there the planner does not carry it from one to the next."""
    return [] if few is None else [among(account_id, few)]
