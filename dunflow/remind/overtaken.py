"""What was listed for people or for the printer and may no longer be done, before they have it.

It was never done: its step is decided again, on fresh figures.
"""

import datetime as dt

from sqlalchemy import ColumnElement, Connection, Select, select

from dunflow.config.book import Book
from dunflow.ledger.loads import newest_accepted
from dunflow.ledger.tables import contact
from dunflow.remind import receipts
from dunflow.remind.recheck import forbidden
from dunflow.remind.senders.outcome import Seen


def give_up(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    waiting: Select[int],
    too_late: ColumnElement[bool],
    code: str,
    now: dt.datetime,
) -> set[int]:
    """Of the contacts `waiting`, give up those for which it is `too_late`, or a guard speaks by the
    newest facts; their numbers. `code` says where they never came to."""
    late = set(conn.execute(waiting.where(too_late)).scalars())
    left = set(conn.execute(waiting.where(~too_late)).scalars())
    newest = newest_accepted(conn, portfolio_id)
    gone = late | set(forbidden(conn, book, portfolio_id, left, now, newest) if left else ())
    undone = Seen(None, None, "undelivered", code, "later")
    receipts.take(conn, book, [(of, undone) for of in sorted(gone)], now)
    return gone


def waiting_in(which: ColumnElement[bool]) -> Select[int]:
    """The contacts of which that holds."""
    return select(contact.c.contact_id).where(which)
