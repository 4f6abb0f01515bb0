"""Promises to pay as they are recorded and cancelled."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection, update
from sqlalchemy.dialects.postgresql import insert

from dunflow.assess.promises import pending_promises
from dunflow.clock import BusinessCalendar
from dunflow.config.book import Book
from dunflow.errors import DunflowError
from dunflow.ledger.tables import promise
from dunflow.money import require_payable

FURTHEST: Final = dt.timedelta(days=366)
"""A promise of a day further off than this is a slip of the pen: the account would be silent
without end. Who needs longer agrees on a plan."""
TOO_FAR: Final = "is over a year after it was promised; agree on a plan instead"


@dataclass(frozen=True)
class Promise:
    """To pay `amount` by the end of the day `promised_on`. Payments after `made_at` count."""

    account_id: int
    amount: Decimal
    currency: str
    promised_on: dt.date
    made_at: dt.datetime
    recorded_by: str
    reason: str | None = None
    ref: str | None = None


def record_promise(
    conn: Connection,
    portfolio_id: int,
    calendar: BusinessCalendar,
    given: Promise,
    now: dt.datetime,
) -> int | None:
    """Keep a promise; its number, or None if its `ref` was taken in before.

    Raises DunflowError for an amount that nobody can pay, and for a day that was over when it was
    made, or is too far off.
    """
    require_payable("promise", given.amount, given.currency)
    made_on = calendar.local_date(given.made_at)
    if given.promised_on < made_on:
        raise DunflowError(f"promise: {given.promised_on} is over; promise a day to come")
    if given.promised_on > made_on + FURTHEST:
        raise DunflowError(f"promised_on: {TOO_FAR}")
    row = insert(promise).values(
        portfolio_id=portfolio_id,
        account_id=given.account_id,
        amount=given.amount,
        currency=given.currency,
        promised_on=given.promised_on,
        made_at=given.made_at,
        recorded_at=now,
        recorded_by=given.recorded_by,
        reason=given.reason,
        promise_ref=given.ref,
    )
    number: int | None = conn.execute(
        row.on_conflict_do_nothing().returning(promise.c.promise_id)
    ).scalar()
    return number


def cancel_promises(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    account_id: int,
    cancelled_at: dt.datetime,
    cancelled_by: str,
    reason: str | None = None,
) -> int:
    """Cancel what the account promised and is waited for; how many.

    A cancelled promise was never broken. Those that were kept or broken by now stay so.
    """
    pending = pending_promises(book, portfolio_id, cancelled_at, [account_id]).subquery("pending")
    waited_for = (
        update(promise)
        .where(promise.c.promise_id == pending.c.promise_id)
        .values(cancelled_at=cancelled_at, cancelled_by=cancelled_by, cancelled_because=reason)
    )
    return conn.execute(waited_for).rowcount
