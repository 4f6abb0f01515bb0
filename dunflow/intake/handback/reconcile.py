"""What receivers say that they collected, against what was booked here and what they paid us."""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Numeric,
    Select,
    and_,
    case,
    cast,
    distinct,
    func,
    literal,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from dunflow.assess.collected import booked_since, collections
from dunflow.config.book import Book
from dunflow.ledger.tables import account, handback
from dunflow.money import CURRENCIES, decimals_of

SHOWN = 1_000
"""So many differences are told one by one; the sums have all of them."""


@dataclass(frozen=True)
class Standing:
    """One receiver, one currency. `open`: collected, less commission, and not yet paid to us.

    `commission_over`: so much more was kept than was agreed; None where nothing is agreed.
    """

    destination: str
    currency: str
    payments: int
    collected: Decimal
    commission: Decimal
    remitted: Decimal
    open: Decimal
    commission_over: Decimal | None


@dataclass(frozen=True)
class Remittance:
    """A remittance that is not the sum of its payments less their commission.

    `paid` is NULL where payments name one that never came.
    """

    destination: str
    remittance: str
    currency: str
    paid: Decimal | None
    expected: Decimal


@dataclass(frozen=True)
class Unbooked:
    """An account on which receivers say that they collected more than was booked since.

    `destination`: all that collected anything on it.
    """

    destination: str
    account: str
    currency: str
    collected: Decimal
    booked: Decimal


@dataclass(frozen=True)
class Reconciled:
    """The sums, and what does not agree."""

    standings: list[Standing]
    remittances: list[Remittance]
    unbooked: list[Unbooked]

    @property
    def agrees(self) -> bool:
        kept = any(each.commission_over for each in self.standings)
        return not (self.remittances or self.unbooked or kept)

    def as_json(self) -> dict[str, Any]:
        return {"agrees": self.agrees, **asdict(self)}


def reconciled(
    conn: Connection, book: Book, portfolio_id: int, destination: str | None
) -> Reconciled:
    """Currencies are never added together; nothing is rounded but the agreed commission."""
    mine = handback.c.portfolio_id == portfolio_id
    if destination is not None:
        mine = and_(mine, handback.c.destination == destination)
    unbooked = _unbooked(book, portfolio_id, destination)
    return Reconciled(
        [Standing(*row) for row in conn.execute(_standings(book, mine))],
        [Remittance(*row) for row in conn.execute(_remittances(mine).limit(SHOWN))],
        [Unbooked(*row) for row in conn.execute(unbooked.limit(SHOWN))],
    )


def _standings(book: Book, mine: ColumnElement[bool]) -> Select[Any]:
    h = handback.c
    paid, remitted = h.kind == "payment", h.kind == "remittance"
    collected = _sum(h.amount, paid)
    commission, net = _sum(h.commission_amount, paid), _sum(h.amount, remitted)
    over = commission - func.sum(_agreed(book)).filter(paid)
    return (
        select(
            h.destination,
            h.currency,
            func.count().filter(paid),
            collected,
            commission,
            net,
            collected - commission - net,
            over,
        )
        .where(mine, h.kind.in_(("payment", "remittance")))
        .group_by(h.destination, h.currency)
        .order_by(h.destination, h.currency)
    )


def _sum(amount: ColumnElement[Decimal], of: ColumnElement[bool]) -> ColumnElement[Decimal]:
    return func.coalesce(func.sum(amount).filter(of), literal(Decimal(0)))


def _agreed(book: Book) -> ColumnElement[Decimal]:
    """The commission on a payment by the contract, in whole units of its currency."""
    h = handback.c
    shares = {
        to: each.commission
        for to, each in book.portfolio.destinations.items()
        if each.commission is not None
    }
    if not shares:
        return cast(null(), Numeric)
    share = case(shares, value=h.destination)
    decimals = case(_OTHER_DECIMALS, value=h.currency, else_=_USUAL_DECIMALS)
    return func.round(h.amount * share, decimals)


_USUAL_DECIMALS = 2
_OTHER_DECIMALS = {
    code: decimals_of(code) for code in sorted(CURRENCIES) if decimals_of(code) != _USUAL_DECIMALS
}


def _remittances(mine: ColumnElement[bool]) -> Select[Any]:
    h = handback.c
    named = (
        select(
            h.destination,
            h.remittance_ref.label("ref"),
            h.currency,
            func.sum(h.amount - h.commission_amount).label("expected"),
        )
        .where(mine, h.kind == "payment", h.remittance_ref.is_not(None))
        .group_by(h.destination, h.remittance_ref, h.currency)
        .cte("named")
    )
    paid = (
        select(h.destination, h.handback_ref.label("ref"), h.currency, h.amount)
        .where(mine, h.kind == "remittance")
        .cte("paid")
    )
    same = and_(*[named.c[name] == paid.c[name] for name in ("destination", "ref", "currency")])
    both = named.join(paid, same, full=True)
    expected = func.coalesce(named.c.expected, literal(Decimal(0)))
    to = func.coalesce(named.c.destination, paid.c.destination)
    ref = func.coalesce(named.c.ref, paid.c.ref)
    currency = func.coalesce(named.c.currency, paid.c.currency)
    return (
        select(to, ref, currency, paid.c.amount, expected)
        .select_from(both)
        .where(paid.c.amount.is_distinct_from(expected))
        .order_by(to, ref, currency)
    )


def _unbooked(book: Book, portfolio_id: int, destination: str | None) -> Select[Any]:
    """What receivers collected is booked here as a payment, sooner or later: all that was collected
    on an account, by whomever, against what was booked on it."""
    h = handback.c
    rows = collections(book, portfolio_id)
    names = func.array_agg(aggregate_order_by(distinct(h.destination), h.destination))
    rows = rows.add_columns(func.array_to_string(names, ", ").label("destination"))
    if destination is not None:
        rows = rows.having(func.bool_or(h.destination == destination))
    collected = rows.subquery("collected")
    c, booked = collected.c, booked_since(book, collected)
    return (
        select(c.destination, account.c.account_ref, c.currency, c.amount, booked)
        .join(account, account.c.account_id == c.account_id)
        .where(c.amount > booked)
        .order_by(c.destination, account.c.account_ref, c.currency)
    )
