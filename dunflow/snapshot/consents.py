"""Consents that were told before the customer had an address, and so without one."""

from sqlalchemy import Connection, exists, update

from dunflow.ledger.points import address_for
from dunflow.ledger.tables import consent, customer, erasure


def bind_consents(conn: Connection, portfolio_id: int) -> None:
    """Let each be for the first address that is known of its customer, and for no later one.

    One from before an erasure was for an address that was erased.
    """
    address = address_for(consent.c.channel)
    erased = exists().where(
        erasure.c.customer_id == consent.c.customer_id,
        erasure.c.erased_at >= consent.c.given_at,
    )
    conn.execute(
        update(consent)
        .where(
            consent.c.portfolio_id == portfolio_id,
            consent.c.address.is_(None),
            customer.c.customer_id == consent.c.customer_id,
            address.is_not(None),
            ~erased,
        )
        .values(address=address)
    )
