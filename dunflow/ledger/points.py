"""By which of a customer's contact points a channel reaches them."""

from typing import Final

from sqlalchemy import Column, ColumnElement, Text, case, literal

from dunflow.ledger.tables import customer

CHANNELS_OF: Final = {
    "phone": ("sms", "voice", "call"),
    "email": ("email",),
    "address": ("letter", "visit"),
}
"""Contact point → the channels that use it."""
POINT_OF: Final = {
    channel: point for point, channels in CHANNELS_OF.items() for channel in channels
}


def address_by(channel: str) -> Column[str | None]:
    """Where one channel reaches a customer: the contact point of the customer's row."""
    return customer.c[POINT_OF[channel]]


def address_for(channel: ColumnElement[str]) -> ColumnElement[str]:
    """The same, of a channel that stands in a row."""
    return case(
        *[(channel.in_(channels), customer.c[point]) for point, channels in CHANNELS_OF.items()]
    )


def point_for(channel: ColumnElement[str]) -> ColumnElement[str]:
    """Which contact point it is, of a channel that stands in a row."""
    return case(
        *[(channel.in_(channels), literal(point, Text)) for point, channels in CHANNELS_OF.items()]
    )
