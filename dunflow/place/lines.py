"""Which placements a package is about: written down before anything is delivered.

Who takes part, and with which amount, is fixed in the ledger first. A delivery that was interrupted
goes on under the same reference, so that the receiver never gets two.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from dunflow.config.book import Book
from dunflow.ledger.scratch import has_rows
from dunflow.ledger.tables import (
    PLACED,
    package,
    package_line,
    placement,
    placement_event,
)
from dunflow.money import exact
from dunflow.place.life import MACHINE, Chosen, active, withdraw_refused
from dunflow.place.standing import standing

KINDS = ("recall", "placement", "balance")
"""In the order of delivery: what must stop comes before what begins."""


@dataclass(frozen=True)
class Package:
    """A package as the ledger knows it."""

    package_id: int
    destination: str
    kind: str
    reference: str
    business_date: dt.date
    made_at: dt.datetime
    place: str | None
    """Where it goes, without credentials."""


def open_packages(conn: Connection, portfolio_id: int) -> list[Package]:
    """Packages that were begun and that may or may not have arrived."""
    rows = conn.execute(
        select(*_COLUMNS)
        .where(package.c.portfolio_id == portfolio_id, package.c.delivered_at.is_(None))
        .order_by(package.c.package_id)
    )
    return [Package(*row) for row in rows]


_COLUMNS = (
    package.c.package_id,
    package.c.destination,
    package.c.kind,
    package.c.reference,
    package.c.business_date,
    package.c.made_at,
    package.c.place,
)


def has_delivered(conn: Connection, portfolio_id: int) -> bool:
    """Whether anything of the portfolio ever arrived at a receiver."""
    there = exists().where(
        package.c.portfolio_id == portfolio_id, package.c.delivered_at.is_not(None)
    )
    return bool(conn.execute(select(there)).scalar())


def last_place(conn: Connection, portfolio_id: int, destination: str) -> str | None:
    """Where the destination's newest package that arrived was delivered to; None before any."""
    found: str | None = conn.execute(
        select(package.c.place)
        .where(
            package.c.portfolio_id == portfolio_id,
            package.c.destination == destination,
            package.c.delivered_at.is_not(None),
        )
        .order_by(package.c.package_id.desc())
        .limit(1)
    ).scalar()
    return found


def begin(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    destination: str,
    kind: str,
    business_date: dt.date,
    place: str,
    now: dt.datetime,
) -> Package | None:
    """A package of this kind for what is to be told to `destination`, which goes to `place`; None
    if there is nothing."""
    if kind == "balance" and not has_rows(conn, active(portfolio_id, Chosen(destination), PLACED)):
        return None
    lines = _lines(conn, book, portfolio_id, destination, kind, business_date, now).subquery()
    if not conn.execute(select(exists().select_from(lines))).scalar_one():
        return None
    number: int = conn.execute(select(func.nextval("package_package_id_seq"))).scalar_one()
    day = f"{book.portfolio.calendar.local_date(now):%Y%m%d}"
    made = Package(
        number,
        destination,
        kind,
        f"{book.name}-{destination}-{kind}-{day}-{number:06d}",
        business_date,
        now,
        place,
    )
    conn.execute(insert(package).values(portfolio_id=portfolio_id, **vars(made)))
    conn.execute(
        insert(package_line).from_select(
            ["package_id", "placement_id", "kind", "amount", "currency"],
            select(
                literal(number),
                lines.c.placement_id,
                literal(kind, Text),
                lines.c.amount,
                lines.c.currency,
            ),
        )
    )
    return made


def _lines(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    destination: str,
    kind: str,
    business_date: dt.date,
    now: dt.datetime,
) -> Select[int]:
    """`placement_id, amount, currency` of what belongs into the next package of a kind."""
    p = placement.c
    here = and_(p.portfolio_id == portfolio_id, p.destination == destination)
    if kind == "recall":
        return select(p.placement_id, p.amount, p.currency).where(
            here,
            p.state == "recalled",
            p.exported_at.is_not(None),
            _is_ours_to_recall(),
            ~_told_to_stop(),
        )
    states = ("approved",) if kind == "placement" else PLACED
    which = select(p.placement_id).where(here, p.state.in_(states))
    stands = standing(conn, book, portfolio_id, business_date, now, which)
    rows = select(p.placement_id, stands.c.overdue.label("amount"), p.currency).join(
        stands, stands.c.placement_id == p.placement_id
    )
    if kind == "placement":
        return rows.where(stands.c.refusal.is_(None))
    return rows.where(stands.c.overdue.is_not(None), stands.c.overdue != p.told_amount)


def _is_ours_to_recall() -> ColumnElement[bool]:
    """It was away by this ledger; what had come back in the system before was recalled there."""
    placed = exists().where(
        placement_event.c.placement_id == placement.c.placement_id,
        placement_event.c.event.in_(PLACED),
    )
    given = exists().where(
        package_line.c.placement_id == placement.c.placement_id, package_line.c.kind == "placement"
    )
    return or_(placed, given)


def _told_to_stop() -> ColumnElement[bool]:
    return exists().where(
        package_line.c.placement_id == placement.c.placement_id, package_line.c.kind == "recall"
    )


def check_again(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    begun: Package,
    business_date: dt.date,
    now: dt.datetime,
) -> None:
    """Before a package goes on that did not arrive: leave out what may no longer go.

    By the facts of `business_date`; what is unknown then waits for a later package.

    Its amounts stay those that it began with; a balance package tells what has changed since.
    """
    if begun.kind != "placement":
        return
    inside = select(package_line.c.placement_id).where(
        package_line.c.package_id == begun.package_id
    )
    withdraw_refused(conn, book, portfolio_id, business_date, inside, now)
    stands = standing(conn, book, portfolio_id, business_date, now, inside)
    fit = (
        select(placement.c.placement_id)
        .join(stands, stands.c.placement_id == placement.c.placement_id)
        .where(
            placement.c.state == "approved",
            stands.c.refusal.is_(None),
        )
    )
    conn.execute(
        delete(package_line).where(
            package_line.c.package_id == begun.package_id, package_line.c.placement_id.not_in(fit)
        )
    )


def is_empty(conn: Connection, begun: Package) -> bool:
    has = exists().where(package_line.c.package_id == begun.package_id)
    return not conn.execute(select(has)).scalar_one()


def sums(conn: Connection, begun: Package) -> tuple[int, dict[str, str]]:
    """How many lines a package has, and currency → their total as a manifest writes it."""
    found = conn.execute(
        select(package_line.c.currency, func.count(), func.sum(package_line.c.amount))
        .where(package_line.c.package_id == begun.package_id)
        .group_by(package_line.c.currency)
        .order_by(package_line.c.currency)
    ).all()
    return sum(count for _, count, _ in found), {
        currency: exact(total, currency) for currency, _, total in found
    }


def drop(conn: Connection, begun: Package) -> None:
    """Forget a package of which nothing arrived; what it held waits for another."""
    conn.execute(delete(package_line).where(package_line.c.package_id == begun.package_id))
    conn.execute(delete(package).where(package.c.package_id == begun.package_id))


def delivered(
    conn: Connection, begun: Package, place: str, manifest: dict[str, object], now: dt.datetime
) -> None:
    """Write down that it arrived, and what that makes of its placements."""
    conn.execute(
        update(package)
        .where(package.c.package_id == begun.package_id)
        .values(delivered_at=now, place=place, manifest=manifest)
    )
    line = and_(
        package_line.c.package_id == begun.package_id,
        package_line.c.placement_id == placement.c.placement_id,
    )
    if begun.kind == "placement":
        _exported(conn, begun, now)
    elif begun.kind == "balance":
        conn.execute(update(placement).where(line).values(told_amount=package_line.c.amount))


def _exported(conn: Connection, begun: Package, now: dt.datetime) -> None:
    """Approved ones are exported. One that was ended while its package was on the way has left all
    the same, so it is to be recalled."""
    moved = (
        update(placement)
        .where(
            package_line.c.package_id == begun.package_id,
            package_line.c.placement_id == placement.c.placement_id,
            placement.c.state.in_(("approved", "rejected", "withdrawn")),
        )
        .values(
            state=case((placement.c.state == "approved", "exported"), else_="recalled"),
            amount=package_line.c.amount,
            told_amount=package_line.c.amount,
            exported_at=now,
        )
        .returning(placement.c.placement_id, placement.c.state, placement.c.reason)
        .cte("moved")
    )
    conn.execute(
        insert(placement_event).from_select(
            ["placement_id", "event", "reason", "happened_at", "told_by"],
            select(
                moved.c.placement_id,
                moved.c.state,
                moved.c.reason,
                literal(now),
                literal(MACHINE, Text),
            ),
        )
    )
