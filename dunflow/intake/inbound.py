"""What people write back: each message is kept once, and an opt-out in it holds at once."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from dunflow.intake import opt_outs
from dunflow.ledger.tables import inbound


@dataclass(frozen=True, repr=False)
class Inbound:
    """A message of which the provider has vouched for the sender. `repr` is left out: personal.

    `says`: what the provider itself has read in it, as Twilio's OptOutType.
    """

    channel: str
    provider_id: str
    address: str
    body: str
    received_at: dt.datetime
    says: Literal["stop", "start"] | None = None


def receive(conn: Connection, portfolio_id: int, message: Inbound) -> bool:
    """Keep a message and heed its keyword. False: it was delivered before, and nothing is done."""
    kept = conn.execute(
        insert(inbound)
        .values(
            portfolio_id=portfolio_id,
            channel=message.channel,
            provider_id=message.provider_id,
            address=message.address,
            body=message.body,
            received_at=message.received_at,
        )
        .on_conflict_do_nothing()
        .returning(inbound.c.inbound_id)
    )
    if kept.first() is None:
        return False
    place = (conn, portfolio_id, message.channel, message.address)
    match message.says or opt_outs.keyword(message.body):
        case "stop":
            opt_outs.opt_out_of(*place, "reply", message.received_at)
        case "start":
            opt_outs.lift(*place, message.received_at)
    return True
