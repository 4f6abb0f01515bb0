"""Lets go of what nobody asks to be kept any longer.

Each part is a transaction of its own and finds by itself what is left to do, so it may be killed
anywhere and run again.
"""

import datetime as dt
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, delete, insert, or_, select, text, update
from sqlalchemy.exc import OperationalError

from dunflow.clock import DAY
from dunflow.config.book import Book
from dunflow.config.period import earlier, later
from dunflow.ledger import partitions
from dunflow.ledger.engine import portfolio_lock
from dunflow.ledger.loads import newest_accepted
from dunflow.ledger.owners import person_of
from dunflow.ledger.scratch import keep
from dunflow.ledger.tables import (
    customer,
    decision,
    decision_replaced,
    erasure,
    load,
    quarantine,
    reply,
    snapshot,
)
from dunflow.retain.accounts import accounts_of, contacted_accounts_of, ids_of
from dunflow.retain.activity import active_accounts, last_activity, quiet_people
from dunflow.retain.erase import (
    erase_contact_points,
    erase_nobodys_addresses,
    erase_records,
    erase_snapshots,
)

BY = "housekeeping"
BATCH = 5_000
DAILY = (snapshot, decision)


@dataclass
class Aged:
    """What was let go, in counts."""

    records: int = 0
    """Customers who were erased before, and whose records were now."""
    people: int = 0
    replies: int = 0
    """From people who are no customers."""
    addresses: int = 0
    """At which no customer is reached, and of which something was said."""
    rows: int = 0
    """Of snapshots and decisions."""
    partitions: int = 0
    since: dt.date | None = None
    """What happened on this day or later is kept; None: there is no accepted date yet."""
    waiting: list[str] = field(default_factory=list)
    """Partitions that are empty and were in use: the next run drops them."""


def age(engine: Engine, book: Book, portfolio_id: int, now: dt.datetime) -> Aged:
    """Let go of all that is older than the portfolio keeps.

    Counted back from the day after its newest accepted date: a book that stands still loses
    nothing, and a replayed one lives in its own years.
    """
    with engine.connect() as conn:
        newest = newest_accepted(conn, portfolio_id)
    if newest is None:
        return Aged()
    today, since = newest + DAY, earlier(newest + DAY, book.keep_records)
    aged = Aged(since=since)
    aged.records = _records_due(engine, book, portfolio_id, today, now)
    aged.people = _quiet_people(engine, book, portfolio_id, newest, since, now)
    with engine.begin() as conn:
        aged.replies = _nobodys_replies(conn, book, portfolio_id, since)
        begins = book.portfolio.calendar.start_of(since)
        aged.addresses = erase_nobodys_addresses(conn, portfolio_id, begins)
    for date in _old_dates(engine, portfolio_id, since):
        with portfolio_lock(engine, book.name) as conn:
            aged.rows += _thin(conn, book, portfolio_id, date, since)
        for name in _emptied(engine, portfolio_id, date):
            if _drop(engine, name):
                aged.partitions += 1
            else:
                aged.waiting.append(name)
    return aged


def _records_due(
    engine: Engine, book: Book, portfolio_id: int, today: dt.date, now: dt.datetime
) -> int:
    """Erase the records whose day has come; of how many people.

    More may ask for them than when that day was named: who was erased may be the same person as
    somebody else by now, with whom more happened. Then their day is a later one.
    """
    due = (
        select(
            erasure.c.erasure_id,
            erasure.c.erased_at,
            person_of(customer).label("person"),
        )
        .join(customer, customer.c.customer_id == erasure.c.customer_id)
        .where(
            erasure.c.portfolio_id == portfolio_id,
            erasure.c.records_until <= today,
            erasure.c.records_erased_at.is_(None),
        )
        .order_by(erasure.c.erasure_id)
        .limit(1)
    )
    count = 0
    while True:
        # No ids are merged meanwhile.
        with portfolio_lock(engine, book.name) as conn:
            one = conn.execute(due).one_or_none()
            if one is None:
                return count
            people = ids_of(conn, [one.person])
            accounts = accounts_of(conn, book, portfolio_id, one.person)
            last = last_activity(
                conn,
                book,
                people,
                accounts,
                before=one.erased_at,
                now=book.portfolio.calendar.start_of(today),
            )
            this = update(erasure).where(erasure.c.erasure_id == one.erasure_id)
            if last and (until := later(last, book.keep_records)) > today:
                conn.execute(this.values(records_until=until))
                continue
            # Who came back since is a customer like any other: what is newer stays.
            erase_records(conn, people, accounts, one.erased_at)
            erased_on = book.portfolio.calendar.local_date(one.erased_at)
            erase_snapshots(conn, portfolio_id, people, accounts, erased_on)
            conn.execute(this.values(records_erased_at=now))
        count += 1


def _quiet_people(
    engine: Engine,
    book: Book,
    portfolio_id: int,
    newest: dt.date,
    since: dt.date,
    now: dt.datetime,
) -> int:
    count = 0
    while True:
        with portfolio_lock(engine, book.name) as conn:
            found = quiet_people(book, portfolio_id, newest, since).limit(BATCH)
            people = list(conn.execute(found).scalars())
            if not people:
                return count
            ids = ids_of(conn, people)
            accounts = contacted_accounts_of(conn, book, ids)
            # What was said of an address since then may be about whoever has it now.
            begins = book.portfolio.calendar.start_of(since)
            erase_contact_points(conn, portfolio_id, ids, newest + DAY, begins)
            erase_records(conn, ids, accounts, now)
            conn.execute(
                insert(erasure),
                [
                    {
                        "portfolio_id": portfolio_id,
                        "customer_id": each,
                        "erased_at": now,
                        "erased_by": BY,
                        "reason": f"nothing happened since {since}",
                        "records_until": since,
                        "records_erased_at": now,
                    }
                    for each in people
                ],
            )
        count += len(people)


def _nobodys_replies(conn: Connection, book: Book, portfolio_id: int, since: dt.date) -> int:
    old = (
        update(reply)
        .where(
            reply.c.portfolio_id == portfolio_id,
            reply.c.customer_id.is_(None),
            reply.c.received_at < book.portfolio.calendar.start_of(since),
            or_(
                reply.c.address.is_not(None),
                reply.c.body != "",
                reply.c.decided_because.is_not(None),
            ),
        )
        .values(address=None, body="", decided_because=None)
    )
    return conn.execute(old).rowcount


def _old_dates(engine: Engine, portfolio_id: int, since: dt.date) -> list[dt.date]:
    with engine.connect() as conn:
        there = {date for table in DAILY for date in partitions.dates(conn, table, portfolio_id)}
        loaded = select(load.c.business_date).where(load.c.portfolio_id == portfolio_id)
        there |= set(conn.execute(loaded).scalars())
    return sorted(date for date in there if date < since)


def _thin(conn: Connection, book: Book, portfolio_id: int, date: dt.date, since: dt.date) -> int:
    """Delete what an old date says of accounts with which nothing happened for long; how many rows.

    Those with which something still happens keep their whole story.
    """
    active = keep(
        conn, "active", select(active_accounts(book, portfolio_id, since).subquery("all_active"))
    )
    gone = 0
    for table in (*DAILY, decision_replaced, quarantine):
        kept = select(active.c.account_id).where(active.c.account_id == table.c.account_id).exists()
        old = delete(table).where(
            table.c.portfolio_id == portfolio_id, table.c.business_date == date, ~kept
        )
        gone += conn.execute(old).rowcount
    # It counts what is no longer there.
    conn.execute(
        delete(load).where(load.c.portfolio_id == portfolio_id, load.c.business_date == date)
    )
    return gone


def _emptied(engine: Engine, portfolio_id: int, date: dt.date) -> list[str]:
    with engine.connect() as conn:
        return [
            partitions.name_of(table, portfolio_id, date)
            for table in DAILY
            if partitions.exists(conn, table, portfolio_id, date)
            and conn.execute(
                select(table.c.account_id)
                .where(table.c.portfolio_id == portfolio_id, table.c.business_date == date)
                .limit(1)
            ).first()
            is None
        ]


def _drop(engine: Engine, name: str) -> bool:
    """Whether it could be dropped. A run that reads the table is not kept waiting for it."""
    try:
        with engine.begin() as conn:
            conn.execute(text("SET LOCAL lock_timeout = '3s'"))
            conn.execute(text(f"DROP TABLE {name}"))
    except OperationalError:
        return False
    return True
