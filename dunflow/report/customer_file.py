"""The file on one customer: everything that is kept about them, with the texts, for a person.

The one place besides the provider that shows personal data; it is read by hand and logged nowhere.
"""

import datetime as dt
from typing import Any

from sqlalchemy import Connection, Select, exists, func, literal, or_, select

from dunflow.assess.holds import ends_at, is_active
from dunflow.assess.plans import plan_states
from dunflow.assess.promises import promise_states
from dunflow.config.book import Book
from dunflow.intake.holders import customer_of
from dunflow.ledger.tables import (
    Instant,
    account,
    consent,
    contact,
    contact_account,
    contact_change,
    contact_text,
    conversation,
    customer,
    episode,
    hold,
    instalment,
    load,
    merger,
    opt_out,
    payment,
    placement,
    plan,
    promise,
    reply,
    result,
    snapshot,
    waiver,
)
from dunflow.retain.accounts import Accounts, People, accounts_of, holds_of, ids_of, placements_of
from dunflow.retain.erase import no_shown

File = dict[str, Any]


def customer_file(
    conn: Connection, book: Book, portfolio_id: int, customer_ref: str, now: dt.datetime
) -> File:
    """Accounts, contacts, replies, and what was agreed, as of `now`; each list in order of time.

    Raises DunflowError for a customer who was never seen.
    """
    number = customer_of(conn, portfolio_id, customer_ref)
    accounts = _accounts(conn, portfolio_id, number)
    people = ids_of(conn, [number])
    of_them = accounts_of(conn, book, portfolio_id, number)
    return {
        "portfolio": book.name,
        "customer": customer_ref,
        "person": _rows(
            conn,
            select(
                customer.c.name,
                customer.c.phone,
                customer.c.email,
                customer.c.address,
                customer.c.language,
                customer.c.time_zone,
                customer.c.seen_on,
            ).where(customer.c.customer_id == number),
        )[0],
        "accounts": list(accounts.values()),
        "episodes": _rows(
            conn,
            select(account.c.account_ref.label("account"), episode.c.started_on, episode.c.ended_on)
            .add_columns(episode.c.highest_tier)
            .join(account, account.c.account_id == episode.c.account_id)
            .where(of_them.has(episode.c.account_id, episode.c.started_on))
            .order_by(episode.c.started_on, account.c.account_ref),
        ),
        "contacts": _contacts(conn, number),
        "replies": _replies(conn, number),
        "holds": _holds(conn, book, people, of_them, now),
        "promises": _promises(conn, book, of_them, now),
        "plans": _plans(conn, book, portfolio_id, of_them, now),
        "waivers": _rows(
            conn,
            select(
                account.c.account_ref.label("account"),
                waiver.c.step,
                waiver.c.waived_at,
                waiver.c.waived_by,
                waiver.c.reason,
            )
            .join(account, account.c.account_id == waiver.c.account_id)
            .where(of_them.has(waiver.c.account_id, waiver.c.waived_at))
            .order_by(waiver.c.waiver_id),
        ),
        "payments": _rows(
            conn,
            select(account.c.account_ref.label("account"), payment.c.booked_at, payment.c.amount)
            .add_columns(payment.c.currency)
            .join(account, account.c.account_id == payment.c.account_id)
            .where(of_them.has(payment.c.account_id, payment.c.booked_at))
            .order_by(payment.c.booked_at),
        ),
        "opt_outs": _opt_outs(conn, portfolio_id, people),
        "other_ids": _rows(
            conn,
            select(
                customer.c.customer_ref.label("id"),
                merger.c.merged_at,
                merger.c.merged_by,
                merger.c.reason,
            )
            .join(merger, merger.c.customer_id == customer.c.customer_id)
            .where(customer.c.merged_into == number)
            .order_by(merger.c.merger_id),
        ),
        "contact_changes": _rows(
            conn,
            select(
                contact_change.c.point,
                contact_change.c.value,
                contact_change.c.bad,
                contact_change.c.changed_at,
                contact_change.c.recorded_by,
                contact_change.c.reason,
            )
            .where(contact_change.c.customer_id == number)
            .order_by(contact_change.c.changed_at),
        ),
        "consents": _rows(
            conn,
            select(
                consent.c.channel,
                consent.c.address,
                consent.c.basis,
                consent.c.given_at,
                consent.c.revoked_at,
                consent.c.recorded_by,
                consent.c.reason,
                consent.c.end_source,
            )
            .where(consent.c.customer_id.in_(people))
            .order_by(consent.c.given_at),
        ),
        "talks": _rows(
            conn,
            select(conversation.c.held_at, conversation.c.recorded_by)
            .where(conversation.c.customer_id.in_(people))
            .order_by(conversation.c.held_at),
        ),
        "placements": _rows(
            conn,
            select(
                account.c.account_ref.label("account"),
                placement.c.destination.label("to"),
                placement.c.business_date.label("date"),
                placement.c.state,
                placement.c.reason,
            )
            .join(account, account.c.account_id == placement.c.account_id)
            .where(placements_of(people, of_them))
            .order_by(placement.c.placement_id),
        ),
    }


def _accounts(conn: Connection, portfolio_id: int, number: int) -> dict[int, File]:
    """account_id → what the newest snapshot that has it as this customer's says.

    One that the gate or the breaker stopped says nothing. Of an old date the load may be gone.
    """
    distrusted = exists().where(
        load.c.portfolio_id == snapshot.c.portfolio_id,
        load.c.business_date == snapshot.c.business_date,
        load.c.state != "accepted",
    )
    theirs = select(customer.c.customer_id).where(
        or_(customer.c.customer_id == number, customer.c.merged_into == number)
    )
    rows = conn.execute(
        select(
            account.c.account_id,
            account.c.account_ref,
            snapshot.c.business_date,
            snapshot.c.due_on,
            snapshot.c.overdue_amount,
            snapshot.c.currency,
        )
        .join(account, account.c.account_id == snapshot.c.account_id)
        .where(
            snapshot.c.portfolio_id == portfolio_id,
            snapshot.c.customer_id.in_(theirs),
            ~distrusted,
        )
        .order_by(account.c.account_ref, snapshot.c.business_date)
    )
    return {
        row.account_id: {
            "account": row.account_ref,
            "as_of": row.business_date,
            "due_on": row.due_on,
            "overdue": row.overdue_amount,
            "currency": row.currency,
        }
        for row in rows
    }


def _contacts(conn: Connection, number: int) -> list[File]:
    """Contacts with the accounts that they name, those left out at the moment of sending, the text
    as it went out, and what became of it."""
    contacts = _rows(
        conn,
        select(
            contact.c.contact_id,
            contact.c.business_date.label("date"),
            contact.c.channel,
            contact.c.step,
            contact.c.state,
            contact.c.reason,
            contact.c.amount,
            contact.c.currency,
            contact.c.address.label("to"),
            contact.c.accepted_at,
            contact.c.ended_at,
            contact.c.error_code,
            contact.c.reference,
            contact.c.provider_id,
            contact_text.c.subject,
            contact_text.c.body.label("text"),
            result.c.result.label("came_to"),
            result.c.happened_at,
            result.c.recorded_by,
        )
        .outerjoin(contact_text, contact_text.c.contact_id == contact.c.contact_id)
        .outerjoin(result, result.c.contact_id == contact.c.contact_id)
        .where(contact.c.customer_id == number)
        .order_by(contact.c.contact_id),
    )
    named = conn.execute(
        select(contact_account.c.contact_id, account.c.account_ref, contact_account.c.dropped)
        .join(account, account.c.account_id == contact_account.c.account_id)
        .where(contact_account.c.contact_id.in_([each["contact_id"] for each in contacts]))
        .order_by(account.c.account_ref)
    ).all()
    for each in contacts:
        contact_id = each.pop("contact_id")
        of_it = [(ref, why) for of, ref, why in named if of == contact_id]
        each["accounts"] = [ref for ref, why in of_it if why is None]
        each["left_out"] = [{"account": ref, "reason": why} for ref, why in of_it if why]
    return contacts


def _replies(conn: Connection, number: int) -> list[File]:
    return _rows(
        conn,
        select(
            reply.c.reply_id.label("reply"),
            reply.c.received_at,
            reply.c.channel,
            reply.c.address.label("from"),
            reply.c.kind,
            reply.c.state,
            reply.c.proposed_hold,
            reply.c.proposed_amount,
            reply.c.proposed_on,
            reply.c.decided_at,
            reply.c.decided_by,
            reply.c.decided_because,
            reply.c.confirmed_at.label("told_at"),
            reply.c.body.label("text"),
        )
        .where(reply.c.customer_id == number)
        .order_by(reply.c.received_at, reply.c.reply_id),
    )


def _holds(
    conn: Connection, book: Book, people: People, accounts: Accounts, now: dt.datetime
) -> list[File]:
    return _rows(
        conn,
        select(
            account.c.account_ref.label("account"),  # none: all of the customer's
            hold.c.kind,
            hold.c.from_at,
            ends_at(book.floor).label("until_at"),
            is_active(book.floor, now).label("active"),
            hold.c.recorded_at,
            hold.c.recorded_by,
            hold.c.reason,
            hold.c.released_at,
            hold.c.released_by,
            hold.c.released_because,
        )
        .outerjoin(account, account.c.account_id == hold.c.account_id)
        .where(holds_of(people, accounts))
        .order_by(hold.c.recorded_at, hold.c.hold_id),
    )


def _promises(conn: Connection, book: Book, accounts: Accounts, now: dt.datetime) -> list[File]:
    asked = (
        select(promise.c.account_id, literal(now, Instant).label("at"))
        .where(accounts.has(promise.c.account_id, promise.c.made_at))
        .distinct()
        .subquery("asked")
    )
    states = promise_states(book, asked).subquery("states")
    state = func.coalesce(states.c.state, "cancelled")
    return _rows(
        conn,
        select(
            account.c.account_ref.label("account"),
            promise.c.amount,
            promise.c.currency,
            promise.c.promised_on,
            promise.c.made_at,
            promise.c.recorded_by,
            promise.c.reason,
            promise.c.cancelled_at,
            promise.c.cancelled_by,
            promise.c.cancelled_because,
            (state == "pending").label("pending"),
            (state == "broken").label("broken"),
        )
        .join(account, account.c.account_id == promise.c.account_id)
        .outerjoin(states, states.c.promise_id == promise.c.promise_id)
        .where(accounts.has(promise.c.account_id, promise.c.made_at))
        .order_by(promise.c.made_at),
    )


def _plans(
    conn: Connection, book: Book, portfolio_id: int, accounts: Accounts, now: dt.datetime
) -> list[File]:
    states = plan_states(book, portfolio_id, now).subquery("states")
    plans = _rows(
        conn,
        select(
            plan.c.plan_id,
            account.c.account_ref.label("account"),
            plan.c.currency,
            plan.c.grace_days,
            plan.c.agreed_at,
            plan.c.recorded_by,
            plan.c.reason,
            plan.c.cancelled_at,
            plan.c.cancelled_because,
            states.c.broken,
            states.c.paid_up,
            states.c.paid,
        )
        .join(account, account.c.account_id == plan.c.account_id)
        .outerjoin(states, states.c.plan_id == plan.c.plan_id)
        .where(accounts.has(plan.c.account_id, plan.c.agreed_at))
        .order_by(plan.c.agreed_at),
    )
    for each in plans:
        each["instalments"] = _rows(
            conn,
            select(instalment.c.due_on, instalment.c.amount)
            .where(instalment.c.plan_id == each.pop("plan_id"))
            .order_by(instalment.c.due_on),
        )
    return plans


def _opt_outs(conn: Connection, portfolio_id: int, people: People) -> list[File]:
    """What binds the customer, and what binds an address of theirs."""
    theirs = (
        select(customer.c.phone)
        .where(customer.c.customer_id.in_(people))
        .union(
            select(customer.c.email).where(customer.c.customer_id.in_(people)),
            select(customer.c.address).where(customer.c.customer_id.in_(people)),
        )
    )
    return _rows(
        conn,
        select(
            opt_out.c.channel,
            opt_out.c.address,
            opt_out.c.since_at,
            opt_out.c.lifted_at,
            *no_shown(people),
        )
        .where(
            opt_out.c.portfolio_id == portfolio_id,
            or_(opt_out.c.customer_id.in_(people), opt_out.c.address.in_(theirs)),
        )
        .order_by(opt_out.c.since_at, opt_out.c.opt_out_id),
    )


def _rows(conn: Connection, rows: Select[Any]) -> list[File]:
    return [dict(row._mapping) for row in conn.execute(rows)]
