"""Lists of calls and visits as pages: what to do, what it came to, and what is forbidden by now."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from dunflow.config.book import Book, read_book
from dunflow.ledger.tables import contact, portfolio, result, worklist, worklist_line
from dunflow.remind.recheck import forbidden
from dunflow.worklists.lines import FIELDS, TO_FILL_IN, rows_of

NEWEST = 40


@dataclass(frozen=True)
class Head:
    """One list: whose, for which day, how many lines and how many with a result."""

    reference: str
    portfolio: str
    channel: str
    team: str
    listed_on: dt.date
    lines: int
    done: int


@dataclass(frozen=True, repr=False)
class Page:
    """A list with its lines. `repr` is left out: personal data."""

    head: Head
    lines: list[dict[str, Any]]


def heads(conn: Connection, reference: str | None = None) -> list[Head]:
    """The newest lists of every portfolio, or the one of this reference."""
    counted = (
        select(func.count(), func.count(result.c.contact_id))
        .select_from(worklist_line)
        .outerjoin(result, result.c.contact_id == worklist_line.c.contact_id)
        .where(worklist_line.c.worklist_id == worklist.c.worklist_id)
        .lateral()
    )
    query = (
        select(
            worklist.c.reference,
            portfolio.c.name,
            worklist.c.channel,
            worklist.c.team,
            worklist.c.listed_on,
            counted.c[0],
            counted.c[1],
        )
        .join(portfolio, portfolio.c.portfolio_id == worklist.c.portfolio_id)
        .join(counted, portfolio.c.portfolio_id.is_not(None))
        .order_by(worklist.c.listed_on.desc(), worklist.c.worklist_id.desc())
        .limit(NEWEST)
    )
    if reference is not None:
        query = query.where(worklist.c.reference == reference)
    return [Head(*row) for row in conn.execute(query)]


def head_of(conn: Connection, reference: str) -> Head | None:
    """The list of this reference, as somebody typed it; None: there is none."""
    # PostgreSQL takes no text with a NUL in it.
    return None if "\0" in reference else next(iter(heads(conn, reference)), None)


def page_of(
    conn: Connection, head: Head, now: dt.datetime, books: Callable[[str], Book] = read_book
) -> Page:
    """The lines of a list. Raises ConfigError where its portfolio can't be read."""
    book = books(head.portfolio)
    rows = conn.execute(
        select(
            worklist.c.worklist_id,
            worklist.c.portfolio_id,
            worklist.c.made_at,
            contact.c.contact_id,
            contact.c.reference,
            contact.c.expires_at,
            result.c.result,
        )
        .join(worklist_line, worklist_line.c.worklist_id == worklist.c.worklist_id)
        .join(contact, contact.c.contact_id == worklist_line.c.contact_id)
        .outerjoin(result, result.c.contact_id == contact.c.contact_id)
        .where(worklist.c.reference == head.reference)
    ).all()
    at = rows[0].made_at if book.portfolio.clock == "replay" else now
    spoken = forbidden(conn, book, rows[0].portfolio_id, [row.contact_id for row in rows], at)
    numbers = {row.reference: row for row in rows}
    today = book.portfolio.calendar.local_date(at)
    fields = FIELDS[head.channel]
    lines = []
    for _, values in rows_of(conn, book, head.channel, rows[0].worklist_id):  # type: ignore[arg-type]
        line = {
            name: value
            for name, value in zip(fields, values, strict=True)
            if name not in TO_FILL_IN
        }
        for name in ("on", "from", "until"):
            line[name] = line.get(f"{head.channel}_{name}")
        line["where"] = line.get("phone") or line.get("address")
        of = numbers[str(line["reference"])]
        # A visit that was announced is paid days after its order.
        on = line["on"]
        over = on < today if isinstance(on, dt.date) else of.expires_at <= at
        line["result"] = of.result
        line["forbidden"] = spoken.get(of.contact_id) or ("the day is over" if over else None)
        if line["result"]:
            line["forbidden"] = None
        lines.append(line)
    return Page(head, lines)
