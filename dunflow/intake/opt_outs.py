"""Opt-outs: whoever says stop is left alone by that channel, before the next claim.

An opt-out binds the customer's channel and the address, whoever else uses it. START lifts both, but
no hold. The keywords are Twilio's (support.twilio.com 31560110671259) and those in use in China;
the whole message has to be one.
"""

import datetime as dt
import re
import unicodedata
from typing import Literal

from sqlalchemy import Connection, func, insert, or_, select, update

from dunflow.ledger.tables import customer, opt_out

STOP = frozenset(
    [
        "stop",
        "stopall",
        "unsubscribe",
        "cancel",
        "end",
        "quit",
        "revoke",
        "optout",
        "t",
        "td",
        "退订",
    ]
)
START = frozenset(["start", "unstop"])
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


def keyword(text: str) -> Literal["stop", "start"] | None:
    """What a message says that is nothing but a keyword, in any case and width of its letters."""
    plain = _EDGES.sub("", unicodedata.normalize("NFKC", text)).casefold()
    if plain in STOP:
        return "stop"
    return "start" if plain in START else None


def opt_out_of(
    conn: Connection, portfolio_id: int, channel: str, address: str, source: str, now: dt.datetime
) -> None:
    """Leave alone the address and all customers whose contact point it is. Once is enough."""
    bound = conn.execute(
        select(opt_out.c.opt_out_id).where(
            opt_out.c.portfolio_id == portfolio_id,
            opt_out.c.channel == channel,
            opt_out.c.address == address,
            opt_out.c.lifted_at.is_(None),
        )
    ).first()
    if bound:
        return
    whose: list[int | None] = [*_customers_at(conn, portfolio_id, channel, address)]
    rows = [
        {
            "portfolio_id": portfolio_id,
            "channel": channel,
            "customer_id": customer_id,
            "address": address,
            "since_at": now,
            "source": source,
        }
        for customer_id in whose or [None]
    ]
    conn.execute(insert(opt_out), rows)


def lift(conn: Connection, portfolio_id: int, channel: str, address: str, now: dt.datetime) -> None:
    """Whoever is reached at the address may be contacted by the channel again."""
    whose = _customers_at(conn, portfolio_id, channel, address)
    conn.execute(
        update(opt_out)
        .where(
            opt_out.c.portfolio_id == portfolio_id,
            opt_out.c.channel == channel,
            opt_out.c.lifted_at.is_(None),
            or_(opt_out.c.address == address, opt_out.c.customer_id.in_(whose)),
        )
        .values(lifted_at=now)
    )


def _customers_at(conn: Connection, portfolio_id: int, channel: str, address: str) -> list[int]:
    point = func.lower(customer.c.email) if channel == "email" else customer.c.phone
    rows = conn.execute(
        select(customer.c.customer_id).where(
            customer.c.portfolio_id == portfolio_id,
            point == (address.lower() if channel == "email" else address),
        )
    )
    return list(rows.scalars())
