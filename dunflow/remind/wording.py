"""Contacts without a text that may go out: a template is missing or at fault, or does not say what
a pack asks for.

The fault is the template's, so nothing is decided about them: they stay planned, out of the way of
the others, until a person has mended it or their time is over.
"""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import Connection, func, select, update

from dunflow.ledger.given import among
from dunflow.ledger.tables import contact

UNWORDED = "template"
"""The reason of such a contact, while it waits and when it expires."""
AGAIN = dt.timedelta(minutes=15)
"""Between two tries: in between all others have their turn, however many these are."""


def put_off(conn: Connection, contacts: Collection[int], now: dt.datetime) -> None:
    """The most severe come first, so these would otherwise be all that a claim ever looks at."""
    if contacts:
        conn.execute(
            update(contact)
            .where(among(contact.c.contact_id, sorted(contacts)))
            .values(reason=UNWORDED, not_before_at=now + AGAIN)
        )


def waiting(
    conn: Connection, portfolio_id: int, channels: Collection[str], now: dt.datetime
) -> list[str]:
    """What waits for a template: one sentence for each channel and template."""
    rows = conn.execute(
        select(contact.c.channel, contact.c.template, func.count())
        .where(
            contact.c.portfolio_id == portfolio_id,
            contact.c.channel.in_(channels),
            contact.c.state == "planned",
            contact.c.reason == UNWORDED,
            contact.c.expires_at > now,
        )
        .group_by(contact.c.channel, contact.c.template)
        .order_by(contact.c.channel, contact.c.template)
    )
    return [f"{channel}: {count} planned by template {name!r}" for channel, name, count in rows]
