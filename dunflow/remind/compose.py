"""What the text of a claimed contact is made of: what is true at the moment of sending."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.config.portfolio import LANGUAGES, Language
from dunflow.remind.render.message import is_written
from dunflow.remind.render.slots import Line, Slots


@dataclass(frozen=True)
class Named:
    """An account that a contact names, as it stands now; `quiet`: the guard that speaks, if any."""

    account_id: int
    account_ref: str
    overdue: Decimal
    due_on: dt.date
    dpd: int
    quiet: str | None


def language_of(book: Book, declared: str | None) -> Language:
    """The customer's language, or the portfolio's where it is none that texts are written in."""
    known: dict[str | None, Language] = {each: each for each in LANGUAGES}
    return known.get(declared, book.portfolio.language)


def worded_in(book: Book, channel: Channel, template: str, declared: str | None) -> Language:
    """The language of a contact's text: the customer's, or the portfolio's where the template has
    no words in theirs for this channel."""
    language = language_of(book, declared)
    own = book.portfolio.language
    if language == own or is_written(language, template, channel, book.folder):
        return language
    return own


def facts_for(
    book: Book, row: Row[Any], name: str | None, language: Language, spoken: list[Named]
) -> Slots:
    """What the contact's text is made of in this language, for the accounts that are spoken of.

    `row` is the contact's, `name` the customer's. The first account leads.
    """
    return Slots(
        reference=row.reference,
        language=language,
        customer_name=name,
        lender=book.portfolio.lender,
        currency=row.currency,
        accounts=tuple(
            Line(each.account_ref, each.overdue, each.due_on, each.dpd) for each in spoken
        ),
        as_of=row.business_date,
    )
