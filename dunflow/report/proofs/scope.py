"""What an audit looks at, and the rows that its checks begin with."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, FromClause, Select, and_, exists, select

from dunflow.config.book import Book
from dunflow.ledger.tables import ACTUAL, contact, contact_account, decision, load, merger, run


@dataclass(frozen=True)
class Version:
    """What runs went by: the book with the policy and the packs of then."""

    number: int
    book: Book


@dataclass(frozen=True)
class Scope:
    """What is looked at: business dates first to last, both included."""

    book: Book
    portfolio_id: int
    first: dt.date
    last: dt.date
    versions: list[Version]

    def ways(self, of: Callable[[Book], object]) -> Iterator[tuple[Book, list[int]]]:
        """A book for each value that `of` ever had, with the numbers of the versions that share it:
        what was done is judged by the rules that it was done by."""
        found: list[tuple[object, Book, list[int]]] = []
        for version in self.versions:
            value = of(version.book)
            numbers = next((numbers for known, _, numbers in found if known == value), None)
            if numbers is None:
                found.append((value, version.book, [version.number]))
            else:
                numbers.append(version.number)
        return ((book, numbers) for _, book, numbers in found)


Check = Callable[[Scope], Select[*tuple[Any, ...]] | CompoundSelect[Any]]
"""Gives the `account_id`s (or NULL) of the rows that break the promise."""


def decided(scope: Scope) -> ColumnElement[bool]:
    return and_(
        decision.c.portfolio_id == scope.portfolio_id,
        decision.c.business_date.between(scope.first, scope.last),
    )


def contacted(scope: Scope) -> ColumnElement[bool]:
    """Contacts that a run planned; for those that somebody else made nobody here can answer."""
    return and_(
        contact.c.portfolio_id == scope.portfolio_id,
        contact.c.run_id.is_not(None),
        contact.c.business_date.between(scope.first, scope.last),
    )


def is_assessed() -> ColumnElement[bool]:
    """Whether the episodes go by the rows of a load as they are now, and so its date has run."""
    return and_(load.c.state == "accepted", load.c.assessed_load_at == load.c.loaded_at)


def planned_by(numbers: list[int]) -> ColumnElement[bool]:
    """Whether the contact's run went by one of these versions."""
    return contact.c.run_id.in_(select(run.c.run_id).where(run.c.policy_version_id.in_(numbers)))


def known_as_one() -> ColumnElement[bool]:
    """Whether the contact's customer was one person when it was made.

    What was said or sent under another id before two were merged was nothing that it had to heed.
    """
    later = exists().where(
        merger.c.into_id == contact.c.customer_id, merger.c.merged_at > contact.c.claimed_at
    )
    return ~later


def sent(scope: Scope) -> Select[int]:
    """One row per account named by a contact that reached a provider."""
    return (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(contacted(scope), contact.c.state.in_(ACTUAL), contact_account.c.dropped.is_(None))
    )


def decided_for(row: FromClause, of: FromClause) -> ColumnElement[bool]:
    """Whether a decision is that of the date and the account of a contact or a placement."""
    return and_(
        row.c.portfolio_id == of.c.portfolio_id,
        row.c.business_date == of.c.business_date,
        row.c.account_id == of.c.account_id,
    )
