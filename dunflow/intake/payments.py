"""Money that came in: payments of the feed, and credit that is not yet applied."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from dunflow.intake.holders import ensure_account, ensure_customer
from dunflow.ledger.tables import account, credit, payment


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
    """Keep a payment, once however often it is delivered; for an account never seen, too."""
    row = insert(payment).values(
        portfolio_id=portfolio_id,
        payment_ref=paid.ref,
        account_id=ensure_account(conn, portfolio_id, paid.account_ref),
        amount=paid.amount,
        currency=paid.currency,
        booked_at=paid.booked_at,
    )
    conn.execute(row.on_conflict_do_nothing())


def record_payments(conn: Connection, portfolio_id: int, paid: list[Payment]) -> int:
    """Keep many payments, each once; how many were new."""
    if not paid:
        return 0
    refs = sorted({each.account_ref for each in paid})
    known = insert(account).values(
        [{"portfolio_id": portfolio_id, "account_ref": ref} for ref in refs]
    )
    conn.execute(known.on_conflict_do_nothing())
    numbers = dict(
        conn.execute(
            select(account.c.account_ref, account.c.account_id).where(
                account.c.portfolio_id == portfolio_id, account.c.account_ref.in_(refs)
            )
        ).all()
    )
    rows = insert(payment).values(
        [
            {
                "portfolio_id": portfolio_id,
                "payment_ref": each.ref,
                "account_id": numbers[each.account_ref],
                "amount": each.amount,
                "currency": each.currency,
                "booked_at": each.booked_at,
            }
            for each in paid
        ]
    )
    new = conn.execute(rows.on_conflict_do_nothing().returning(payment.c.payment_id))
    return len(new.all())


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
    )
    conn.execute(
        row.on_conflict_do_update(
            index_elements=[credit.c.portfolio_id, credit.c.credit_ref],
            set_={"amount": row.excluded.amount, "cancelled": row.excluded.cancelled},
        )
    )
