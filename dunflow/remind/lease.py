"""Writes down a claim: the lease, the text that goes out, the amounts of now."""

import datetime as dt
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from sqlalchemy import BigInteger, Connection, Date, Numeric, Text, select, update
from sqlalchemy.dialects.postgresql import insert

from dunflow.config.book import Book
from dunflow.config.portfolio import Language
from dunflow.decide.windows import Span
from dunflow.errors import ConfigError
from dunflow.ledger.given import Kind, given
from dunflow.ledger.tables import contact, contact_account, contact_text
from dunflow.remind.compose import facts_for, worded_in
from dunflow.remind.render.content import faults
from dunflow.remind.render.forms import forms
from dunflow.remind.render.lint import offends
from dunflow.remind.render.message import Text as Wording
from dunflow.remind.render.message import render
from dunflow.remind.render.templates import EmptySlotError
from dunflow.remind.senders.outcome import Message
from dunflow.remind.verdict import Checked

LEASE = dt.timedelta(seconds=90)
"""Longer than any row is held before its call (ten seconds) plus the slowest call."""


@dataclass(frozen=True, repr=False)
class Claimed:
    """A contact that this worker holds, ready to go out. `repr` is left out: personal data."""

    contact_id: int
    attempt: int
    message: Message


@dataclass(frozen=True, repr=False)
class Taken:
    """What became of contacts that may go out: most are held now.

    `offending`: contact → the reason why its text may not go out. `unworded`: contact → why its
    text can't be written, which says nothing against it. `repr` is left out: personal data.
    """

    claimed: list[Claimed] = field(default_factory=list)
    offending: dict[int, str] = field(default_factory=dict)
    unworded: dict[int, str] = field(default_factory=dict)


def take(
    conn: Connection,
    book: Book,
    going: list[tuple[Checked, Span]],
    most: int,
    now: dt.datetime,
) -> Taken:
    """Hold these contacts, `most` of them, each with the text that goes out."""
    taken = Taken()
    # Asks for files, and there are few templates.
    wording_of = cache(partial(worded_in, book))
    rows, texts, amounts, drops = [], [], [], []
    for checked, span in going:
        if len(taken.claimed) == most:
            break
        row, person, named = checked.contact, checked.person, checked.named
        spoken = [each for each in named if not each.quiet]
        language = wording_of(row.channel, row.template, person.language)
        try:
            slots = facts_for(book, row, person.name, language, spoken)
            text = render(row.channel, row.template, slots, book.folder)
        except EmptySlotError:
            taken.offending[row.contact_id] = "lint.empty"
            continue
        except ConfigError as error:
            taken.unworded[row.contact_id] = str(error)
            continue
        said = forms(text, slots)
        if family := offends(said):
            taken.offending[row.contact_id] = f"lint.{family}"
            continue
        where = f"template {language}/{row.template} by {row.channel}"
        if lacking := faults(where, text, said, row.channel, slots, book.floor):
            taken.unworded[row.contact_id] = "; ".join(lacking)
            continue
        rows.append(
            {
                "of": row.contact_id,
                "to": person.address,
                "on": checked.today,
                "owed": spoken[0].overdue,
            }
        )
        texts.append({"contact_id": row.contact_id, "subject": text.subject, "body": text.body})
        for each in named:
            of = {"of": row.contact_id, "which": each.account_id}
            if each.quiet:
                drops.append({**of, "why": each.quiet})
            else:
                amounts.append({**of, "amount": each.overdue})
        until = min(span.closes_at, row.expires_at)
        message = _message(checked, text, language, until)
        taken.claimed.append(Claimed(row.contact_id, row.attempts + 1, message))
    if taken.claimed:
        _write_claims(conn, rows, now)
        _write_texts(conn, texts)
        _write_accounts(conn, amounts, drops)
    return taken


def _message(checked: Checked, text: Wording, language: Language, until: dt.datetime) -> Message:
    return Message(
        reference=checked.contact.reference,
        channel=checked.contact.channel,
        to=checked.person.address,
        body=text.body,
        subject=text.subject,
        html=text.html,
        valid_until=until,
        language=language,
    )


def _write_claims(conn: Connection, rows: list[dict[str, Any]], now: dt.datetime) -> None:
    taken = given("taken", {"of": BigInteger, "to": Text, "on": Date, "owed": Numeric}, rows)
    conn.execute(
        update(contact)
        .where(contact.c.contact_id == taken.c.of)
        .values(
            state="claimed",
            reason=None,
            attempts=contact.c.attempts + 1,
            claimed_at=now,
            lease_until_at=now + LEASE,
            address=taken.c.to,
            contact_on=taken.c.on,
            amount=taken.c.owed,
        )
    )


def _write_texts(conn: Connection, texts: list[dict[str, Any]]) -> None:
    kinds: dict[str, Kind] = {"contact_id": BigInteger, "subject": Text, "body": Text}
    written = insert(contact_text).from_select(list(kinds), select(given("said", kinds, texts)))
    conn.execute(
        written.on_conflict_do_update(
            index_elements=[contact_text.c.contact_id],
            set_={"subject": written.excluded.subject, "body": written.excluded.body},
        )
    )


def _write_accounts(
    conn: Connection, amounts: list[dict[str, Any]], drops: list[dict[str, Any]]
) -> None:
    """What each account owes now, where that differs from the plan; and which are left out."""
    owed = given("owed", {"of": BigInteger, "which": BigInteger, "amount": Numeric}, amounts)
    conn.execute(
        update(contact_account)
        .where(
            contact_account.c.contact_id == owed.c.of,
            contact_account.c.account_id == owed.c.which,
            contact_account.c.amount != owed.c.amount,
        )
        .values(amount=owed.c.amount)
    )
    if drops:
        left_out = given("left_out", {"of": BigInteger, "which": BigInteger, "why": Text}, drops)
        conn.execute(
            update(contact_account)
            .where(
                contact_account.c.contact_id == left_out.c.of,
                contact_account.c.account_id == left_out.c.which,
            )
            .values(dropped=left_out.c.why, occupies=False)
        )
