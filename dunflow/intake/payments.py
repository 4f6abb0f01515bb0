"""Money that came in: payments of the feed, and credit that is not yet applied."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from dunflow.ledger.tables import account, credit, customer, payment

NEVER = dt.date.min
"""When a customer was seen that only a credit names: any snapshot is newer."""


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
    known = insert(account).values(portfolio_id=portfolio_id, account_ref=paid.account_ref)
    conn.execute(known.on_conflict_do_nothing())
    number = select(account.c.account_id).where(
        account.c.portfolio_id == portfolio_id, account.c.account_ref == paid.account_ref
    )
    row = insert(payment).values(
        portfolio_id=portfolio_id,
        payment_ref=paid.ref,
        account_id=number.scalar_subquery(),
        amount=paid.amount,
        currency=paid.currency,
        booked_at=paid.booked_at,
    )
    conn.execute(row.on_conflict_do_nothing())


def record_credit(conn: Connection, portfolio_id: int, given: Credit) -> None:
    """Keep a credit as last delivered; for a customer never seen, too."""
    known = insert(customer).values(
        portfolio_id=portfolio_id, customer_ref=given.customer_ref, seen_on=NEVER
    )
    conn.execute(known.on_conflict_do_nothing())
    number = select(customer.c.customer_id).where(
        customer.c.portfolio_id == portfolio_id, customer.c.customer_ref == given.customer_ref
    )
    row = insert(credit).values(
        portfolio_id=portfolio_id,
        credit_ref=given.ref,
        customer_id=number.scalar_subquery(),
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
