"""Everything that is held about one person, to be given to them: the customer file and the rest.

What was decided about them day by day goes with it, and so does whom their data were passed on to.
"""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, or_, select

from dunflow.config.book import Book
from dunflow.intake.holders import customer_of
from dunflow.ledger.tables import (
    account,
    contact,
    contact_change,
    credit,
    customer,
    dead_address,
    decision,
    decision_replaced,
    erasure,
    handback,
    merger,
    opt_out,
    package,
    package_line,
    placement,
    placement_event,
    print_batch,
    print_line,
    quarantine,
    receipt,
    reply,
    resolution,
    snapshot,
    worklist,
    worklist_line,
)
from dunflow.report.customer_file import File, customer_file
from dunflow.retain.accounts import Accounts, People, accounts_of, ids_of, placements_of
from dunflow.retain.erase import addresses_of, no_shown, only_theirs


def export(
    conn: Connection, book: Book, portfolio_id: int, customer_ref: str, now: dt.datetime
) -> File:
    """The whole of it, as plain values. Raises DunflowError for a customer who was never seen."""
    file = customer_file(conn, book, portfolio_id, customer_ref, now)
    number = customer_of(conn, portfolio_id, customer_ref)
    people = ids_of(conn, [number])
    accounts = accounts_of(conn, book, portfolio_id, number)
    given_away = placements_of(people, accounts)
    more = {
        "as_delivered": _as_delivered(people),
        "contact_points_told": _contact_points_told(people),
        "addresses_of_no_use": _addresses_of_no_use(portfolio_id, people),
        "opt_outs_in_full": _opt_outs(portfolio_id, people),
        "replies_from_their_addresses": _replies(portfolio_id, people),
        "receipts": _receipts(number),
        "decided_about_contacts": _resolutions(number),
        "snapshots": _snapshots(portfolio_id, accounts),
        "unreadable_rows": _unreadable(accounts),
        "decisions": _decisions(portfolio_id, accounts),
        "decisions_replaced": _decisions_replaced(accounts),
        "credits": _credits(number),
        "placement_events": _placement_events(given_away),
        "packages": _packages(given_away),
        "told_by_receivers": _told_by_receivers(given_away),
        "mergers": _mergers(people),
        "letters": _letters(number),
        "worklists": _worklists(number),
        "erasures": _erasures(people),
    }
    found = {name: conn.execute(rows) for name, rows in more.items()}
    return file | {name: [dict(row._mapping) for row in rows] for name, rows in found.items()}


def _as_delivered(people: People) -> Select[Any]:
    c = customer.c
    return select(
        c.customer_ref.label("id"), c.name, c.phone_raw, c.email_raw, c.address_raw, c.phone_zones,
        c.address_zones, c.time_zone, c.seen_on,
    ).where(c.customer_id.in_(people))  # fmt: skip


def _contact_points_told(people: People) -> Select[Any]:
    """New phones, emails and addresses, and those at which nothing arrives."""
    c = contact_change.c
    return (
        select(c.point, c.value, c.bad, c.changed_at, c.recorded_at, c.recorded_by, c.reason)
        .where(c.customer_id.in_(people))
        .order_by(c.contact_change_id)
    )


def _addresses_of_no_use(portfolio_id: int, people: People) -> Select[Any]:
    theirs = addresses_of(people).subquery("theirs")
    return (
        select(dead_address.c.channel, dead_address.c.address, dead_address.c.reason)
        .add_columns(dead_address.c.since_at)
        .where(
            dead_address.c.portfolio_id == portfolio_id,
            dead_address.c.address.in_(select(theirs.c.address)),
        )
        .order_by(dead_address.c.channel, dead_address.c.address)
    )


def _opt_outs(portfolio_id: int, people: People) -> Select[Any]:
    """Also of addresses that were theirs once."""
    theirs = addresses_of(people).subquery("theirs")
    return (
        select(opt_out.c.channel, opt_out.c.address, opt_out.c.since_at, opt_out.c.lifted_at)
        .add_columns(*no_shown(people))
        .add_columns(opt_out.c.confirmation, opt_out.c.confirmed_at)
        .where(
            opt_out.c.portfolio_id == portfolio_id,
            or_(
                opt_out.c.customer_id.in_(people),
                opt_out.c.address.in_(select(theirs.c.address)),
            ),
        )
        .order_by(opt_out.c.opt_out_id)
    )


def _replies(portfolio_id: int, people: People) -> Select[Any]:
    """That came when nobody was known to be reached there."""
    theirs = only_theirs(portfolio_id, people)
    return (
        select(reply.c.received_at, reply.c.channel, reply.c.address.label("from"), reply.c.kind)
        .add_columns(reply.c.body.label("text"), reply.c.state, reply.c.decided_because)
        .where(
            reply.c.portfolio_id == portfolio_id,
            reply.c.customer_id.is_(None),
            reply.c.address.in_(select(theirs.c.address)),
        )
        .order_by(reply.c.reply_id)
    )


def _receipts(number: int) -> Select[Any]:
    of_contact = or_(
        receipt.c.reference == contact.c.reference,
        receipt.c.provider_id == contact.c.provider_id,
    )
    return (
        select(contact.c.reference, receipt.c.provider, receipt.c.status, receipt.c.error_code)
        .add_columns(receipt.c.received_at)
        .join(contact, of_contact)
        .where(contact.c.customer_id == number)
        .order_by(receipt.c.receipt_id)
    )


def _resolutions(number: int) -> Select[Any]:
    return (
        select(contact.c.reference, resolution.c.sent, resolution.c.reason)
        .add_columns(resolution.c.resolved_by, resolution.c.resolved_at)
        .join(contact, contact.c.contact_id == resolution.c.contact_id)
        .where(contact.c.customer_id == number)
        .order_by(resolution.c.resolution_id)
    )


def _dated(accounts: Accounts, table: Table) -> ColumnElement[bool]:
    """The rows of dates on which the account was theirs."""
    return accounts.has(table.c.account_id, table.c.business_date)


def _snapshots(portfolio_id: int, accounts: Accounts) -> Select[Any]:
    left_out = ("portfolio_id", "account_id", "customer_id")
    told = [column for column in snapshot.c if column.name not in left_out]
    return (
        select(account.c.account_ref.label("account"), *told)
        .join(account, account.c.account_id == snapshot.c.account_id)
        .where(
            snapshot.c.portfolio_id == portfolio_id,
            _dated(accounts, snapshot),
        )
        .order_by(snapshot.c.business_date, account.c.account_ref)
    )


def _unreadable(accounts: Accounts) -> Select[Any]:
    q = quarantine.c
    return (
        select(account.c.account_ref.label("account"), q.business_date, q.line, q.column_name)
        .add_columns(q.value_kind, q.reason)
        .join(account, account.c.account_id == q.account_id)
        .where(_dated(accounts, quarantine))
        .order_by(q.quarantine_id)
    )


def _decisions(portfolio_id: int, accounts: Accounts) -> Select[Any]:
    mine = and_(
        decision.c.portfolio_id == portfolio_id,
        _dated(accounts, decision),
    )
    return _decided(decision, mine)


def _decisions_replaced(accounts: Accounts) -> Select[Any]:
    return _decided(
        decision_replaced,
        _dated(accounts, decision_replaced),
    )


def _decided(table: Any, which: Any) -> Select[Any]:
    names = ("action", "reason", "tier", "step", "dpd", "overdue_amount", "currency", "channel")
    return (
        select(account.c.account_ref.label("account"), table.c.business_date)
        .add_columns(*[table.c[name] for name in names])
        .join(account, account.c.account_id == table.c.account_id)
        .where(which)
        .order_by(table.c.business_date, account.c.account_ref)
    )


def _credits(number: int) -> Select[Any]:
    return (
        select(credit.c.amount, credit.c.currency, credit.c.booked_at, credit.c.cancelled)
        .where(credit.c.customer_id == number)
        .order_by(credit.c.booked_at)
    )


def _placement_events(given_away: ColumnElement[bool]) -> Select[Any]:
    e = placement_event.c
    return (
        select(account.c.account_ref.label("account"), placement.c.destination.label("to"))
        .add_columns(e.event, e.reason, e.happened_at, e.told_by)
        .join(placement, placement.c.placement_id == e.placement_id)
        .join(account, account.c.account_id == placement.c.account_id)
        .where(given_away)
        .order_by(e.placement_event_id)
    )


def _packages(given_away: ColumnElement[bool]) -> Select[Any]:
    """Files in which their accounts were given to somebody, or taken back."""
    return (
        select(account.c.account_ref.label("account"), package.c.destination.label("to"))
        .add_columns(package_line.c.kind, package.c.reference, package.c.delivered_at)
        .join(placement, placement.c.placement_id == package_line.c.placement_id)
        .join(package, package.c.package_id == package_line.c.package_id)
        .join(account, account.c.account_id == placement.c.account_id)
        .where(given_away)
        .order_by(package.c.package_id)
    )


def _told_by_receivers(given_away: ColumnElement[bool]) -> Select[Any]:
    """What agencies and lawyers did and took in, as they say."""
    h = handback.c
    return (
        select(account.c.account_ref.label("account"), h.destination.label("by"), h.kind)
        .add_columns(h.happened_at, h.amount, h.currency, h.channel, h.result, h.reason)
        .join(placement, placement.c.placement_id == h.placement_id)
        .join(account, account.c.account_id == placement.c.account_id)
        .where(given_away)
        .order_by(h.handback_id)
    )


def _mergers(people: People) -> Select[Any]:
    """Which ids of the lender's were taken for one person, by whom and why."""
    one, other = customer.alias("one"), customer.alias("other")
    return (
        select(one.c.customer_ref.label("id"), other.c.customer_ref.label("is"))
        .add_columns(merger.c.merged_at, merger.c.merged_by, merger.c.reason)
        .join(one, one.c.customer_id == merger.c.customer_id)
        .join(other, other.c.customer_id == merger.c.into_id)
        .where(or_(merger.c.customer_id.in_(people), merger.c.into_id.in_(people)))
        .order_by(merger.c.merger_id)
    )


def _letters(number: int) -> Select[Any]:
    """Files in which letters to them went to the printer."""
    return (
        select(contact.c.reference.label("letter"), print_batch.c.reference.label("batch"))
        .add_columns(print_batch.c.delivered_at, print_line.c.unprintable)
        .join(print_line, print_line.c.contact_id == contact.c.contact_id)
        .join(print_batch, print_batch.c.print_batch_id == print_line.c.print_batch_id)
        .where(contact.c.customer_id == number)
        .order_by(contact.c.contact_id)
    )


def _worklists(number: int) -> Select[Any]:
    """Call lists and visit orders that named them."""
    w = worklist.c
    return (
        select(contact.c.reference.label("contact"), w.channel, w.team, w.listed_on)
        .add_columns(w.reference.label("list"), w.delivered_at)
        .join(worklist_line, worklist_line.c.contact_id == contact.c.contact_id)
        .join(worklist, w.worklist_id == worklist_line.c.worklist_id)
        .where(contact.c.customer_id == number)
        .order_by(contact.c.contact_id)
    )


def _erasures(people: People) -> Select[Any]:
    return (
        select(erasure.c.erased_at, erasure.c.erased_by, erasure.c.reason)
        .add_columns(erasure.c.records_until, erasure.c.records_erased_at)
        .where(erasure.c.customer_id.in_(people))
        .order_by(erasure.c.erasure_id)
    )
