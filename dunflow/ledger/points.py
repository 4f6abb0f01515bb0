"""By which of a customer's contact points a channel reaches them."""

from sqlalchemy import Column, ColumnElement, case

from dunflow.ledger.tables import customer


def point_of(channel: str) -> Column[str | None]:
    """The contact point of the customer's row, for one channel."""
    match channel:
        case "email":
            return customer.c.email
        case "letter" | "visit":
            return customer.c.address
        case _:
            return customer.c.phone


def address_for(channel: ColumnElement[str]) -> ColumnElement[str]:
    """The same, of a channel that stands in a row."""
    return case(
        (channel == "email", customer.c.email),
        (channel.in_(("letter", "visit")), customer.c.address),
        else_=customer.c.phone,
    )
