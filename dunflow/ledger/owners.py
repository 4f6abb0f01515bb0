"""Whose an account is, and in which currency it owes."""

from sqlalchemy import ColumnElement, Select, func, select

from dunflow.ledger.tables import customer, snapshot


def last_owner(portfolio_id: int, account_id: int | ColumnElement[int]) -> Select[int]:
    """Whose the account is by the newest snapshot that has it: of an id that was merged since, whom
    it was merged into."""
    last, person = snapshot.alias("last"), customer.alias("last_owner")
    return (
        select(func.coalesce(person.c.merged_into, person.c.customer_id))
        .join_from(last, person, person.c.customer_id == last.c.customer_id)
        .where(last.c.portfolio_id == portfolio_id, last.c.account_id == account_id)
        .order_by(last.c.business_date.desc())
        .limit(1)
    )


def last_currency(portfolio_id: int, account_id: int | ColumnElement[int]) -> Select[str]:
    """The account's currency by the newest snapshot that has it."""
    last = snapshot.alias("last_owed")
    return (
        select(last.c.currency)
        .where(last.c.portfolio_id == portfolio_id, last.c.account_id == account_id)
        .order_by(last.c.business_date.desc())
        .limit(1)
    )
