"""A person about whom everything is known that the ledger can hold, each value marked as theirs."""

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert, text

from dunflow.ledger import partitions
from dunflow.ledger.tables import (
    PERSONAL,
    REMARKS,
    account,
    consent,
    contact,
    contact_account,
    contact_change,
    contact_text,
    customer,
    dead_address,
    episode,
    hold,
    load,
    merger,
    metadata,
    opt_out,
    placement,
    placement_event,
    plan,
    promise,
    reply,
    resolution,
    snapshot,
    waiver,
)

OWED_ON = dt.date(2026, 3, 1)
"""The one date whose snapshot has them."""
DAY = dt.date(2026, 3, 2)
AT = dt.datetime(2026, 3, 3, 4, 0, tzinfo=dt.UTC)
ONE = {"amount": Decimal(1), "currency": "CNY"}


def marked(table: Table, mark: str) -> dict[str, str]:
    """Column → a value that says whose and what it is, for all that may say something personal."""
    columns = (*PERSONAL.get(table, ()), *REMARKS.get(table, ()))
    return {name: f"{mark}:{table.name}.{name}" for name in columns}


PUT_ELSEWHERE = {
    # Their own, in a table that knows no customers, or a second row of another's value.
    "dead_address.address",
    "opt_out.address",
    # Written by whoever erases.
    "erasure.reason",
}


def marks(mark: str) -> set[str]:
    """Every value that `know` puts into the ledger."""
    all_of_them = {v for table in {**PERSONAL, **REMARKS} for v in marked(table, mark).values()}
    return all_of_them - {f"{mark}:{each}" for each in PUT_ELSEWHERE}


def know(engine: Engine, portfolio_id: int, ref: str) -> int:
    """Put them into the ledger, their account closed on `DAY`; the customer's number."""
    with engine.begin() as conn:
        mine = {"portfolio_id": portfolio_id}

        def put(table: Table, **given: Any) -> int:
            row = insert(table).values(marked(table, ref) | given)
            number: int = conn.execute(row).inserted_primary_key[0]
            return number

        person = put(customer, **mine, customer_ref=ref, seen_on=DAY)
        debt = put(account, **mine, account_ref=f"A-{ref}")
        stretch = put(episode, **mine, account_id=debt, started_on=OWED_ON, ended_on=DAY)
        owed(conn, portfolio_id, debt, person, ref)
        sent = put(
            contact, **mine, **ONE, business_date=DAY, customer_id=person, account_id=debt,
            reference=f"R-{ref}", step="s", channel="sms", template="courtesy", purpose="reminder",
            severity=0, state="delivered", not_before_at=AT, expires_at=AT, planned_at=AT,
            claimed_at=AT, accepted_at=AT, run_id=1, contact_on=DAY,
        )  # fmt: skip
        put(
            contact_account, contact_id=sent, account_id=debt, episode_id=stretch,
            ladder_episode_id=stretch, step="s", repetition=0, amount=Decimal(1), occupies=True,
        )  # fmt: skip
        put(contact_text, contact_id=sent)
        put(resolution, contact_id=sent, sent=True, resolved_by="ann", resolved_at=AT)
        put(
            dead_address, **mine, channel="sms", address=f"{ref}:customer.phone", reason="x",
            since_at=AT,
        )  # fmt: skip
        by = {"recorded_by": "ann"}
        bound = {**mine, "channel": "sms", "since_at": AT}
        put(opt_out, **bound, customer_id=person, address=None)
        put(opt_out, **bound, address=f"{ref}:contact.address")
        about = {**mine, "account_id": debt}
        put(hold, **about, **by, kind="dispute", from_at=AT, recorded_at=AT, released_at=AT)
        put(promise, **about, **by, **ONE, promised_on=DAY, made_at=AT, recorded_at=AT)
        put(plan, **about, **by, currency="CNY", grace_days=0, agreed_at=AT, recorded_at=AT)
        put(
            contact_change, **mine, **by, change_ref=f"told-{ref}", customer_id=person,
            point="phone", bad=False, changed_at=AT, recorded_at=AT,
        )  # fmt: skip
        put(merger, **mine, customer_id=person, into_id=person, merged_at=AT, merged_by="ann")
        put(consent, **mine, **by, customer_id=person, channel="sms", basis="b", given_at=AT)
        put(
            reply, **mine, reply_ref=f"known-{ref}", customer_id=person, channel="sms",
            received_at=AT, kind="other", state="kept",
        )  # fmt: skip
        put(
            reply, **mine, reply_ref=f"unknown-{ref}", channel="email", received_at=AT,
            kind="other", state="kept", address=f"{ref}:customer.email",
        )  # fmt: skip
        put(
            waiver, **about, episode_id=stretch, business_date=DAY, step="s", waived_by="ann",
            waived_at=AT,
        )  # fmt: skip
        gone = put(
            placement, **about, **ONE, episode_id=stretch, business_date=DAY, destination="agency",
            state="closed", proposed_at=AT, ended_at=AT,
        )  # fmt: skip
        put(placement_event, placement_id=gone, event="closed", happened_at=AT, told_by="ann")
    return person


def owed(conn: Connection, portfolio_id: int, account_id: int, customer_id: int, mark: str) -> None:
    """The snapshot of `OWED_ON` has the account as this customer's."""
    if not partitions.exists(conn, snapshot, portfolio_id, OWED_ON):
        name = partitions.name_of(snapshot, portfolio_id, OWED_ON)
        conn.execute(text(f"CREATE TABLE {name} (LIKE snapshot INCLUDING DEFAULTS)"))
        partitions.attach(conn, snapshot, portfolio_id, OWED_ON)
    conn.execute(
        insert(snapshot).values(
            portfolio_id=portfolio_id,
            business_date=OWED_ON,
            account_id=account_id,
            customer_id=customer_id,
            due_on=OWED_ON,
            overdue_amount=Decimal(1),
            currency="CNY",
            **marked(snapshot, mark),
        )
    )


def accept(engine: Engine, portfolio_id: int, date: dt.date) -> None:
    """The date's snapshot is there, and nobody in it owes anything."""
    with engine.begin() as conn:
        conn.execute(
            insert(load).values(
                portfolio_id=portfolio_id,
                business_date=date,
                as_of_at=AT,
                loaded_at=AT,
                state="accepted",
                rows_read=0,
                accounts=0,
                customers=0,
                overdue={},
                quarantined=0,
            )
        )


def everything(conn: Connection) -> str:
    """Every row of every table, as text."""
    found = []
    for table in metadata.sorted_tables:
        rows = conn.execute(text(f"SELECT CAST(t AS text) FROM {table.name} AS t"))
        found += [f"{table.name}: {row}" for row in rows.scalars()]
    return "\n".join(found)


def known_of(engine: Engine, mark: str) -> set[str]:
    """Which of somebody's marks stand anywhere in the ledger."""
    with engine.connect() as conn:
        whole = everything(conn)
    return {each for each in marks(mark) if each in whole}
