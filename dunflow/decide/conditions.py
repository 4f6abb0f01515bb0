"""`when`: a conjunction over facts, compiled to one SQL condition. No expression language."""

from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    FromClause,
    Numeric,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    true,
)

from dunflow.config.book import Book
from dunflow.config.facts import BUILT_IN_FACTS, Test, When


def holds(book: Book, when: When, f: FromClause) -> ColumnElement[bool]:
    """Whether `when` holds for the facts `f`. A missing fact makes it false; an empty one is true.

    An amount counts only in the currencies that the test names.
    """
    if not when:
        return true()
    tests = [_test(_fact(book, fact, f), test, f.c.currency) for fact, test in when.items()]
    return func.coalesce(and_(*tests), False)


def _fact(book: Book, fact: str, f: FromClause) -> ColumnElement[Any]:
    if fact in BUILT_IN_FACTS:
        built_in: ColumnElement[Any] = f.c[fact]
        return built_in
    value: ColumnElement[Any] = f.c.attributes[fact].astext
    match book.portfolio.source.attributes[fact].kind:
        case "number":
            return cast(value, Numeric)
        case "flag":
            return cast(value, Boolean)
        case _:
            return value


def _test(
    fact: ColumnElement[Any], test: Test, currency: ColumnElement[str]
) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = []
    if test.from_ is not None:
        parts.append(fact >= _bound(test.from_, currency))
    if test.to is not None:
        parts.append(fact <= _bound(test.to, currency))
    if test.in_ is not None:
        parts.append(fact.in_(test.in_))
    if test.not_in is not None:
        parts.append(fact.not_in(test.not_in))
    if test.is_ is not None:
        parts.append(fact == test.is_)
    return and_(*parts)


def _bound(bound: int | dict[str, Decimal], currency: ColumnElement[str]) -> ColumnElement[Any]:
    if isinstance(bound, int):
        return literal(bound)
    amounts = [(currency == name, literal(amount, Numeric)) for name, amount in bound.items()]
    return case(*amounts, else_=null())
