"""Writes down what came of the calls: the only place where a contact becomes accepted or failed."""

import datetime as dt
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from dunflow.assess.progress import refresh
from dunflow.config.book import Book
from dunflow.ledger.tables import account, contact, contact_account, dead_address
from dunflow.remind import opt_outs, outbox
from dunflow.remind.claim import Claimed
from dunflow.remind.senders.outcome import Accepted, Busy, Down, Outcome, Refused, Unknown

Settled = tuple[Claimed, Outcome]

_RESULT = ("state", "reason", "error_code", "provider_id", "accepted_at", "ended_at")


def settle(
    conn: Connection, book: Book, portfolio_id: int, settled: list[Settled], now: dt.datetime
) -> dict[str, int]:
    """Record the outcomes; state → count. What was put in doubt meanwhile is no longer so."""
    rows = [_row(claimed, outcome, now) for claimed, outcome in settled]
    conn.execute(
        update(contact)
        .where(
            contact.c.contact_id == bindparam("of"),
            contact.c.attempts == bindparam("attempt"),
            or_(contact.c.state == "claimed", contact.c.state == "in_doubt"),
        )
        .values(
            lease_until_at=None,
            not_before_at=func.greatest(contact.c.not_before_at, bindparam("not_before")),
            **{name: bindparam(f"new_{name}") for name in _RESULT},
        ),
        rows,
    )
    refused = [(claimed, outcome) for claimed, outcome in settled if isinstance(outcome, Refused)]
    outbox.make_room(conn, [claimed.contact_id for claimed, _ in refused])
    _heed(conn, portfolio_id, refused, now)
    accepted = [claimed.contact_id for claimed, outcome in settled if isinstance(outcome, Accepted)]
    _start_gap(conn, accepted, now)
    changed = [*accepted, *(claimed.contact_id for claimed, _ in refused)]
    if changed:
        refresh(
            conn,
            book,
            select(contact_account.c.ladder_episode_id.label("episode_id"))
            .where(contact_account.c.contact_id.in_(changed), contact_account.c.step.is_not(None))
            .distinct(),
        )
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["new_state"]] = counts.get(row["new_state"], 0) + 1
    return counts


def _row(claimed: Claimed, outcome: Outcome, now: dt.datetime) -> dict[str, Any]:
    row: dict[str, Any] = {f"new_{name}": None for name in _RESULT}
    row |= {"of": claimed.contact_id, "attempt": claimed.attempt, "not_before": now}
    match outcome:
        case Accepted(provider_id):
            row |= {"new_state": "accepted", "new_provider_id": provider_id, "new_accepted_at": now}
        case Refused(code):
            row |= {"new_state": "failed", "new_error_code": code, "new_ended_at": now}
            row |= {"new_reason": outcome.blames}
        case Busy(code, retry_after_s):
            row |= {"new_state": "planned", "new_error_code": code}
            row |= {"not_before": now + dt.timedelta(seconds=retry_after_s)}
        case Unknown(why):
            row |= {"new_state": "in_doubt", "new_reason": why}
        case Down(code):
            row |= {"new_state": "planned", "new_error_code": code}
    return row


def _heed(
    conn: Connection, portfolio_id: int, refused: list[tuple[Claimed, Refused]], now: dt.datetime
) -> None:
    """A dead address is not used again; a person who told the provider to stop is left alone."""
    dead = [
        {
            "portfolio_id": portfolio_id,
            "channel": claimed.message.channel,
            "address": claimed.message.to,
            "reason": outcome.code,
            "since_at": now,
        }
        for claimed, outcome in refused
        if outcome.blames == "address"
    ]
    if dead:
        conn.execute(insert(dead_address).on_conflict_do_nothing(), dead)
    stopped = [c.contact_id for c, outcome in refused if outcome.blames == "opted_out"]
    if stopped:
        who = select(contact.c.channel, contact.c.customer_id, contact.c.address).where(
            contact.c.contact_id.in_(stopped)
        )
        for channel, customer_id, address in conn.execute(who).all():
            opt_outs.bind(conn, portfolio_id, [channel], [customer_id], [address], "provider", now)


def _start_gap(conn: Connection, accepted: list[int], now: dt.datetime) -> None:
    """The gap of every account named counts from now."""
    if not accepted:
        return
    named = select(contact_account.c.account_id).where(
        contact_account.c.contact_id.in_(accepted), contact_account.c.dropped.is_(None)
    )
    conn.execute(
        update(account)
        .where(account.c.account_id.in_(named))
        .values(last_contact_at=func.greatest(account.c.last_contact_at, now))
    )
