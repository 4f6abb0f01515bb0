"""The text of a claimed contact, from what is true at the moment of sending."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.config.portfolio import LANGUAGES, Language
from dunflow.remind.render.message import Text, is_written, render
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


def compose(
    book: Book, row: Row[Any], name: str | None, language: Language, spoken: list[Named]
) -> Text:
    """The contact's text in this language, for the accounts that are spoken of.

    `row` is the contact's, `name` the customer's. The first account leads.
    """
    portfolio = book.portfolio
    slots = Slots(
        reference=row.reference,
        language=language,
        customer_name=name,
        lender=portfolio.lender,
        currency=row.currency,
        accounts=tuple(
            Line(each.account_ref, each.overdue, each.due_on, each.dpd) for each in spoken
        ),
        as_of=row.business_date,
    )
    return render(row.channel, row.template, slots, book.folder)
