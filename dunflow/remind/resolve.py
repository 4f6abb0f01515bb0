"""What no provider could tell, a person decides: it was sent, or it was not."""

import datetime as dt
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from dunflow.config.book import Book
from dunflow.errors import DunflowError
from dunflow.ledger.references import bears
from dunflow.ledger.tables import account, contact, resolution
from dunflow.remind import outbox
from dunflow.remind.consequences import refresh_ladder, start_gap

OPEN = ("parked", "in_doubt")


class ResolveError(DunflowError):
    """There is no such contact, or nothing to resolve about it."""


def waiting(conn: Connection, portfolio_id: int) -> list[dict[str, Any]]:
    """The contacts that wait for a person, or still for a provider; nothing about the person."""
    rows = conn.execute(
        select(
            contact.c.reference,
            contact.c.state,
            account.c.account_ref.label("account"),
            contact.c.business_date,
            contact.c.step,
            contact.c.channel,
            contact.c.claimed_at,
            contact.c.ask_at,
            contact.c.reason,
        )
        .join(account, account.c.account_id == contact.c.account_id)
        .where(contact.c.portfolio_id == portfolio_id, contact.c.state.in_(OPEN))
        .order_by(contact.c.state.desc(), contact.c.claimed_at, contact.c.contact_id)
    )
    return [dict(row._mapping) for row in rows]


def resolve(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    reference: str,
    *,
    sent: bool,
    reason: str,
    by: str,
    now: dt.datetime,
) -> str:
    """Decide about one contact; the state that it has now. Kept, with the reason.

    Not sent, it goes out again if its date still lives, and else its step is decided anew.
    """
    found = conn.execute(
        select(contact.c.contact_id, contact.c.state)
        .where(contact.c.portfolio_id == portfolio_id, bears(reference))
        .with_for_update()
    ).first()
    if found is None:
        raise ResolveError(
            f"{reference}: {book.name} has no contact with this reference; "
            f"see dunflow resolve {book.name}"
        )
    if found.state not in OPEN:
        raise ResolveError(f"{reference}: is {found.state}; only parked or in_doubt is open")
    conn.execute(
        insert(resolution).values(
            contact_id=found.contact_id,
            sent=sent,
            reason=reason,
            resolved_by=by,
            resolved_at=now,
        )
    )
    this_one = and_(contact.c.contact_id == found.contact_id, contact.c.state.in_(OPEN))
    if not sent:
        return str(outbox.plan_again(conn, this_one, now))
    conn.execute(
        update(contact)
        .where(this_one)
        .values(
            state="accepted",
            reason="by a person",
            accepted_at=func.coalesce(contact.c.claimed_at, now),
            ask_at=None,
        )
    )
    start_gap(conn, [found.contact_id])
    refresh_ladder(conn, book, [found.contact_id])
    return "accepted"
