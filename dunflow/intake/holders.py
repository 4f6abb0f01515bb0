"""Whom something is about: the ledger's numbers for accounts and customers."""

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from dunflow.errors import DunflowError
from dunflow.ledger.owners import last_currency, last_owner, person_of
from dunflow.ledger.tables import NEVER, account, customer


def account_of(conn: Connection, portfolio_id: int, ref: str) -> int:
    """The account's number. Raises DunflowError for one that was never seen."""
    found = conn.execute(
        select(account.c.account_id).where(
            account.c.portfolio_id == portfolio_id, account.c.account_ref == ref
        )
    ).scalar()
    if found is None:
        raise DunflowError(_never_seen("account", ref))
    return int(found)


def customer_of(conn: Connection, portfolio_id: int, ref: str) -> int:
    """The person's number, whichever of their ids it is. Raises DunflowError for one never seen."""
    found = conn.execute(
        select(person_of(customer)).where(
            customer.c.portfolio_id == portfolio_id, customer.c.customer_ref == ref
        )
    ).scalar()
    if found is None:
        raise DunflowError(_never_seen("customer", ref))
    return int(found)


def ensure_account(conn: Connection, portfolio_id: int, ref: str) -> int:
    """The account's number, given now if no snapshot has brought it yet."""
    row = insert(account).values(portfolio_id=portfolio_id, account_ref=ref)
    conn.execute(row.on_conflict_do_nothing())
    return account_of(conn, portfolio_id, ref)


def ensure_customer(conn: Connection, portfolio_id: int, ref: str) -> int:
    """The customer's number, given now if no snapshot has brought them yet."""
    row = insert(customer).values(portfolio_id=portfolio_id, customer_ref=ref, seen_on=NEVER)
    conn.execute(row.on_conflict_do_nothing())
    return customer_of(conn, portfolio_id, ref)


def currency_of(conn: Connection, portfolio_id: int, account_id: int) -> str | None:
    """The account's currency in the newest snapshot that has it."""
    found: str | None = conn.execute(last_currency(portfolio_id, account_id)).scalar()
    return found


def owner_of(conn: Connection, portfolio_id: int, account_id: int) -> int | None:
    """The number of the person whose the account is, by the newest snapshot that has it."""
    found: int | None = conn.execute(last_owner(portfolio_id, account_id)).scalar()
    return found


def _never_seen(what: str, ref: str) -> str:
    return (
        f"{what} {ref!r} was never seen; ids are text, so write it as the source does, "
        "leading zeros included"
    )
