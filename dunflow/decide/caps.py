"""Caps: how often customers were contacted already, against the most that a pack allows."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Text,
    and_,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.sql.selectable import LateralFromClause

from dunflow.config.pack import Cap
from dunflow.ledger.tables import COUNTED, contact, contact_account


@dataclass(frozen=True)
class Going:
    """A contact that would go out: by which channel, to whom, and on which day of theirs."""

    channel: ColumnElement[str]
    customer_id: ColumnElement[int]
    account_id: ColumnElement[int]
    address: ColumnElement[str]
    out_on: ColumnElement[dt.date]


@dataclass(frozen=True)
class Reached:
    """`arms`: for each cap in turn the condition that one more contact is over it, and its id.

    They need the tables of `joins`.
    """

    joins: list[LateralFromClause]
    arms: list[tuple[ColumnElement[bool], ColumnElement[str]]]

    def joined_to(self, rows: FromClause) -> FromClause:
        """`rows`, which say who is going, with the counts beside them."""
        for counted in self.joins:
            rows = rows.outerjoin(counted, true())
        return rows


def caps_reached(caps: Sequence[Cap], going: Going, counts: ColumnElement[bool]) -> Reached:
    """Compare with the contacts for which `counts` holds. `P7D` is a day and the six before it.

    Contacts that are counted together are looked up together, once for all caps.
    """
    found = Reached([], [])
    counted: dict[str, LateralFromClause] = {}
    for by in dict.fromkeys(cap.by for cap in caps):
        alike = [cap for cap in caps if cap.by == by]
        counted[by] = _counted(by, alike, going, counts)
        found.joins.append(counted[by])
    for cap in caps:
        over = and_(going.channel.in_(cap.channels), counted[cap.by].c[cap.id] >= cap.max)
        found.arms.append((over, literal(cap.id, Text)))
    return found


def _counted(
    by: str, caps: list[Cap], going: Going, counts: ColumnElement[bool]
) -> LateralFromClause:
    """One column per cap: how many contacts it counts already."""
    longest = max(cap.days for cap in caps)
    columns = [
        func.count()
        .filter(
            contact.c.channel.in_(cap.channels), contact.c.contact_on > _before(going, cap.days)
        )
        .label(cap.id)
        for cap in caps
    ]
    return (
        select(*columns)
        .where(
            # Asked first: where no cap is about this channel, nothing need be looked up.
            or_(*[going.channel.in_(cap.channels) for cap in caps]),
            _together(by, going),
            contact.c.state.in_(COUNTED),
            contact.c.contact_on > _before(going, longest),
            contact.c.contact_on <= going.out_on,
            counts,
        )
        .lateral(f"by_{by}")
    )


def _before(going: Going, days: int) -> ColumnElement[dt.date]:
    """The last day that no longer counts."""
    return going.out_on - literal(days, Integer)


def _together(by: str, going: Going) -> ColumnElement[bool]:
    """Which contacts are counted together with the one that is going."""
    match by:
        case "debtor":
            return contact.c.customer_id == going.customer_id
        case "contact_point":
            return contact.c.address == going.address
        case _:
            return contact.c.contact_id.in_(
                select(contact_account.c.contact_id)
                .where(contact_account.c.account_id == going.account_id)
                .correlate_except(contact_account)
            )
