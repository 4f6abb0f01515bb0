"""One automated call at a time to a number, whoever's it is.

A call bears no reference. Were two to one number in doubt at once, the provider's list could not
tell which of them it has.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, func, select

from dunflow.ledger import locks
from dunflow.ledger.tables import IN_FLIGHT, contact, portfolio

WAIT = dt.timedelta(minutes=10)
"""Until a number that is in a call, or whose last call is in doubt, is tried."""


def busy(conn: Connection, going: list[Row[Any]], people: Mapping[int, Row[Any]]) -> list[int]:
    """Those of the contacts that would go out now and have to wait for another one's end.

    Whichever portfolio that one is of: they may share an account at the provider.
    """
    calls = [row for row in going if row.channel == "voice"]
    if not calls:
        return []
    # Held to the end of the claim, so that no other worker claims for the same number meanwhile.
    conn.execute(select(func.pg_advisory_xact_lock(locks.LINES)))
    numbers = {str(people[row.contact_id].address) for row in calls}
    taken = set(
        conn.execute(
            select(contact.c.address).where(
                contact.c.portfolio_id.in_(select(portfolio.c.portfolio_id)),
                contact.c.state.in_(IN_FLIGHT),
                contact.c.channel == "voice",
                contact.c.address.in_(numbers),
            )
        ).scalars()
    )
    waiting = []
    for row in calls:
        number = people[row.contact_id].address
        if number in taken:
            waiting.append(row.contact_id)
        taken.add(number)
    return waiting
