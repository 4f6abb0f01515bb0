"""Loads a pull as the snapshot of its business date: replaced in whole or not at all."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, exists, func, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from dunflow import money
from dunflow.config.book import Book
from dunflow.ledger import partitions
from dunflow.ledger.engine import lock_portfolio
from dunflow.ledger.loads import neighbours
from dunflow.ledger.tables import customer, quarantine, snapshot
from dunflow.ledger.tables import load as load_table
from dunflow.snapshot.columns import read_frames
from dunflow.snapshot.consents import bind_consents
from dunflow.snapshot.customers import Renewal, bad_contact_points, take_customers
from dunflow.snapshot.doubles import drop_unclear, rejected_rows, settle_doubles
from dunflow.snapshot.finding import are_covered, vouched_for
from dunflow.snapshot.first_seen import said_no_before, settle_first_seen
from dunflow.snapshot.gate import contacts_changed
from dunflow.snapshot.layout import make_layout
from dunflow.snapshot.missing import hold_missing
from dunflow.snapshot.numbers import match_rows, number_accounts
from dunflow.snapshot.pull import Pull, require_closed
from dunflow.snapshot.rows import fill_known, fill_new, fill_quarantine
from dunflow.snapshot.stage import Stage, ahead, fill_stage


@dataclass(frozen=True)
class Loaded:
    """What is in the ledger for a business date. Counts mean overdue accounts (DPD ≥ 1)."""

    state: str
    as_of: dt.datetime
    rows_read: int
    accounts: int
    customers: int
    overdue: Mapping[str, Decimal]
    quarantined: int
    contacts_changed: int = 0
    contacts_of: int = 0
    of_no_use: int = 0
    """Contact values of rows that were read: nobody can be reached by them."""
    columns: Sequence[str] | None = None
    """Which of ours the rows had; None: that is not known."""

    def figures(self) -> dict[str, Any]:
        """The same for a report: amounts as plain text, per currency."""
        return {
            "state": self.state,
            "rows_read": self.rows_read,
            "accounts": self.accounts,
            "customers": self.customers,
            "overdue": as_text(self.overdue),
            "quarantined": self.quarantined,
            "of_no_use": self.of_no_use,
        }


def load(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    pull: Pull,
    now: dt.datetime,
) -> Loaded:
    """Load `pull`, inside the caller's transaction, which holds the portfolio's lock from when all
    rows have come: a slow core keeps nobody waiting.

    Where the source can't show the date any more, the stored rows stay, or a gap is recorded. They
    stay as well where a run that began later was quicker.
    """
    require_closed(book, business_date, now)
    if pull.frames is None:
        lock_portfolio(conn, book.name)
        stored = _stored(conn, portfolio_id, business_date)
        if stored is not None:
            return stored
        loaded = Loaded("gap", pull.as_of, 0, 0, 0, {}, 0)
    else:
        source = book.portfolio.source
        chunks = read_frames(
            ahead(pull.frames),
            partial(make_layout, source),
            book.portfolio.currency,
            f"{book.name} {business_date}: {pull.where}",
        )
        stage = fill_stage(conn, chunks)
        lock_portfolio(conn, book.name)
        newer = _stored(conn, portfolio_id, business_date, after=now)
        if newer is not None:
            return newer
        try:
            with conn.begin_nested():
                renewal = _take(conn, book, portfolio_id, business_date, stage)
        except IntegrityError as error:
            # The snapshot's key finds out at no price whether an account stands on several lines.
            if not isinstance(error.orig, UniqueViolation):
                raise
            settle_doubles(conn, stage)
            renewal = _take(conn, book, portfolio_id, business_date, stage)
        quarantined = conn.execute(rejected_rows(stage)).scalar_one()
        loaded = Loaded(
            "loaded",
            pull.as_of,
            stage.rows_read,
            *count_overdue(conn, portfolio_id, business_date),
            quarantined,
            renewal.changed,
            renewal.of,
            _of_no_use(conn, portfolio_id, business_date),
            [each.name for each in stage.layout.fields if each.attribute is None],
        )
    _record(conn, portfolio_id, business_date, loaded, now)
    return loaded


def _take(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date, stage: Stage
) -> Renewal:
    """Put what was read where it belongs, in the place of what stood there of that date.

    Whose phone or email is another one; without a date to compare with it is nobody's.
    """
    drop_unclear(conn, stage)
    matched = match_rows(conn, book, portfolio_id, stage)
    again = partitions.exists(conn, snapshot, portfolio_id, business_date)

    def meanwhile() -> None:
        number_accounts(conn, portfolio_id, stage, matched)
        fill_known(conn, portfolio_id, business_date, matched, again)

    said_no = said_no_before(conn, portfolio_id)
    is_first = neighbours(conn, portfolio_id, business_date).before is None

    def is_trusted(renewal: Renewal) -> bool:
        found = contacts_changed(renewal.changed, renewal.of, book.portfolio.gate)
        vouched = vouched_for(conn, portfolio_id, business_date)
        return is_first or are_covered([found], vouched)

    taken = take_customers(
        conn, book, portfolio_id, business_date, stage, matched, meanwhile, is_trusted
    )
    bind_consents(conn, portfolio_id)
    fill_new(conn, portfolio_id, business_date, matched, again)
    settle_first_seen(conn, portfolio_id, business_date, said_no)
    bad = bad_contact_points(book, portfolio_id, stage, taken.readings)
    fill_quarantine(conn, portfolio_id, business_date, stage, bad)
    hold_missing(conn, portfolio_id, business_date, stage)
    return taken.renewal


def count_overdue(
    conn: Connection, portfolio_id: int, business_date: dt.date
) -> tuple[int, int, dict[str, Decimal]]:
    """Overdue accounts, their customers, and what they owe per currency."""
    s = snapshot.c
    overdue = select(s.customer_id, s.currency, s.overdue_amount).where(
        s.portfolio_id == portfolio_id,
        s.business_date == business_date,
        s.due_on < business_date,
        s.overdue_amount > 0,
    )
    rows = overdue.subquery("overdue")
    per_currency = conn.execute(
        select(rows.c.currency, func.count(), func.sum(rows.c.overdue_amount))
        .group_by(rows.c.currency)
        .order_by(rows.c.currency)
    ).all()
    # Asked from the customers' side, which all cores do; a DISTINCT would be one core's work.
    owes = exists().where(rows.c.customer_id == customer.c.customer_id)
    customers = conn.execute(
        select(func.count())
        .select_from(customer)
        .where(customer.c.portfolio_id == portfolio_id, owes)
    ).scalar_one()
    totals = {currency: total for currency, _, total in per_currency}
    return sum(count for _, count, _ in per_currency), customers, totals


def _stored(
    conn: Connection, portfolio_id: int, business_date: dt.date, after: dt.datetime | None = None
) -> Loaded | None:
    """What another run loaded for the date, or what one loaded that began `after` an instant."""
    row = conn.execute(
        select(load_table).where(
            load_table.c.portfolio_id == portfolio_id,
            load_table.c.business_date == business_date,
            true() if after is None else load_table.c.loaded_at > after,
        )
    ).one_or_none()
    if row is None:
        return None
    overdue = {currency: Decimal(amount) for currency, amount in row.overdue.items()}
    return Loaded(
        row.state,
        row.as_of_at,
        row.rows_read,
        row.accounts,
        row.customers,
        overdue,
        row.quarantined,
        row.contacts_changed,
        row.contacts_of,
        _of_no_use(conn, portfolio_id, business_date),
        row.columns,
    )


def _of_no_use(conn: Connection, portfolio_id: int, business_date: dt.date) -> int:
    q = quarantine.c
    counted = select(func.count()).where(
        q.portfolio_id == portfolio_id, q.business_date == business_date, ~q.rejects_account
    )
    return conn.execute(counted).scalar_one()


def _record(
    conn: Connection, portfolio_id: int, business_date: dt.date, loaded: Loaded, now: dt.datetime
) -> None:
    values = {
        "as_of_at": loaded.as_of,
        "loaded_at": now,
        "state": loaded.state,
        "rows_read": loaded.rows_read,
        "accounts": loaded.accounts,
        "customers": loaded.customers,
        "overdue": as_text(loaded.overdue),
        "quarantined": loaded.quarantined,
        "contacts_changed": loaded.contacts_changed,
        "contacts_of": loaded.contacts_of,
        "columns": loaded.columns,
        "gate": None,
        "stopped": None,
    }
    conn.execute(
        insert(load_table)
        .values(portfolio_id=portfolio_id, business_date=business_date, **values)
        .on_conflict_do_update(
            index_elements=[load_table.c.portfolio_id, load_table.c.business_date], set_=values
        )
    )


def as_text(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: money.plain(amount, currency) for currency, amount in amounts.items()}
