"""Caps: how often customers were contacted already, against the most that a pack allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    case,
    func,
    literal,
    null,
    select,
)

from dunflow.config.pack import Cap
from dunflow.decide.bars import Said
from dunflow.ledger.tables import COUNTED, contact, contact_account


@dataclass(frozen=True)
class Going:
    """Contacts that would go out, each row of `rows` one of them.

    `of` is its number; then by which channel, to whom, and on which day of theirs.
    """

    rows: FromClause
    of: ColumnElement[int]
    channel: ColumnElement[str]
    customer_id: ColumnElement[int]
    account_id: ColumnElement[int]
    address: ColumnElement[str]
    out_on: ColumnElement[Any]


def over_caps(caps: Sequence[Cap], going: Going, counts: ColumnElement[bool]) -> list[Said]:
    """`of, nth, reason` of the contacts that would be over a cap; `nth` says which of `caps`.

    Compared with the contacts for which `counts` holds. `P7D` is a day and the six before it. Those
    that are counted together are looked up together, once for all caps.
    """
    reasons = {nth: literal(f"cap.{cap.id}", Text) for nth, cap in enumerate(caps)}
    found = []
    for by in dict.fromkeys(cap.by for cap in caps):
        alike = {nth: cap for nth, cap in enumerate(caps) if cap.by == by}
        over = _over(by, alike, going, counts).subquery(f"over_by_{by}")
        reason = case(reasons, value=over.c.nth).label("reason")
        found.append(select(over.c.of, over.c.nth, reason).where(over.c.nth.is_not(None)))
    return found


def _over(by: str, caps: dict[int, Cap], going: Going, counts: ColumnElement[bool]) -> Select[Any]:
    """`of, nth`: the first of these caps that one more contact is over, or NULL."""
    longest = max(cap.days for cap in caps.values())
    before, together = _together(by, going)
    counted = and_(
        together,
        contact.c.state.in_(COUNTED),
        contact.c.contact_on > _before(going, longest),
        contact.c.contact_on <= going.out_on,
        counts,
    )
    arms = [
        (
            and_(
                going.channel.in_(cap.channels),
                func.count(contact.c.contact_id).filter(
                    contact.c.channel.in_(cap.channels),
                    contact.c.contact_on > _before(going, cap.days),
                )
                >= cap.max,
            ),
            literal(nth, Integer),
        )
        for nth, cap in caps.items()
    ]
    # A cap of none is over before anything is counted.
    all_of_them = any(cap.max == 0 for cap in caps.values())
    return (
        select(going.of.label("of"), case(*arms, else_=null()).label("nth"))
        .select_from(going.rows.join(before, counted, isouter=all_of_them))
        .where(going.channel.in_({channel for cap in caps.values() for channel in cap.channels}))
        .group_by(going.of, going.channel)
    )


def _before(going: Going, days: int) -> ColumnElement[Any]:
    """The last day that no longer counts."""
    return going.out_on - literal(days, Integer)


def _together(by: str, going: Going) -> tuple[FromClause, ColumnElement[bool]]:
    """Which contacts are counted together with the one that is going, and where they stand."""
    match by:
        case "debtor":
            return contact, contact.c.customer_id == going.customer_id
        case "contact_point":
            return contact, contact.c.address == going.address
        case _:
            named = contact_account.join(
                contact, contact.c.contact_id == contact_account.c.contact_id
            )
            return named, contact_account.c.account_id == going.account_id
