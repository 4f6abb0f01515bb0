"""What `dunflow reply` does: list, take in, decide."""

import datetime as dt
import secrets
from decimal import Decimal
from typing import Any

import click
from sqlalchemy import select

from dunflow import tell
from dunflow.commands.desk import Desk
from dunflow.config.policy import CHANNELS
from dunflow.errors import DunflowError
from dunflow.intake.holders import account_of, currency_of, customer_of
from dunflow.intake.holds import Hold, Holder, record_hold
from dunflow.intake.promises import Promise, record_promise
from dunflow.intake.replies import WRONG_PERSON, Reply, decide_reply, led_to, record_reply
from dunflow.ledger.tables import account, customer, reply, snapshot

Done = tuple[dict[str, Any], str]


def waiting(at: Desk) -> list[dict[str, Any]]:
    """The open replies, the oldest first, without their texts."""
    rows = at.conn.execute(
        select(
            reply.c.reply_id.label("reply"),
            customer.c.customer_ref.label("customer"),
            reply.c.channel,
            reply.c.received_at,
            reply.c.kind,
            reply.c.proposed_hold,
            reply.c.proposed_amount,
            reply.c.proposed_on,
        )
        .outerjoin(customer, customer.c.customer_id == reply.c.customer_id)
        .where(reply.c.portfolio_id == at.portfolio_id, reply.c.state == "open")
        .order_by(reply.c.received_at, reply.c.reply_id)
    )
    return [dict(row._mapping) for row in rows]


def show(rows: list[dict[str, Any]], zone: dt.tzinfo) -> None:
    """As a table."""
    told = tell.table("Replies that wait", "id", "customer", "by", "came", "kind", "proposes")
    for row in rows:
        told.add_row(
            str(row["reply"]),
            row["customer"] or "",
            row["channel"],
            f"{row['received_at'].astimezone(zone):%Y-%m-%d %H:%M}",
            row["kind"],
            _proposal(row),
        )
    tell.screen.print(told)


def _proposal(row: dict[str, Any]) -> str:
    if row["proposed_hold"]:
        return f"hold {row['proposed_hold']}"
    if row["proposed_on"]:
        return f"promise of {row['proposed_amount'] or '?'} by {row['proposed_on']}"
    return ""


def take(at: Desk, customer_ref: str | None, channel: str | None, text: str) -> Done:
    """Take in what a customer answered."""
    if customer_ref is None or channel not in CHANNELS:
        raise click.UsageError(f"name the CUSTOMER, and --channel as one of {', '.join(CHANNELS)}")
    given = Reply(
        ref=f"desk-{secrets.token_hex(8)}",
        channel=channel,
        text=text,
        received_at=at.now,
        customer_id=customer_of(at.conn, at.portfolio_id, customer_ref),
    )
    book = at.book
    recorded = record_reply(
        at.conn, at.portfolio_id, book.portfolio.calendar, book.stop_words, given, at.now
    )
    assert recorded is not None  # the reference is new
    number, reading = recorded
    figures = {
        "reply": number,
        "kind": reading.kind,
        "stops": sorted(reading.stops),
        "waits_for_a_person": reading.waits_for_a_person,
    }
    told = [f"is read as {reading.kind}"]
    if reading.wrong_person:
        told.append(f"the contact point by {channel} is given up")
    if reading.stops:
        told.append(f"{', '.join(sorted(reading.stops))} is opted out")
    told.append("waits for a person" if reading.waits_for_a_person else "was heeded at once")
    return figures, f"Reply {number} {', '.join(told[:-1])}, and {told[-1]}."


def decide(at: Desk, by: str, **said: Any) -> Done:
    """Confirm or dismiss one."""
    if said["reason"] is None:
        raise click.UsageError("--confirm and --dismiss need a --reason")
    number = said["dismiss"] if said["confirm"] is None else said["confirm"]
    state = "dismissed" if said["confirm"] is None else "confirmed"
    decided = decide_reply(at.conn, at.portfolio_id, number, state, at.now, by, said["reason"])
    if state == "dismissed":
        again = "; a contact point that it took for a wrong person's is used again"
        sentence = f"Reply {number} is dismissed{again if decided.kind == WRONG_PERSON else ''}."
        return {"reply": number, "state": state}, sentence
    whose = decided.customer_id
    if said["customer"] is not None:
        whose = customer_of(at.conn, at.portfolio_id, said["customer"])
    kind = said["kind"] or (None if said["sum_"] else decided.proposed_hold)
    because = f"reply {number}: {said['reason']}"
    if kind is not None:
        opened = _open_hold(at, by, whose, kind, said, because)
        led_to(at.conn, number, opened)
        figures = {"reply": number, "hold": opened, "kind": kind}
        return figures, f"Reply {number}: hold {opened} ({kind}) stands."
    total, day = said["sum_"] or decided.proposed_amount, said["date"]
    day = day.date() if day else decided.proposed_on
    opened = _open_promise(at, by, whose, total, day, said["account"], because)
    return {"reply": number, "promise": opened}, f"Reply {number}: promise {opened} is recorded."


def _open_hold(
    at: Desk, by: str, whose: int | None, kind: str, said: dict[str, Any], because: str
) -> int | None:
    holder = Holder(customer_id=whose)
    if said["account"] is not None:
        holder = Holder(account_id=account_of(at.conn, at.portfolio_id, said["account"]))
    elif whose is None:
        raise DunflowError("the reply's customer is not known; name them, or --account")
    last = said["date"]
    until = at.book.portfolio.calendar.end_after(last.date() if last else None)
    return record_hold(
        at.conn, at.portfolio_id, Hold(holder, kind, at.now, until, at.now, by, because)
    )


def _open_promise(
    at: Desk,
    by: str,
    whose: int | None,
    total: Decimal | None,
    day: dt.date | None,
    account_ref: str | None,
    because: str,
) -> int | None:
    if total is None or day is None:
        raise DunflowError("it is not clear how much is promised by when; say --amount and --date")
    if day < at.book.portfolio.calendar.local_date(at.now):
        raise DunflowError(f"{day} is over; say --date, or dismiss the reply")
    account_id = (
        account_of(at.conn, at.portfolio_id, account_ref)
        if account_ref is not None
        else _only_account(at, whose)
    )
    currency = currency_of(at.conn, at.portfolio_id, account_id) or at.book.portfolio.currency
    given = Promise(account_id, total, currency, day, at.now, by, because)
    return record_promise(at.conn, at.portfolio_id, at.book.portfolio.calendar, given, at.now)


def _only_account(at: Desk, whose: int | None) -> int:
    """The one account that the customer has in the newest snapshot."""
    newest = (
        select(snapshot.c.business_date)
        .where(snapshot.c.portfolio_id == at.portfolio_id)
        .order_by(snapshot.c.business_date.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = (
        at.conn.execute(
            select(account.c.account_id)
            .join(snapshot, snapshot.c.account_id == account.c.account_id)
            .where(
                snapshot.c.portfolio_id == at.portfolio_id,
                snapshot.c.business_date == newest,
                snapshot.c.customer_id == whose,
            )
        )
        .scalars()
        .all()
    )
    if len(found) != 1:
        raise DunflowError(f"the customer has {len(found)} accounts; name one with --account")
    return int(found[0])
