"""Accounts that the decided day proposes for placement; a person approves them."""

from sqlalchemy import Connection, insert, literal, select

from dunflow.decide.decide import Decided
from dunflow.ledger.tables import placement


def propose(conn: Connection, portfolio_id: int, decided: Decided) -> int:
    """Propose the accounts whose hand-off conditions are met; how many.

    Must be part of the deciding transaction, after the outbox was planned.
    """
    j = decided.judged.c
    columns = {
        "portfolio_id": literal(portfolio_id),
        "account_id": j.account_id,
        "customer_id": j.customer_id,
        "episode_id": j.episode_id,
        "business_date": literal(decided.business_date),
        "destination": j.hand_off,
        "state": literal("proposed"),
        "amount": j.overdue,
        "currency": j.currency,
        "proposed_at": literal(decided.moment.at),
        "run_id": literal(decided.run_id),
    }
    rows = select(*columns.values()).where(j.action == "hand_off").order_by(j.account_id)
    proposals = insert(placement).from_select(list(columns), rows)
    return conn.execute(proposals.execution_options(preserve_rowcount=True)).rowcount
