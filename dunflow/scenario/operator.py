"""What an operator does in a scenario: brakes, a contact in doubt, a date that was stopped."""

import datetime as dt

from sqlalchemy import Connection, select

from dunflow.config.book import Book
from dunflow.ledger.tables import account, contact
from dunflow.remind import brake
from dunflow.remind.resolve import OPEN, resolve
from dunflow.scenario.model import Entry, Instant, Resolve
from dunflow.snapshot.accept import accept

WHY, BY = "a person said so", "scenario"


def said_at(entry: Entry) -> Instant | None:
    """When an entry of these kinds happens; None for every other one."""
    said = entry.stop or entry.resume or entry.resolve or entry.accept
    return said.at if said else None


def operate(
    conn: Connection, book: Book, portfolio_id: int, entry: Entry, now: dt.datetime
) -> None:
    """Do it as the command line would."""
    if entry.stop:
        brake.pull(conn, portfolio_id, entry.stop.channel, WHY, BY, now)
    elif entry.resume:
        brake.release(conn, portfolio_id, entry.resume.channel, WHY, BY, now)
    elif entry.resolve:
        reference = _open_contact(conn, portfolio_id, entry.resolve)
        sent = entry.resolve.sent
        resolve(conn, book, portfolio_id, reference, sent=sent, reason=WHY, by=BY, now=now)
    elif entry.accept:
        accept(conn, book, portfolio_id, entry.accept.date, WHY, BY, now)


def _open_contact(conn: Connection, portfolio_id: int, said: Resolve) -> str:
    """The reference of the account's contact; one that there is not is refused by its name."""
    found: str | None = conn.execute(
        select(contact.c.reference)
        .join(account, account.c.account_id == contact.c.account_id)
        .where(
            contact.c.portfolio_id == portfolio_id,
            account.c.account_ref == said.account,
            contact.c.state.in_(OPEN),
        )
    ).scalar()
    return found or f"of {said.account}"
