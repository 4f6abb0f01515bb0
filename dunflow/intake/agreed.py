"""Holds, promises and consents as feeds deliver them: each once, and once ended for good."""

from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    ColumnElement,
    Date,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import Insert, distinct_on, insert

from dunflow.clock import NO_END
from dunflow.intake.given import Given
from dunflow.intake.payments import OTHERWISE
from dunflow.ledger.points import address_for
from dunflow.ledger.tables import consent, customer, hold, promise


def take_holds(given: Given) -> int:
    """Keep holds, and end those whose release is told; how many were new or ended."""
    r = given.rows.c
    columns: dict[str, ColumnElement[Any]] = {
        "portfolio_id": given.portfolio,
        "hold_ref": r.ref,
        "account_id": r.account,
        "customer_id": r.customer,
        "kind": r.kind,
        "from_at": _start_of(given, r["from"]),
        "until_at": case((r.to < NO_END, _start_of(given, r.to + 1))),
        "recorded_at": literal(given.now),
        "recorded_by": literal(given.by),
        "reason": r.reason,
        "of_customer_id": r.owner,
        "released_at": r.released_at,
        "released_by": case((r.released_at.is_not(None), literal(given.by))),
    }
    known = and_(hold.c.portfolio_id == given.portfolio_id, hold.c.hold_ref == r.ref)
    facts = (hold.c.kind, hold.c.account_id, hold.c.customer_id, hold.c.from_at, hold.c.until_at)
    told = (
        r.kind,
        r.account,
        r.customer,
        columns["from_at"],
        columns["until_at"],
    )
    return _take(given, hold, columns, ("released_at", "released_by"), known, facts, told)


def take_promises(given: Given) -> int:
    """Keep promises, and cancel those that are told to be; how many were new or cancelled."""
    r = given.rows.c
    columns: dict[str, ColumnElement[Any]] = {
        "portfolio_id": given.portfolio,
        "promise_ref": r.ref,
        "account_id": r.account,
        "amount": r.amount,
        "currency": r.currency,
        "currency_told": r.currency_told,
        "promised_on": r.by,
        "made_at": r.made_at,
        "recorded_at": literal(given.now),
        "recorded_by": literal(given.by),
        "reason": r.reason,
        "cancelled_at": r.cancelled_at,
        "cancelled_by": case((r.cancelled_at.is_not(None), literal(given.by))),
    }
    known = and_(promise.c.portfolio_id == given.portfolio_id, promise.c.promise_ref == r.ref)
    p = promise.c
    facts = (p.account_id, p.amount, p.currency, p.promised_on, p.made_at)
    # Of one without a currency that of its account was taken, which may be unknown by now.
    currency = func.coalesce(r.said_currency, p.currency)
    told = (r.account, r.amount, currency, r.by, r.made_at)
    return _take(given, promise, columns, ("cancelled_at", "cancelled_by"), known, facts, told)


def take_consents(given: Given) -> int:
    """Keep consents, and take back those that were revoked; how many were new or taken back.

    Each is for the address that was named, or that the channel reaches now.
    """
    r = given.rows.c
    reached = select(address_for(r.channel)).where(customer.c.customer_id == r.customer)
    columns: dict[str, ColumnElement[Any]] = {
        "portfolio_id": given.portfolio,
        "customer_id": r.customer,
        "channel": r.channel,
        "address": func.coalesce(r.address, reached.correlate(given.rows).scalar_subquery()),
        "basis": r.basis,
        "given_at": r.given_at,
        "revoked_at": r.revoked_at,
        "end_recorded_at": case((r.revoked_at.is_not(None), literal(given.now))),
        "recorded_by": literal(given.by),
        "reason": r.reason,
    }
    key = ("portfolio_id", "customer_id", "channel", "basis", "given_at")
    rows = (
        select(*columns.values())
        .ext(distinct_on(r.customer, r.channel, r.basis, r.given_at))
        .order_by(r.customer, r.channel, r.basis, r.given_at, r.revoked_at.nulls_last())
    )
    kept = insert(consent).from_select(list(columns), rows)
    return _run(given, kept, consent, key, ("revoked_at", "end_recorded_at"))


def _take(
    given: Given,
    table: Table,
    columns: dict[str, ColumnElement[Any]],
    end: tuple[str, str],
    known: ColumnElement[bool],
    facts: tuple[ColumnElement[Any], ...],
    told: tuple[ColumnElement[Any], ...],
) -> int:
    """Keep rows that have an id of their own. The same id with other `facts` is turned down."""
    r = given.rows.c
    rows = (
        select(*columns.values())
        .ext(distinct_on(r.ref))
        .order_by(r.ref, columns[end[0]].nulls_last(), r.line)
    )
    kept = insert(table).from_select(list(columns), rows)
    named = next(name for name in columns if name.endswith("_ref"))
    count = _run(given, kept, table, ("portfolio_id", named), end)
    otherwise = exists().where(known, tuple_(*facts).is_distinct_from(tuple_(*told)))
    given.reject(otherwise, "ref", OTHERWISE)
    return count


def _run(
    given: Given, kept: Insert, table: Table, key: tuple[str, ...], end: tuple[str, ...]
) -> int:
    """Insert; of one that is known only its end is taken, and the earliest that was told holds."""
    told, stands = kept.excluded[end[0]], table.c[end[0]]
    taken = kept.on_conflict_do_update(
        index_elements=[table.c[name] for name in key],
        set_={name: kept.excluded[name] for name in end},
        where=or_(and_(told.is_not(None), stands.is_(None)), told < stands),
    )
    return given.conn.execute(taken.execution_options(preserve_rowcount=True)).rowcount


def _start_of(given: Given, day: ColumnElement[Any]) -> ColumnElement[Any]:
    """The midnight with which a day begins in the portfolio's zone."""
    zone = literal(given.book.portfolio.time_zone)
    return func.timezone(zone, cast(cast(day, Date), TIMESTAMP))
