"""Whether what the system before knew was taken in, before anybody is contacted for real."""

from typing import Final

from sqlalchemy import Connection, exists, select

from dunflow.ledger.tables import ACTUAL, contact, delivery

KNOWN_BEFORE: Final = (
    "opt_outs",
    "holds",
    "promises",
    "plans",
    "earlier_contacts",
    "earlier_placements",
)


def not_taken_in(conn: Connection, portfolio_id: int) -> list[str]:
    """Kinds of which nothing ever came, while nothing has gone out. A header alone has come."""
    went_out = exists().where(
        contact.c.portfolio_id == portfolio_id,
        contact.c.run_id.is_not(None),
        contact.c.state.in_(ACTUAL),
    )
    if conn.execute(select(went_out)).scalar_one():
        return []
    came = conn.execute(select(delivery.c.kind).where(delivery.c.portfolio_id == portfolio_id))
    seen = set(came.scalars())
    return [kind for kind in KNOWN_BEFORE if kind not in seen]
