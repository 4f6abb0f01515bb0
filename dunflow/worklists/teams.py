"""Which team works on a contact: one that speaks the customer's language, and always the same."""

from sqlalchemy import ColumnElement, and_, case, false, literal, or_

from dunflow.config.book import Book
from dunflow.config.portfolio import LANGUAGES
from dunflow.ledger.tables import customer

FIELD = "field"
"""Who visits: there is one list."""


def names_of(book: Book, channel: str) -> list[str]:
    """The teams that have a list of this channel."""
    return [FIELD] if channel == "visit" else [team.team for team in book.portfolio.calls.teams]


def belongs_to(book: Book, channel: str, team: str) -> ColumnElement[bool]:
    """Whether the customer's row is this team's.

    Several teams of one language share its customers by their number. A language that no team
    speaks is the first one's.
    """
    if channel == "visit":
        return literal(value=True)
    spoken = case(
        (customer.c.language.in_(LANGUAGES), customer.c.language),
        else_=literal(book.portfolio.language),
    )
    teams = book.portfolio.calls.teams
    own = []
    for language in LANGUAGES:
        able = [each for each in teams if language in each.languages] or teams[:1]
        own += [
            and_(spoken == language, customer.c.customer_id % len(able) == place)
            for place, each in enumerate(able)
            if each.team == team
        ]
    return or_(false(), *own)
