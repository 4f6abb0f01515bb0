"""A day in figures: what was delivered, decided, planned and sent. Never anything about a person.

Everything is counted by the database, in few passes over the date's rows; what comes out is JSON,
with amounts as plain text. `snapshot`, `late`, `decide` and `remind` have the shape that the day's
stages return.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypedDict

from sqlalchemy import Connection, Integer, Row, Select, case, cast, extract, func, literal, select

from dunflow.assess.printed import was_made
from dunflow.config.book import Book
from dunflow.config.policy import CHANNELS
from dunflow.decide.guards import BLOCKING
from dunflow.intake.rejects import count_rejects
from dunflow.ledger.tables import (
    ACTIONS,
    CONTACT_STATES,
    contact,
    decision,
    load,
    placement,
    run,
)
from dunflow.report.movement import Movement, movement, per_currency

Groups = Sequence[Row[*tuple[Any, ...]]]
"""Groups of rows that agree in everything the figures tell apart, each with its count `n`."""


class SnapshotFigures(TypedDict):
    """What was delivered. Counts mean overdue accounts (DPD ≥ 1)."""

    state: str
    """Of the load, or `missing`: the date was never loaded."""
    as_of: str | None
    accounts: int
    customers: int
    overdue: dict[str, str]
    quarantined: int


class TierFigures(TypedDict):
    accounts: int
    overdue: dict[str, str]


class Figures(TypedDict):
    """The figures of one business date of one portfolio."""

    portfolio: str
    business_date: str
    snapshot: SnapshotFigures
    late: bool
    """Whether every run of the date was late, so that nobody was contacted by it."""
    decide: dict[str, int]
    """Action → decision rows."""
    reasons: dict[str, dict[str, int]]
    """Action → reason → decision rows, the most frequent first."""
    tiers: dict[str, TierFigures]
    """Mild to severe. Rows without a tier (cured, unreadable, settled) are in none."""
    blocked: dict[str, int]
    """Why mandatory steps that were due could not be carried out."""
    unresolved: dict[str, int]
    """State → contacts, of any date, of which nobody knows now: in doubt, or parked."""
    rejected: dict[str, int]
    """Kind → rows of feeds, of any date, that could not be taken in and were not mended yet."""
    remind: dict[str, int]
    """State → the date's contacts."""
    channels: dict[str, dict[str, int]]
    """Channel → state → the date's contacts."""
    sent_by_hour: dict[str, int]
    """Hour of the portfolio's clock → contacts that were sent, or listed for people, then."""
    placed: dict[str, int]
    """Destination → accounts that the date's runs proposed for it, whatever became of that."""
    movement: Movement | None
    """Since the nearest decided date before; None: there is none, or nothing was decided yet."""


def figures(conn: Connection, book: Book, portfolio_id: int, business_date: dt.date) -> Figures:
    """Count the date. One that was never loaded or decided gives zeros."""
    decided = conn.execute(_decisions(portfolio_id, business_date)).all()
    contacts = conn.execute(_contacts(book, portfolio_id, business_date)).all()
    actions = _sums((row.action, row.n) for row in decided)
    return {
        "portfolio": book.name,
        "business_date": business_date.isoformat(),
        "snapshot": _snapshot(conn, portfolio_id, business_date),
        "late": _late(conn, portfolio_id, business_date),
        "decide": in_order(ACTIONS, actions),
        "reasons": _reasons(decided),
        "tiers": _tiers(book, decided),
        "blocked": _blocked(book, decided),
        "unresolved": _unresolved(conn, portfolio_id),
        "rejected": count_rejects(conn, portfolio_id),
        "remind": in_order(CONTACT_STATES, _sums((row.state, row.n) for row in contacts)),
        "channels": _channels(contacts),
        "sent_by_hour": _hours(contacts),
        "placed": _placed(conn, portfolio_id, business_date),
        "movement": movement(conn, book, portfolio_id, business_date),
    }


def in_order(names: Iterable[str], counts: Mapping[str, int]) -> dict[str, int]:
    """The counts that are there, in the order of `names`."""
    return {name: counts[name] for name in names if counts.get(name)}


def _snapshot(conn: Connection, portfolio_id: int, business_date: dt.date) -> SnapshotFigures:
    row = conn.execute(
        select(
            load.c.state,
            load.c.as_of_at,
            load.c.accounts,
            load.c.customers,
            load.c.overdue,
            load.c.quarantined,
        ).where(load.c.portfolio_id == portfolio_id, load.c.business_date == business_date)
    ).one_or_none()
    if row is None:
        return {
            "state": "missing",
            "as_of": None,
            "accounts": 0,
            "customers": 0,
            "overdue": {},
            "quarantined": 0,
        }
    return {
        "state": row.state,
        "as_of": row.as_of_at.isoformat(),
        "accounts": row.accounts,
        "customers": row.customers,
        "overdue": row.overdue,
        "quarantined": row.quarantined,
    }


def _late(conn: Connection, portfolio_id: int, business_date: dt.date) -> bool:
    late: bool | None = conn.execute(
        select(func.bool_and(run.c.late)).where(
            run.c.portfolio_id == portfolio_id, run.c.business_date == business_date
        )
    ).scalar()
    return bool(late)


def _decisions(portfolio_id: int, business_date: dt.date) -> Select[*tuple[Any, ...]]:
    """The date's rows, grouped by all that the figures tell apart; a few hundred groups at most."""
    d = decision.c
    told = (d.action, d.reason, d.tier, d.step, d.currency)
    return (
        select(
            *told,
            func.count().label("n"),
            func.sum(d.overdue_amount).filter(d.dpd >= 1).label("overdue"),
        )
        .where(d.portfolio_id == portfolio_id, d.business_date == business_date)
        .group_by(*told)
    )


def _contacts(book: Book, portfolio_id: int, business_date: dt.date) -> Select[*tuple[Any, ...]]:
    """The date's contacts by channel, state and hour of being sent or listed (NULL: never)."""
    local = func.timezone(literal(book.portfolio.time_zone), contact.c.accepted_at)
    hour = case((was_made(), cast(extract("hour", local), Integer)))
    each = (
        select(contact.c.channel, contact.c.state, hour.label("hour"))
        .where(contact.c.portfolio_id == portfolio_id, contact.c.business_date == business_date)
        .where(contact.c.run_id.is_not(None))  # ours, not an agency's
        .subquery("each")
    )
    return select(*each.c, func.count().label("n")).group_by(*each.c)


def _reasons(groups: Groups) -> dict[str, dict[str, int]]:
    per_action = {
        action: _sums((row.reason, row.n) for row in groups if row.action == action)
        for action in ACTIONS
    }
    return {action: _most_first(counts) for action, counts in per_action.items() if counts}


def _tiers(book: Book, groups: Groups) -> dict[str, TierFigures]:
    accounts = _sums((row.tier, row.n) for row in groups if row.tier is not None)
    overdue: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in groups:
        if row.tier is not None and row.overdue is not None:
            overdue[row.tier][row.currency] += row.overdue
    # A tier that the policy has no more stands last: the rows of its day still name it.
    names = dict.fromkeys([*(tier.tier for tier in book.policy.tiers), *sorted(accounts)])
    return {
        name: {"accounts": accounts[name], "overdue": per_currency(overdue[name])} for name in names
    }


def _blocked(book: Book, groups: Groups) -> dict[str, int]:
    mandatory = {name for step in book.policy.ladder if step.mandatory for name in step.names}
    return _most_first(
        _sums(
            (row.reason, row.n)
            for row in groups
            if row.action == "suppress"
            and row.step in mandatory
            and row.reason.startswith(BLOCKING)
        )
    )


def _unresolved(conn: Connection, portfolio_id: int) -> dict[str, int]:
    rows = conn.execute(
        select(contact.c.state, func.count())
        .where(contact.c.portfolio_id == portfolio_id, contact.c.state.in_(("in_doubt", "parked")))
        .group_by(contact.c.state)
        .order_by(contact.c.state)
    )
    return dict(rows.all())


def _channels(contacts: Groups) -> dict[str, dict[str, int]]:
    per_channel = {
        channel: _sums((row.state, row.n) for row in contacts if row.channel == channel)
        for channel in CHANNELS
    }
    return {
        channel: in_order(CONTACT_STATES, counts)
        for channel, counts in per_channel.items()
        if counts
    }


def _hours(contacts: Groups) -> dict[str, int]:
    counts = _sums((row.hour, row.n) for row in contacts if row.hour is not None)
    return {str(hour): counts[hour] for hour in sorted(counts)}


def _placed(conn: Connection, portfolio_id: int, business_date: dt.date) -> dict[str, int]:
    rows = conn.execute(
        select(placement.c.destination, func.count())
        .where(placement.c.portfolio_id == portfolio_id, placement.c.business_date == business_date)
        .where(placement.c.run_id.is_not(None))  # neither a person's nor the system's before
        .group_by(placement.c.destination)
        .order_by(placement.c.destination)
    )
    return dict(rows.all())


def _sums(counts: Iterable[tuple[Any, int]]) -> Counter[Any]:
    sums: Counter[Any] = Counter()
    for name, count in counts:
        sums[name] += count
    return sums


def _most_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
