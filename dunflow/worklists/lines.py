"""The lines of a list: what a person needs to know to make a call or a visit, in its order."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    select,
)

from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.decide.windows import Span
from dunflow.ledger.tables import (
    ACTUAL,
    account,
    contact,
    contact_account,
    contact_text,
    customer,
    promise,
    result,
    snapshot,
    worklist_line,
)
from dunflow.money import exact
from dunflow.place.content import Value
from dunflow.remind.compose import language_of
from dunflow.remind.render.slots import one_line
from dunflow.worklists.hours import PLACES, clock_of, hours_of

CHUNK: Final = 2_000
TO_FILL_IN: Final = ("result", "at", "promised_amount", "promised_on", "note")
"""Columns that are empty, and come back filled in."""
_SHARED: Final = (
    "customer",
    "account",
    "accounts",
    "amount",
    "currency",
    "due_on",
    "dpd",
    "tier",
    "product",
    "last_contact",
    "last_result",
    "last_promise",
)
FIELDS: Final = {
    "call": (
        "position",
        "reference",
        "phone",
        "name",
        "language",
        "call_from",
        "call_until",
        "time_zone",
        *_SHARED,
        "talking_points",
        *TO_FILL_IN,
    ),
    "visit": (
        "position",
        "reference",
        "address",
        "name",
        "language",
        "visit_on",
        "visit_from",
        "visit_until",
        "time_zone",
        "announce_by",
        "people",
        "safety",
        *_SHARED,
        "talking_points",
        "visitors",
        "consent_to_enter",
        *TO_FILL_IN,
    ),
}
"""Channel → the columns of its lists."""

NOBODY_ALONE: Final = 2
SAFETY: Final = {
    "en": "Never alone. Show who you are. Enter only if the customer says yes now. Leave at once "
    "when asked to. Take no cash. Stay in touch with the office. Note what was said.",
    "zh": "不得单独上门。出示证件。经客户当场同意方可进入。对方要求离开时立即离开。不收取现金。"
    "与单位保持联系。如实记录。",
}


def rows_of(
    conn: Connection, book: Book, channel: Channel, worklist_id: int
) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """`(currency, values)` of each line, in order; memory for a few thousand."""
    streamed = conn.execute(_query(worklist_id), execution_options={"yield_per": CHUNK})
    fields = FIELDS[channel]
    for part in streamed.partitions():
        for row in part:
            known = _values(book, channel, row)
            yield row.currency, tuple(known.get(field) for field in fields)


def order() -> list[ColumnElement[Any]]:
    """The most severe first, as the policy has it: tier, days past due, amount."""
    return [
        contact.c.severity.desc(),
        snapshot.c.due_on,
        contact.c.amount.desc(),
        account.c.account_ref,
    ]


def lead_of() -> ColumnElement[bool]:
    """The snapshot row of the account that leads, of the contact's own date."""
    return and_(
        snapshot.c.portfolio_id == contact.c.portfolio_id,
        snapshot.c.business_date == contact.c.business_date,
        snapshot.c.account_id == contact.c.account_id,
    )


def _query(worklist_id: int) -> Select[Any]:
    named = contact_account.alias("named")
    total = (
        select(func.sum(named.c.amount), func.count())
        .where(named.c.contact_id == contact.c.contact_id, named.c.dropped.is_(None))
        .subquery("total")
        .lateral()
    )
    before = contact.alias("before")
    earlier = [
        before.c.customer_id == contact.c.customer_id,
        before.c.contact_on.is_not(None),
        before.c.state.in_(ACTUAL),
        before.c.contact_id < contact.c.contact_id,
    ]
    last_contact = _newest(
        [before.c.contact_on, before.c.channel], before, earlier, before.c.contact_id
    )
    told = before.join(result, result.c.contact_id == before.c.contact_id)
    last_result = _newest(
        [before.c.contact_on, result.c.result], told, earlier, before.c.contact_id
    )
    standing = [promise.c.account_id == contact.c.account_id, promise.c.cancelled_at.is_(None)]
    promised = [promise.c.promised_on, promise.c.currency, promise.c.amount]
    last_promise = _newest(promised, promise, standing, promise.c.promise_id)
    return (
        select(
            worklist_line.c.position,
            contact.c.reference,
            contact.c.address,
            contact.c.business_date,
            contact.c.accepted_at,
            contact.c.expires_at,
            contact.c.severity,
            contact.c.currency,
            contact_text.c.body,
            customer.c.customer_ref,
            customer.c.name,
            customer.c.language,
            *PLACES,
            account.c.account_ref,
            snapshot.c.due_on,
            snapshot.c.product,
            total.c[0].label("amount"),
            total.c[1].label("accounts"),
            last_contact.label("last_contact"),
            last_result.label("last_result"),
            last_promise.label("last_promise"),
        )
        .select_from(worklist_line)
        .join(contact, contact.c.contact_id == worklist_line.c.contact_id)
        .join(contact_text, contact_text.c.contact_id == contact.c.contact_id)
        .join(customer, customer.c.customer_id == contact.c.customer_id)
        .join(account, account.c.account_id == contact.c.account_id)
        # Its date may be delivered again without it. Whoever holds the list still has its line.
        .outerjoin(snapshot, lead_of())
        .join(total, literal(value=True))
        .where(worklist_line.c.worklist_id == worklist_id)
        .order_by(worklist_line.c.position)
    )


def _newest(
    parts: Sequence[ColumnElement[Any]],
    source: FromClause,
    conditions: list[ColumnElement[bool]],
    number: ColumnElement[int],
) -> ColumnElement[str | None]:
    """The newest of these rows in words; of the contact that a line is about."""
    return (
        select(func.concat_ws(" ", *[cast(part, Text) for part in parts]))
        .select_from(source)
        .where(*conditions)
        .order_by(number.desc())
        .limit(1)
        .correlate(contact)
        .scalar_subquery()
    )


def _values(book: Book, channel: Channel, row: Row[Any]) -> dict[str, Value]:
    tiers = book.policy.tiers
    known: dict[str, Value] = {
        "position": row.position,
        "reference": row.reference,
        "name": _clean(row.name),
        "language": language_of(book, row.language),
        "customer": row.customer_ref,
        "account": row.account_ref,
        "accounts": row.accounts,
        "amount": Decimal(row.amount),
        "currency": row.currency,
        "due_on": row.due_on,
        "dpd": (row.business_date - row.due_on).days if row.due_on else None,
        "tier": tiers[row.severity].tier if row.severity < len(tiers) else None,
        "product": row.product,
        "last_contact": row.last_contact,
        "last_result": row.last_result,
        "last_promise": row.last_promise and _promise(row.last_promise),
        "talking_points": row.body.strip(),
    }
    return known | (_call(book, row) if channel == "call" else _visit(book, row))


def _clean(text: str | None) -> str | None:
    """Without signs that turn the writing around: a line is read by people, beside other words."""
    return text and "\n".join(one_line(each) for each in text.splitlines())


def _promise(told: str) -> str:
    """The ledger keeps more decimals than a currency has."""
    day, currency, amount = told.split()
    return f"{day} {currency} {exact(Decimal(amount), currency)}"


def _call(book: Book, row: Row[Any]) -> dict[str, Value]:
    return {"phone": row.address, **_hours(book, "call", row, hours_of(book, "call", row))}


def _visit(book: Book, row: Row[Any]) -> dict[str, Value]:
    """On the day of the order, or as many days later as the notice takes that a pack asks for."""
    rules = [pack.visits for pack in book.floor.packs]
    calendar = book.portfolio.calendar
    ordered_on = calendar.local_date(row.accepted_at)
    span = hours_of(book, "visit", row)
    hours = _hours(book, "visit", row, span)
    most = [rule.max_people for rule in rules if rule.max_people is not None]
    least = max([NOBODY_ALONE, *(rule.min_people for rule in rules)])
    people = f"{least}–{min(most)}" if most and min(most) > least else str(least)
    zone = clock_of(book, "visit", row)
    return {
        "address": _clean(row.address),
        "visit_on": span.opens_at.astimezone(zone).date() if span else None,
        "announce_by": ordered_on if book.floor.visit_notice_days else None,
        "people": people,
        "safety": SAFETY[book.portfolio.language],
        **hours,
    }


def _hours(book: Book, channel: Channel, row: Row[Any], span: Span | None) -> dict[str, Value]:
    zone = clock_of(book, channel, row)
    opens, closes = (
        (f"{each.astimezone(zone):%H:%M}" for each in (span.opens_at, span.closes_at))
        if span
        else (None, None)
    )
    return {f"{channel}_from": opens, f"{channel}_until": closes, "time_zone": zone.key}
