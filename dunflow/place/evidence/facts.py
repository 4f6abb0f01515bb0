"""What the ledger can prove about accounts: what went out when and arrived, promises, payments."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, func, literal, select

from dunflow.assess.printed import went_at
from dunflow.assess.progress import local_day
from dunflow.assess.promises import promise_states
from dunflow.config.book import Book
from dunflow.ledger.points import POINT_OF
from dunflow.ledger.tables import (
    ACTUAL,
    Instant,
    contact,
    contact_account,
    contact_text,
    episode,
    payment,
    placement,
    print_batch,
    print_line,
    promise,
)
from dunflow.money import for_people

Told = dict[str, str]


def facts(
    conn: Connection,
    book: Book,
    placements: Sequence[int],
    fields: Sequence[str],
    now: dt.datetime,
) -> dict[int, dict[str, list[Told]]]:
    """Placement → its tables of rows, as they are to be read. Personal data."""
    found: dict[int, dict[str, list[Told]]] = {
        each: {"contacts": [], "notices": [], "promises": [], "payments": []} for each in placements
    }
    reader = _Reader(book)
    for row in conn.execute(_contacts(placements)):
        # Where a channel reached somebody is shown where the receiver is given that field.
        shown = POINT_OF[row.channel] in fields
        found[row.placement_id]["contacts"].append(reader.contact(row, shown))
        if row.purpose == "notice" and row.body is not None:
            found[row.placement_id]["notices"].append(reader.notice(row))
    for row in conn.execute(_promises(book, placements, now)):
        found[row.placement_id]["promises"].append(reader.promise(row))
    for row in conn.execute(_payments(book, placements)):
        found[row.placement_id]["payments"].append(reader.payment(row))
    return found


def _contacts(placements: Sequence[int]) -> Select[Any]:
    """Everything that went out about the account in this episode, agencies' contacts included.

    Letters that the printer never had are left out: nobody was sent them."""
    c = contact.c
    return (
        select(
            placement.c.placement_id,
            went_at().label("sent_at"),
            c.ended_at,
            c.channel,
            c.step,
            c.purpose,
            c.state,
            c.address,
            c.reference,
            c.provider_id,
            contact_account.c.amount,
            c.currency,
            contact_text.c.subject,
            contact_text.c.body,
            print_batch.c.reference.label("printed_in"),
        )
        .join(
            contact_account,
            and_(
                contact_account.c.ladder_episode_id == placement.c.episode_id,
                contact_account.c.account_id == placement.c.account_id,
                contact_account.c.dropped.is_(None),
            ),
        )
        .join(contact, c.contact_id == contact_account.c.contact_id)
        .outerjoin(contact_text, contact_text.c.contact_id == c.contact_id)
        .outerjoin(
            print_line,
            and_(print_line.c.contact_id == c.contact_id, print_line.c.unprintable.is_(None)),
        )
        .outerjoin(print_batch, print_batch.c.print_batch_id == print_line.c.print_batch_id)
        .where(
            placement.c.placement_id.in_(placements),
            c.state.in_(ACTUAL),
            went_at().is_not(None),
        )
        .order_by("sent_at", c.contact_id)
    )


def _promises(book: Book, placements: Sequence[int], now: dt.datetime) -> Select[Any]:
    p = promise.c
    asked = (
        select(placement.c.account_id, literal(now, Instant).label("at"))
        .where(placement.c.placement_id.in_(placements))
        .distinct()
        .subquery("asked")
    )
    states = promise_states(book, asked).subquery("states")
    return (
        select(placement.c.placement_id, p.made_at, p.amount, p.currency, p.promised_on)
        .add_columns(func.coalesce(states.c.state, "cancelled").label("state"))
        .join(promise, p.account_id == placement.c.account_id)
        .outerjoin(states, states.c.promise_id == p.promise_id)
        .where(placement.c.placement_id.in_(placements))
        .order_by(p.made_at, p.promise_id)
    )


def _payments(book: Book, placements: Sequence[int]) -> Select[Any]:
    """Since the account came onto the ladder."""
    p = payment.c
    return (
        select(placement.c.placement_id, p.booked_at, p.amount, p.currency)
        .join(episode, episode.c.episode_id == placement.c.episode_id)
        .join(
            payment,
            and_(
                p.account_id == placement.c.account_id,
                local_day(book, p.booked_at) >= episode.c.started_on,
            ),
        )
        .where(placement.c.placement_id.in_(placements))
        .order_by(p.booked_at, p.payment_id)
    )


class _Reader:
    """Rows as a reader sees them: amounts in their currency, instants in the portfolio's zone."""

    def __init__(self, book: Book) -> None:
        self._zone, self._language = book.portfolio.zone, book.portfolio.language

    def contact(self, row: Any, shown: bool) -> Told:
        arrived = row.state == "delivered" and row.ended_at
        return {
            "sent": self._at(row.sent_at),
            "channel": row.channel,
            "step": row.step or "-",
            "purpose": row.purpose,
            "to": (row.address or "") if shown else "",
            "amount": self._money(row) if row.amount else "",
            "state": row.state,
            "arrived": self._at(row.ended_at) if arrived else "",
            "proof": row.printed_in or row.provider_id or row.reference,
        }

    def notice(self, row: Any) -> Told:
        return {
            "sent": self._at(row.sent_at),
            "reference": row.reference,
            "text": "\n".join(part for part in (row.subject, row.body) if part),
        }

    def promise(self, row: Any) -> Told:
        return {
            "made": self._at(row.made_at),
            "by": row.promised_on.isoformat(),
            "amount": self._money(row),
            "state": row.state,
        }

    def payment(self, row: Any) -> Told:
        return {"booked": self._at(row.booked_at), "amount": self._money(row)}

    def _at(self, instant: dt.datetime) -> str:
        return f"{instant.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def _money(self, row: Any) -> str:
        return for_people(row.amount, row.currency, self._language)
