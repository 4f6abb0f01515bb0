"""Whether an account may still be spoken of in the contact that names it, by the facts of now."""

from sqlalchemy import ColumnElement, FromClause, Text, case, literal, null

from dunflow.config.book import Book
from dunflow.decide.guards import NOT_DUE, SETTLED, quieting
from dunflow.ledger.tables import contact

ANOTHER_CUSTOMER = "account.moved"
"""A reload says that somebody else owes it."""
ANOTHER_CURRENCY = "account.currency"
"""A reload says another currency: a sum of two means nothing."""


def silencing(book: Book, known: FromClause, step: ColumnElement[str | None]) -> ColumnElement[str]:
    """Why the account of `known` (see `facts`) is no longer to be spoken of in its contact; NULL:
    it is. `step` is the one that is done for it, NULL where it is only listed beside another.

    Its date may have been loaded again since the contact was planned.
    """
    of = known.c
    return case(
        # An account that a reload left out owes nothing any more.
        (of.account_id.is_(None), literal(SETTLED, Text)),
        (of.customer_id != contact.c.customer_id, literal(ANOTHER_CUSTOMER, Text)),
        (of.currency != contact.c.currency, literal(ANOTHER_CURRENCY, Text)),
        (of.dpd < _due_from(book, step), literal(NOT_DUE, Text)),
        else_=quieting(known),
    )


def _due_from(book: Book, step: ColumnElement[str | None]) -> ColumnElement[int]:
    """The days past due from which it may be spoken of; NULL where the policy lost the step."""
    rungs = [(step.in_(each.names), literal(each.at_dpd)) for each in book.policy.ladder]
    return case((step.is_(None), literal(1)), *rungs, else_=null())
