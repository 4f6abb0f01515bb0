"""Is a snapshot to be trusted? Compared with the nearest accepted date before it."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Subquery,
    and_,
    exists,
    func,
    null,
    or_,
    select,
    update,
)

from dunflow import money
from dunflow.config.book import Book
from dunflow.config.portfolio import Gate
from dunflow.errors import DunflowError
from dunflow.ledger.loads import neighbours
from dunflow.ledger.tables import load, snapshot
from dunflow.snapshot.finding import Finding, are_covered, told, vouched_for


@dataclass(frozen=True)
class Verdict:
    """What the gate says about a date. `state` is that of the load from now on."""

    portfolio: str
    business_date: dt.date
    state: str
    findings: tuple[Finding, ...] = ()

    @property
    def accepted(self) -> bool:
        return self.state == "accepted"

    def why(self) -> str:
        """What was seen, what is allowed, and how to go on, for the person who has to decide."""
        name = f"{self.portfolio} {self.business_date}"
        if self.state == "gap":
            return (
                f"{name}: a gap. The source keeps no history, and nothing was pulled before the "
                "next date closed; so there is nothing to decide. Run the newest date instead"
            )
        wrong = told(self.findings)
        if self.accepted:
            return f"{name}: accepted" + (f" by a person, knowing: {wrong}" if wrong else "")
        return (
            f"{name}: the snapshot is refused, and nobody is contacted. {wrong}. Mend the source "
            "and run the date again or, if the rows are right, accept them: "
            f'dunflow accept {name} --reason "…"'
        )


def judge(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date, now: dt.datetime
) -> Verdict:
    """Write whether the date's snapshot is accepted or refused, and on what grounds.

    A refusal is an outcome: the caller commits it, and stops the run.
    """
    this = _load(conn, portfolio_id, business_date)
    if this is None:
        raise DunflowError(
            f"{book.name} {business_date}: nothing is loaded, so there is nothing to judge; "
            "run the snapshot stage first"
        )
    if this.state == "gap":
        return Verdict(book.name, business_date, "gap")
    before_on = neighbours(conn, portfolio_id, business_date).before
    before = _load(conn, portfolio_id, before_on) if before_on else None
    limits = book.portfolio.gate
    findings = [*_absolute(this, limits)]
    unchanged_since = business_date
    if before is not None:
        findings += _columns(this, before)
        findings += [_rows(this, before, limits), *_overdue(conn, this, before, limits)]
        unchanged_since = _unchanged_since(conn, this, before)
        findings.append(contacts_changed(this.contacts_changed, this.contacts_of, limits))
        findings.append(_freshness(this, unchanged_since, limits))
    trusted = are_covered(findings, vouched_for(conn, portfolio_id, business_date))
    state = "accepted" if trusted else "refused"
    record = {
        "judged_at": now.isoformat(),
        "compared_with": before_on.isoformat() if before_on else None,
        "unchanged_since": unchanged_since.isoformat(),
        "findings": [finding.as_json() for finding in findings],
    }
    conn.execute(
        update(load)
        .where(load.c.portfolio_id == portfolio_id, load.c.business_date == business_date)
        .values(state=state, gate=record, stopped=null())
    )
    return Verdict(book.name, business_date, state, tuple(findings))


def _load(conn: Connection, portfolio_id: int, business_date: dt.date) -> Row[Any] | None:
    return conn.execute(
        select(load).where(
            load.c.portfolio_id == portfolio_id, load.c.business_date == business_date
        )
    ).one_or_none()


def _absolute(this: Row[Any], limits: Gate) -> Iterator[Finding]:
    readable = this.rows_read - this.quarantined
    yield Finding(
        "rows that could be read",
        f"{readable:,}",
        f"at least {limits.min_rows:,}",
        readable >= limits.min_rows,
        Decimal(readable - limits.min_rows),
    )
    share = Decimal(this.quarantined) / max(this.rows_read, 1)
    yield Finding(
        "share of rows rejected",
        f"{share:.1%} ({this.quarantined:,} of {this.rows_read:,})",
        f"{limits.max_rejected:.1%}, or fewer than {limits.small:,} rows",
        share <= limits.max_rejected or this.quarantined < limits.small,
        share,
    )


def contacts_changed(changed: int, of: int, limits: Gate) -> Finding:
    """About so many customers of so many who have another phone or email than before."""
    share = Decimal(changed) / max(of, 1)
    return Finding(
        "customers with another phone or email",
        f"{share:.1%} ({changed:,} of {of:,})",
        f"{limits.max_contacts_changed:.0%}, or fewer than {limits.small:,}",
        share <= limits.max_contacts_changed or changed < limits.small,
        share,
    )


def _columns(this: Row[Any], before: Row[Any]) -> Iterator[Finding]:
    """Where an optional one is gone, its values would all be none, or what the portfolio says."""
    if this.columns is None:
        return
    for name in sorted({*(before.columns or ())} - {*this.columns}):
        allowed = f"there, as on {before.business_date}"
        yield Finding(f"column {name!r}", "missing", allowed, False, Decimal(1))


def _rows(this: Row[Any], before: Row[Any], limits: Gate) -> Finding:
    change = _change(Decimal(this.rows_read), Decimal(before.rows_read))
    few = abs(this.rows_read - before.rows_read) < limits.small
    return Finding(
        "number of rows",
        f"{this.rows_read:,} after {before.rows_read:,} on {before.business_date} "
        f"({_signed(change)})",
        f"±{limits.max_rows_change:.0%}, or fewer than {limits.small:,} rows",
        few or _within(change, limits.max_rows_change),
        _times(Decimal(this.rows_read), Decimal(before.rows_read)),
    )


def _overdue(conn: Connection, this: Row[Any], before: Row[Any], limits: Gate) -> Iterator[Finding]:
    for currency in sorted({*this.overdue, *before.overdue}):
        now, then = (Decimal(row.overdue.get(currency, "0")) for row in (this, before))
        change = _change(now, then)
        passed = _within(change, limits.max_overdue_change)
        if not passed:
            # In a currency that few accounts have, one loan may double the total.
            passed = _changed_rows(conn, this, before, currency) < limits.small
        yield Finding(
            f"overdue total in {currency}",
            f"{money.plain(now, currency)} after {money.plain(then, currency)} on "
            f"{before.business_date} ({_signed(change)})",
            f"±{limits.max_overdue_change:.0%}, or fewer than {limits.small:,} rows changed",
            passed,
            _times(now, then),
        )


def _change(now: Decimal, then: Decimal) -> Decimal | None:
    """The change as a share of what was; None where there was nothing and now is something."""
    if now == then:
        return Decimal(0)
    return (now - then) / then if then else None


def _times(now: Decimal, then: Decimal) -> Decimal:
    """How much more it is than it was, in times; less counts as much as more, with a minus."""
    if now == then:
        return Decimal(0)
    most, least = max(now, then), min(now, then)
    times = most / least - 1 if least else Decimal("Infinity")
    return times if now > then else -times


def _within(change: Decimal | None, allowed: Decimal) -> bool:
    return change is not None and abs(change) <= allowed


def _signed(change: Decimal | None) -> str:
    return "from nothing" if change is None else f"{change:+.0%}"


def _changed_rows(conn: Connection, this: Row[Any], before: Row[Any], currency: str) -> int:
    """How many accounts of the currency are overdue by another amount than before."""
    now, then = _overdue_rows(this, currency, "now"), _overdue_rows(before, currency, "then")
    both = now.join(then, now.c.account_id == then.c.account_id, full=True)
    differ = now.c.overdue_amount.is_distinct_from(then.c.overdue_amount)
    return conn.execute(select(func.count()).select_from(both).where(differ)).scalar_one()


def _overdue_rows(of: Row[Any], currency: str, name: str) -> Subquery:
    return (
        select(snapshot.c.account_id, snapshot.c.overdue_amount)
        .where(
            _of_date(of),
            snapshot.c.currency == currency,
            snapshot.c.due_on < of.business_date,
            snapshot.c.overdue_amount > 0,
        )
        .subquery(name)
    )


def _freshness(this: Row[Any], unchanged_since: dt.date, limits: Gate) -> Finding:
    days = (this.business_date - unchanged_since).days
    few = this.rows_read < limits.small
    return Finding(
        "days without a single change in the source",
        f"{days} (since {unchanged_since})",
        f"fewer than {limits.max_days_unchanged}, or fewer than {limits.small:,} rows",
        few or days < limits.max_days_unchanged,
        Decimal(days),
    )


def _unchanged_since(conn: Connection, this: Row[Any], before: Row[Any]) -> dt.date:
    """The first date of the stretch of equal snapshots that ends with this one."""
    today: dt.date = this.business_date
    if this.rows_read != before.rows_read or _any_change(conn, this, before):
        return today
    earlier = (before.gate or {}).get("unchanged_since")
    return dt.date.fromisoformat(earlier or str(before.business_date))


def _any_change(conn: Connection, this: Row[Any], before: Row[Any]) -> bool:
    facts = (
        snapshot.c.account_id,
        snapshot.c.due_on,
        snapshot.c.overdue_amount,
        snapshot.c.balance_amount,
    )
    now = select(*facts).where(_of_date(this)).subquery("now")
    then = select(*facts).where(_of_date(before)).subquery("then")
    both = now.join(then, now.c.account_id == then.c.account_id, full=True)
    differ = or_(*[now.c[fact.name].is_distinct_from(then.c[fact.name]) for fact in facts])
    return conn.execute(select(exists().select_from(both).where(differ))).scalar_one()


def _of_date(of: Row[Any]) -> ColumnElement[bool]:
    return and_(
        snapshot.c.portfolio_id == of.portfolio_id, snapshot.c.business_date == of.business_date
    )
