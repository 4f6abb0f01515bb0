"""What was listed for people or for the printer and may no longer be done, before they have it.

It was never done: its step is decided again, on fresh figures.
"""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, exists, select, update

from dunflow.config.book import Book
from dunflow.ledger.given import among
from dunflow.ledger.loads import newest_accepted
from dunflow.ledger.tables import ACTUAL, contact
from dunflow.remind import outbox
from dunflow.remind.consequences import refresh_ladder, take_back_gap
from dunflow.remind.recheck import forbidden


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
    newest facts; their numbers. `code` says where they never came to.

    They were listed and so far counted as made. They were not: no cap, no gap and no number of
    attempts counts them.
    """
    late = set(conn.execute(waiting.where(too_late)).scalars())
    left = set(conn.execute(waiting.where(~too_late)).scalars())
    newest = newest_accepted(conn, portfolio_id)
    gone = late | set(forbidden(conn, book, portfolio_id, left, now, newest) if left else ())
    undone = conn.execute(
        update(contact)
        .where(among(contact.c.contact_id, sorted(gone)), contact.c.state.in_(ACTUAL))
        .values(state="cancelled", reason=code, ended_at=now, accepted_at=None, contact_on=None)
        .returning(contact.c.contact_id)
    ).scalars()
    contacts = sorted(undone)
    outbox.make_room(conn, contacts)
    take_back_gap(conn, contacts)
    refresh_ladder(conn, book, contacts)
    return gone


def leave_out(
    conn: Connection, batch: Table, line: Table, number: int, gone: Collection[int]
) -> bool:
    """Take these contacts out of a batch that nobody has yet; whether anything is left in it. A
    batch of nothing is forgotten."""
    (key,) = batch.primary_key
    of_batch = line.c[key.name] == number
    conn.execute(delete(line).where(of_batch, among(line.c.contact_id, sorted(gone))))
    left = conn.execute(select(exists().where(of_batch))).scalar_one()
    if not left:
        conn.execute(delete(batch).where(key == number))
    return bool(left)


def waiting_in(which: ColumnElement[bool]) -> Select[int]:
    """The contacts of which that holds."""
    return select(contact.c.contact_id).where(which)
