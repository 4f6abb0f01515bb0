"""Writes down what came of the calls: outcome by outcome, each only for the claim that it is of."""

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, Text, func, update

from dunflow.config.book import Book
from dunflow.ledger.given import Kind, given
from dunflow.ledger.tables import Instant, contact
from dunflow.remind import faults, outbox, receipts
from dunflow.remind.consequences import (
    believe_opt_outs,
    bury_addresses,
    refresh_ladder,
    start_gap,
)
from dunflow.remind.lease import Claimed
from dunflow.remind.receipts import Told
from dunflow.remind.schedule import first_look_at, next_result_at, try_again_at
from dunflow.remind.senders.listed import LISTED
from dunflow.remind.senders.outcome import Accepted, Busy, Down, Outcome, Refused, Seen, Unknown

Settled = tuple[Claimed, Outcome]

_COLUMNS: dict[str, Kind] = {
    "of": BigInteger,
    "attempt": Integer,
    "state": Text,
    "reason": Text,
    "error_code": Text,
    "provider_id": Text,
    "accepted_at": Instant,
    "ended_at": Instant,
    "ask_at": Instant,
    "not_before_at": Instant,
}


def settle(
    conn: Connection, book: Book, portfolio_id: int, settled: list[Settled], now: dt.datetime
) -> dict[str, int]:
    """Record the outcomes; state → count. What was put in doubt meanwhile is no longer so.

    A contact that something else settled meanwhile (a callback, a question) stays as it is, unless
    the provider took it.
    """
    if not settled:
        return {}
    rows = [_row(claimed, outcome, now) for claimed, outcome in settled]
    written = _write(conn, rows)
    receipts.take(conn, book, _late_acceptances(settled, written, now), now)
    mine = [(c.contact_id, outcome) for c, outcome in settled if c.contact_id in written]
    refused = [(contact_id, o) for contact_id, o in mine if isinstance(o, Refused)]
    accepted = [contact_id for contact_id, outcome in mine if isinstance(outcome, Accepted)]
    # A newer date may have run during the call: what waits for another try would outlive its own.
    waits = [contact_id for contact_id, outcome in mine if isinstance(outcome, Busy | Down)]
    outbox.end_overtaken(conn, portfolio_id, waits, now)
    outbox.make_room(conn, [contact_id for contact_id, _ in refused])
    bury_addresses(conn, [of for of, outcome in refused if outcome.blames == "address"], now)
    believe_opt_outs(conn, [of for of, outcome in refused if outcome.blames == "opted_out"], now)
    start_gap(conn, accepted)
    refresh_ladder(conn, book, [*accepted, *(contact_id for contact_id, _ in refused)])
    faults.note(conn, portfolio_id, _spoken(settled), now)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["state"]] = counts.get(row["state"], 0) + 1
    return counts


def _write(conn: Connection, rows: list[dict[str, Any]]) -> set[int]:
    """The contacts that were still as this worker left them."""
    outbox.lock_in_order(conn, [row["of"] for row in rows])
    result = given("result", _COLUMNS, rows)
    written = conn.execute(
        update(contact)
        .where(
            contact.c.contact_id == result.c.of,
            contact.c.attempts == result.c.attempt,
            contact.c.state.in_(("claimed", "in_doubt")),
        )
        .values(
            lease_until_at=None,
            asked=0,
            not_before_at=func.greatest(contact.c.not_before_at, result.c.not_before_at),
            **{
                name: result.c[name]
                for name in _COLUMNS
                if name not in ("of", "attempt", "not_before_at")
            },
        )
        .returning(contact.c.contact_id)
    )
    return set(written.scalars().all())


def _late_acceptances(settled: list[Settled], written: set[int], now: dt.datetime) -> list[Told]:
    """What a provider took though the contact is no longer as this worker left it: a call may last
    so long that the contact was planned anew, or went out once more, meanwhile."""
    return [
        (claimed.contact_id, Seen(outcome.provider_id, now))
        for claimed, outcome in settled
        if isinstance(outcome, Accepted)
        and claimed.contact_id not in written
        and claimed.message.channel not in LISTED
    ]


def _row(claimed: Claimed, outcome: Outcome, now: dt.datetime) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_COLUMNS)
    row |= {"of": claimed.contact_id, "attempt": claimed.attempt, "not_before_at": now}
    channel = claimed.message.channel
    match outcome:
        case Accepted(provider_id):
            row |= {"state": "accepted", "provider_id": provider_id, "accepted_at": now}
            row["ask_at"] = None if channel in LISTED else next_result_at(0, now)
        case Refused(code):
            row |= {"state": "failed", "error_code": code, "ended_at": now}
            row["reason"] = outcome.blames
        case Busy(code, retry_after_s):
            row |= {"state": "planned", "error_code": code}
            row["not_before_at"] = try_again_at(claimed.attempt, retry_after_s, now)
        case Unknown(why):
            row |= {"state": "in_doubt", "reason": why, "ask_at": first_look_at(channel, now)}
        case Down(code):
            row |= {"state": "planned", "error_code": code}
    return row


def _spoken(settled: list[Settled]) -> dict[str, Down | None]:
    """channel → the fault of its sender; None where a message was accepted, so there is none.

    What was not tried any more, once a sender had failed, says nothing beside that failure.
    """
    spoken: dict[str, Down | None] = {}
    for claimed, outcome in settled:
        channel = claimed.message.channel
        if isinstance(outcome, Down) and outcome.code != faults.STOPPED:
            spoken[channel] = outcome
        elif isinstance(outcome, Accepted):
            spoken.setdefault(channel, None)
    return spoken
