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
    func,
    literal,
    null,
    select,
)

from dunflow.config.book import Book
from dunflow.ledger.tables import account, handback, payment, placement
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
    """An account of which the receiver says that it collected more than was booked since."""

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
    return Reconciled(
        [Standing(*row) for row in conn.execute(_standings(book, mine))],
        [Remittance(*row) for row in conn.execute(_remittances(mine).limit(SHOWN))],
        [Unbooked(*row) for row in conn.execute(_unbooked(portfolio_id, mine).limit(SHOWN))],
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


def _unbooked(portfolio_id: int, mine: ColumnElement[bool]) -> Select[Any]:
    """What the receiver collected is booked here as a payment, sooner or later."""
    h, p = handback.c, placement.c
    collected = (
        select(h.destination, p.account_id, h.currency, func.sum(h.amount).label("amount"))
        .add_columns(func.min(p.exported_at).label("since_at"))
        .join(placement, p.placement_id == h.placement_id)
        .where(mine, h.kind == "payment")
        .group_by(h.destination, p.account_id, h.currency)
        .subquery("collected")
    )
    c = collected.c
    booked = (
        select(func.coalesce(func.sum(payment.c.amount), literal(Decimal(0))))
        .where(
            payment.c.portfolio_id == portfolio_id,
            payment.c.account_id == c.account_id,
            payment.c.currency == c.currency,
            payment.c.booked_at >= c.since_at,
        )
        .scalar_subquery()
    )
    return (
        select(c.destination, account.c.account_ref, c.currency, c.amount, booked)
        .join(account, account.c.account_id == c.account_id)
        .where(c.amount > booked)
        .order_by(c.destination, account.c.account_ref, c.currency)
    )
