"""Money that came in: payments of the feed, and credit that is not yet applied.

However rows are delivered, twice or in another order, the ledger ends the same.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, exists, false, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import Insert, distinct_on, insert

from dunflow.intake.given import Given
from dunflow.intake.holders import ensure_account, ensure_customer
from dunflow.ledger.tables import credit, payment

OTHERWISE: Final = "was taken in before and said something else; the first word stands"


@dataclass(frozen=True)
class Payment:
    """What the core booked for one account; `ref` is the core's own number for it."""

    ref: str
    account_ref: str
    amount: Decimal
    currency: str
    booked_at: dt.datetime


@dataclass(frozen=True)
class Credit:
    """Money of a customer that no account has taken; `cancelled` money does not count."""

    ref: str
    customer_ref: str
    amount: Decimal
    currency: str
    booked_at: dt.datetime
    cancelled: bool = False


def record_payment(conn: Connection, portfolio_id: int, paid: Payment) -> None:
    """Keep a payment that is known as soon as it is booked; for an account never seen, too."""
    row = insert(payment).values(
        portfolio_id=portfolio_id,
        payment_ref=paid.ref,
        account_id=ensure_account(conn, portfolio_id, paid.account_ref),
        amount=paid.amount,
        currency=paid.currency,
        booked_at=paid.booked_at,
        recorded_at=paid.booked_at,
    )
    conn.execute(row.on_conflict_do_nothing())


def take_payments(given: Given) -> int:
    """Keep many payments, each once; how many were new. A reversal is a payment below zero."""
    r = given.rows.c
    rows = (
        select(given.portfolio, r.ref, r.account, r.amount, r.currency, r.booked_at)
        .add_columns(literal(given.now), r.currency_told)
        .ext(distinct_on(r.ref))
        .order_by(r.ref, r.line)
    )
    names = ["portfolio_id", "payment_ref", "account_id", "amount", "currency", "booked_at"]
    names += ["recorded_at", "currency_told"]
    new = insert(payment).from_select(names, rows).on_conflict_do_nothing()
    count = given.conn.execute(new.execution_options(preserve_rowcount=True)).rowcount
    p = payment.c
    # Of one without a currency that of its account was taken, which may be unknown by now.
    currency = func.coalesce(r.said_currency, p.currency)
    otherwise = exists().where(
        p.portfolio_id == given.portfolio_id,
        p.payment_ref == r.ref,
        tuple_(p.account_id, p.amount, p.currency, p.booked_at).is_distinct_from(
            tuple_(r.account, r.amount, currency, r.booked_at)
        ),
    )
    given.reject(otherwise, "ref", OTHERWISE)
    return count


def take_credits(given: Given) -> int:
    """Keep credits as told last: by `changed_at`, and not by the order of delivery."""
    r = given.rows.c
    changed_at = func.coalesce(r.changed_at, r.booked_at)
    cancelled = func.coalesce(r.cancelled, false())
    rows = (
        select(
            given.portfolio,
            r.ref,
            r.customer,
            r.amount,
            r.currency,
            r.booked_at,
            cancelled,
            changed_at,
        )
        .ext(distinct_on(r.ref))
        .order_by(r.ref, changed_at.desc(), cancelled.desc(), r.amount)
    )
    names = ["portfolio_id", "credit_ref", "customer_id", "amount", "currency", "booked_at"]
    kept = insert(credit).from_select([*names, "cancelled", "changed_at"], rows)
    taken = kept.on_conflict_do_update(**_newer(kept))
    return given.conn.execute(taken.execution_options(preserve_rowcount=True)).rowcount


_TOLD = ("customer_id", "amount", "currency", "cancelled", "changed_at")


def _newer(row: Insert) -> dict[str, Any]:
    """Replace what stands by what was told later; of two told at once the lesser credit holds."""
    told, stands = row.excluded, credit.c
    return {
        "index_elements": [credit.c.portfolio_id, credit.c.credit_ref],
        "set_": {name: told[name] for name in _TOLD},
        "where": tuple_(told.changed_at, told.cancelled, -told.amount)
        > tuple_(stands.changed_at, stands.cancelled, -stands.amount),
    }


def record_credit(conn: Connection, portfolio_id: int, given: Credit) -> None:
    """Keep a credit as last delivered; for a customer never seen, too."""
    row = insert(credit).values(
        portfolio_id=portfolio_id,
        credit_ref=given.ref,
        customer_id=ensure_customer(conn, portfolio_id, given.customer_ref),
        amount=given.amount,
        currency=given.currency,
        booked_at=given.booked_at,
        cancelled=given.cancelled,
        changed_at=given.booked_at,
    )
    conn.execute(row.on_conflict_do_update(**_newer(row)))
