"""The texts of one automated call, as they were fixed when it was claimed."""

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, select

from dunflow.config.book import Book
from dunflow.ledger.references import bears
from dunflow.ledger.tables import (
    account,
    contact,
    contact_account,
    contact_text,
    customer,
    portfolio,
)
from dunflow.remind.compose import worded_in
from dunflow.remind.voice import Script, pins_of

MADE = ("claimed", "in_doubt", "parked", "accepted", "delivered")


class Call(NamedTuple):
    """A contact by automated call, and whom it reaches."""

    contact_id: int
    portfolio_id: int
    customer_id: int
    address: str | None
    claimed_at: dt.datetime | None


def call_of(conn: Connection, reference: str) -> Call | None:
    """The call of this reference; None: we make no such call."""
    found = conn.execute(
        select(
            contact.c.contact_id,
            contact.c.portfolio_id,
            contact.c.customer_id,
            contact.c.address,
            contact.c.claimed_at,
        ).where(
            bears(reference),
            contact.c.channel == "voice",
            contact.c.state.in_(MADE),
        )
    ).one_or_none()
    return None if found is None else Call(*found)


def script_of(conn: Connection, books: Mapping[str, Book], reference: str) -> Script | None:
    """What the call says; None if we make no such call."""
    call = call_of(conn, reference)
    if call is None:
        return None
    text = conn.execute(
        select(
            contact_text.c.subject,
            contact_text.c.body,
            contact.c.template,
            customer.c.language,
            portfolio.c.name,
        )
        .join(contact, contact.c.contact_id == contact_text.c.contact_id)
        .join(customer, customer.c.customer_id == contact.c.customer_id)
        .join(portfolio, portfolio.c.portfolio_id == contact.c.portfolio_id)
        .where(contact_text.c.contact_id == call.contact_id)
    ).one_or_none()
    book = books.get(text.name) if text else None
    if text is None or text.subject is None or book is None:
        return None
    refs = conn.execute(
        select(account.c.account_ref)
        .join(contact_account, contact_account.c.account_id == account.c.account_id)
        .where(contact_account.c.contact_id == call.contact_id, contact_account.c.dropped.is_(None))
    ).scalars()
    language = worded_in(book, "voice", text.template, text.language)
    return Script(language, text.subject, text.body, pins_of(refs), book.folder)
