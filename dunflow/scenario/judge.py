"""Compares how a scenario ended with what it expects; each difference is one line."""

import datetime as dt
from collections import Counter
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, func, or_, select

from dunflow.clock import BusinessCalendar
from dunflow.config.book import Book
from dunflow.intake.handback.reconcile import reconciled
from dunflow.ledger.tables import (
    ACTUAL,
    account,
    contact,
    contact_account,
    customer,
    decision,
    handback,
    opt_out,
    placement,
    quarantine,
)
from dunflow.scenario.model import Expect, Row, same
from dunflow.scenario.play import Played

Found = dict[str, Any]


def differences(
    conn: Connection,
    played: Played,
    expect: Expect,
    provider_ids: list[str],
) -> list[str]:
    """What is not as expected. `provider_ids` are those of the messages that the sandbox has."""
    book, calendar = played.book, played.book.portfolio.calendar
    found = _contacts(conn, played.portfolio_id)
    sent = [row for row in found if row["state"] in ACTUAL]
    confirmed = _confirmed(conn, played.portfolio_id)
    lines: list[str] = _against_sandbox(sent + confirmed, provider_ids)
    if expect.contacts is not None:
        lines += _exactly("contacts", expect.contacts, sent, calendar)
    lines += _at_least("contacts_include", expect.contacts_include, sent, calendar)
    unsent = [row for row in found if row["state"] not in ACTUAL]
    lines += _at_least("outbox", expect.outbox, unsent, calendar)
    decided = _decisions(conn, played.portfolio_id)
    lines += _at_least("decisions", expect.decisions, decided, calendar)
    if expect.hand_offs is not None:
        placed = _placements(conn, played.portfolio_id)
        lines += _exactly("hand_offs", expect.hand_offs, placed, calendar)
    if expect.confirmed is not None:
        lines += _exactly("confirmed", expect.confirmed, confirmed, calendar)
    if expect.handbacks is not None:
        told = _handbacks(conn, played.portfolio_id)
        lines += _exactly("handbacks", expect.handbacks, told, calendar)
    if expect.reconciled is not None:
        sums = _reconciled(conn, book, played.portfolio_id)
        lines += _exactly("reconciled", expect.reconciled, sums, calendar)
    if expect.quarantined is not None:
        unread = _quarantined(conn, played.portfolio_id)
        if sorted(expect.quarantined) != unread:
            lines.append(f"quarantined: expected {sorted(expect.quarantined)}, found {unread}")
    return lines + _refusals(expect, played)


def _exactly(
    what: str, wanted: list[Row], found: list[Found], calendar: BusinessCalendar
) -> list[str]:
    """Each wanted row takes a row of its own; none may be left over."""
    left = list(found)
    lines = []
    # The most telling rows choose first, so that a vague one does not take theirs.
    for row in sorted(wanted, key=len, reverse=True):
        match = next((each for each in left if _fits(row, each, calendar)), None)
        if match is None:
            lines.append(f"{what}: missing {_told(row)}{_nearest(row, left)}")
        else:
            left.remove(match)
    return lines + [f"{what}: not expected {_told(each)}" for each in left]


def _at_least(
    what: str, wanted: list[Row], found: list[Found], calendar: BusinessCalendar
) -> list[str]:
    return [
        f"{what}: missing {_told(row)}{_nearest(row, found)}"
        for row in wanted
        if not any(_fits(row, each, calendar) for each in found)
    ]


def _fits(row: Row, found: Found, calendar: BusinessCalendar) -> bool:
    for key, wanted in row.items():
        match key:
            case "between":
                first, last = (_instant(each, calendar) for each in wanted)
                if found["sent"] is None or not first <= found["sent"] <= last:
                    return False
            case "sent":
                if found["sent"] != _instant(wanted, calendar):
                    return False
            case "lists":
                if sorted(wanted) != found["lists"]:
                    return False
            case _ if key not in found or not same(wanted, found[key]):
                return False
    return True


def _instant(value: str, calendar: BusinessCalendar) -> dt.datetime:
    instant = dt.datetime.fromisoformat(value)
    return instant if instant.tzinfo else instant.replace(tzinfo=calendar.zone)


def _nearest(row: Row, found: list[Found]) -> str:
    """What is there for the same account and date, to see at a glance what went wrong."""
    of = [each for each in found if all(each.get(k) == row.get(k) for k in ("account", "date"))]
    return f"; there is {_told(of[0])}" if of else ""


def _told(row: Found) -> str:
    shown = {key: str(value) for key, value in row.items() if value is not None}
    return "{" + ", ".join(f"{key}: {value}" for key, value in shown.items()) + "}"


def _against_sandbox(sent: list[Found], provider_ids: list[str]) -> list[str]:
    """The ledger and the providers must agree on what went out."""
    ours = Counter(
        row["provider_id"] for row in sent if row["channel"] in ("sms", "email", "voice")
    )
    theirs = Counter(provider_ids)
    return [
        f"sandbox: {count} message(s) that the ledger does not know as sent: {provider_id}"
        for provider_id, count in (theirs - ours).items()
    ] + [
        f"sandbox: does not have {provider_id}, which the ledger says was sent"
        for provider_id in (ours - theirs)
    ]


def _contacts(conn: Connection, portfolio_id: int) -> list[Found]:
    named = account.alias("named")
    lists = (
        select(func.array_agg(named.c.account_ref))
        .join(contact_account, contact_account.c.account_id == named.c.account_id)
        .where(
            contact_account.c.contact_id == contact.c.contact_id,
            contact_account.c.dropped.is_(None),
        )
        .scalar_subquery()
    )
    rows = conn.execute(
        select(
            account.c.account_ref.label("account"),
            customer.c.customer_ref.label("customer"),
            contact.c.step,
            contact.c.channel,
            contact.c.business_date.label("date"),
            contact.c.accepted_at.label("sent"),
            contact.c.amount,
            contact.c.state,
            contact.c.reason,
            contact.c.provider_id,
            contact.c.address.label("to"),
            lists.label("lists"),
        )
        .join(account, account.c.account_id == contact.c.account_id)
        .join(customer, customer.c.customer_id == contact.c.customer_id)
        .where(contact.c.portfolio_id == portfolio_id, contact.c.run_id.is_not(None))
        .order_by(contact.c.contact_id)
    )
    return [{**row._mapping, "lists": sorted(row.lists or [])} for row in rows]


def _confirmed(conn: Connection, portfolio_id: int) -> list[Found]:
    """Opt-outs that were confirmed, and whoever is reached there."""
    rows = conn.execute(
        select(
            customer.c.customer_ref.label("customer"),
            opt_out.c.channel,
            opt_out.c.confirmed_at.label("sent"),
            opt_out.c.provider_id,
        )
        .join(
            customer,
            or_(customer.c.phone == opt_out.c.address, customer.c.email == opt_out.c.address),
        )
        .where(opt_out.c.portfolio_id == portfolio_id, opt_out.c.confirmed_at.is_not(None))
    )
    return [dict(row._mapping) for row in rows]


def _decisions(conn: Connection, portfolio_id: int) -> list[Found]:
    rows = conn.execute(
        select(
            account.c.account_ref.label("account"),
            decision.c.business_date.label("date"),
            decision.c.action,
            decision.c.reason,
            decision.c.tier,
            decision.c.step,
            decision.c.dpd,
        )
        .join(account, account.c.account_id == decision.c.account_id)
        .where(decision.c.portfolio_id == portfolio_id)
    )
    return [dict(row._mapping) for row in rows]


def _placements(conn: Connection, portfolio_id: int) -> list[Found]:
    rows = conn.execute(
        select(
            account.c.account_ref.label("account"),
            placement.c.destination.label("to"),
            placement.c.business_date.label("date"),
            placement.c.state,
            placement.c.reason,
            placement.c.told_amount.label("told"),
        )
        .join(account, account.c.account_id == placement.c.account_id)
        .where(placement.c.portfolio_id == portfolio_id)
    )
    return [dict(row._mapping) for row in rows]


def _handbacks(conn: Connection, portfolio_id: int) -> list[Found]:
    rows = conn.execute(
        select(
            account.c.account_ref.label("account"),
            handback.c.destination.label("to"),
            handback.c.kind,
            handback.c.amount,
            handback.c.reason,
        )
        .outerjoin(placement, placement.c.placement_id == handback.c.placement_id)
        .outerjoin(account, account.c.account_id == placement.c.account_id)
        .where(handback.c.portfolio_id == portfolio_id)
    )
    return [dict(row._mapping) for row in rows]


def _reconciled(conn: Connection, book: Book, portfolio_id: int) -> list[Found]:
    """The sums of each receiver and currency, and then what does not agree."""
    found = reconciled(conn, book, portfolio_id, None)
    told = asdict(found)
    return [each for what in ("standings", "remittances", "unbooked") for each in told[what]]


def _quarantined(conn: Connection, portfolio_id: int) -> list[str]:
    rows = conn.execute(
        select(account.c.account_ref)
        .join(quarantine, quarantine.c.account_id == account.c.account_id)
        .where(quarantine.c.portfolio_id == portfolio_id, quarantine.c.rejects_account)
        .distinct()
    )
    return sorted(rows.scalars())


def _refusals(expect: Expect, played: Played) -> list[str]:
    lines = []
    told = "\n".join(played.refused)
    for part in expect.refused or []:
        if part not in told:
            lines.append(f"refused: expected {part!r} in the message, found {told or 'none'!r}")
    if played.refused and expect.refused is None:
        lines.append(f"loading was refused: {told}")
    wanted = [expect.gate["date"]] if expect.gate and expect.gate.get("failed") else []
    if played.stopped != wanted:
        stopped = [str(each) for each in played.stopped]
        lines.append(f"gate: expected to stop {[str(each) for each in wanted]}, stopped {stopped}")
    return lines
