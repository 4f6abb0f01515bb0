"""Caps: how often customers were contacted already, against the most that a pack allows."""

import datetime as dt
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
    func,
    literal,
    select,
    true,
)
from sqlalchemy.sql.selectable import LateralFromClause

from dunflow.config.pack import Cap
from dunflow.decide.bars import Arm
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
    """`arms`: for each cap in turn the condition that one more contact is over it, and the reason.

    They need the tables of `joins`.
    """

    joins: list[LateralFromClause]
    arms: list[Arm]

    def joined_to(self, rows: FromClause) -> FromClause:
        """`rows`, which say who is going, with the counts beside them."""
        for counted in self.joins:
            rows = rows.outerjoin(counted, true())
        return rows


def caps_reached(caps: Sequence[Cap], going: Going, counts: ColumnElement[bool]) -> Reached:
    """Compare with the contacts for which `counts` holds. `P7D` is a day and the six before it.

    Contacts that are counted together are looked up together, once for all caps.
    """
    counted = {by: _counted(by, alike, going, counts) for by, alike in alike_by(caps).items()}
    return Reached(
        list(counted.values()),
        [over(cap, going, counted[cap.by]) for cap in caps],
    )


def alike_by(caps: Sequence[Cap]) -> dict[str, list[Cap]]:
    """The caps by what they count together."""
    return {by: [cap for cap in caps if cap.by == by] for by in dict.fromkeys(c.by for c in caps)}


def over(cap: Cap, going: Going, counted: FromClause) -> Arm:
    """Whether one more is over the cap, by the column that counts for it; and the reason.

    Where nothing was counted, a cap may be reached all the same: some allow no contact at all.
    """
    times = func.coalesce(counted.c[_column_of(cap)], 0)
    reached = and_(going.channel.in_(cap.channels), times >= cap.max)
    return reached, literal(f"cap.{cap.id}", Text)


def count_together(
    by: str, caps: Sequence[Cap], rows: FromClause, going: Going, counts: ColumnElement[bool]
) -> Select[Any]:
    """`of` and a column for each cap, for all of `rows` with which any contact is counted `by`.

    All at once, and so on all cores; but it needs a planner that knows how much was sent.
    """
    which = _which(caps, going, counts)
    if by == "debt":
        named = rows.join(contact_account, contact_account.c.account_id == going.account_id)
        beside = named.join(
            contact, and_(contact.c.contact_id == contact_account.c.contact_id, *which)
        )
    else:
        beside = rows.join(contact, and_(_together(by, going), *which))
    of: ColumnElement[Any] = going.account_id
    return select(of.label("of"), *_columns(caps, going)).select_from(beside).group_by(of)


def _counted(
    by: str, caps: list[Cap], going: Going, counts: ColumnElement[bool]
) -> LateralFromClause:
    """A column for each cap: how many contacts it counts already."""
    which = [_together(by, going), *_which(caps, going, counts)]
    return select(*_columns(caps, going)).where(*which).lateral(f"by_{by}")


def _columns(caps: Sequence[Cap], going: Going) -> list[ColumnElement[Any]]:
    """Those that count the same share a column."""
    different = {_column_of(cap): cap for cap in caps}
    return [
        func.count()
        .filter(
            contact.c.channel.in_(cap.channels), contact.c.contact_on > _before(going, cap.days)
        )
        .label(name)
        for name, cap in different.items()
    ]


def _column_of(cap: Cap) -> str:
    """By what is counted: several packs may have a cap of one name."""
    return f"{cap.days} days of {' '.join(sorted(cap.channels))}"


def _which(
    caps: Sequence[Cap], going: Going, counts: ColumnElement[bool]
) -> list[ColumnElement[bool]]:
    longest = max(cap.days for cap in caps)
    return [
        # Asked first: where no cap is about this channel, nothing need be looked up.
        going.channel.in_(sorted({channel for cap in caps for channel in cap.channels})),
        contact.c.state.in_(COUNTED),
        contact.c.contact_on > _before(going, longest),
        contact.c.contact_on <= going.out_on,
        counts,
    ]


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
