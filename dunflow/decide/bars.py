"""What forbids a contact at any hour: no address that works, an opt-out, a missing consent."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    case,
    exists,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import distinct_on

from dunflow.clock import DAY
from dunflow.config.book import Book
from dunflow.config.rights import ConsentRule, days_of
from dunflow.ledger.tables import consent, customer, dead_address, opt_out

Arm = tuple[ColumnElement[bool], ColumnElement[str]]
"""A condition, and the reason that it is."""


def first_reasons(
    of: ColumnElement[int], asked: Sequence[tuple[FromClause, Arm]]
) -> Select[int, str]:
    """`of, reason` for each row for which any of the conditions holds; of several the first counts.

    Each condition stands with the rows that it is asked of, all of them at once.
    """
    parts = [
        select(of.label("of"), literal(nth, Integer).label("nth"), reason.label("reason"))
        .select_from(rows)
        .where(holds)
        for nth, (rows, (holds, reason)) in enumerate(asked)
    ]
    said = union_all(*parts).subquery("said")
    return (
        select(said.c.of, said.c.reason).ext(distinct_on(said.c.of)).order_by(said.c.of, said.c.nth)
    )


def barred(
    book: Book,
    portfolio_id: int,
    channel: ColumnElement[str],
    address: ColumnElement[str],
    at: dt.datetime,
) -> ColumnElement[str]:
    """Why the customer's row may not be contacted so at any hour: the first parts of guard 10."""
    arms = bars(book, portfolio_id, customer.c.customer_id, channel, address, at)
    return case(*arms, else_=null())


def bars(
    book: Book,
    portfolio_id: int,
    customer_id: ColumnElement[int],
    channel: ColumnElement[str],
    address: ColumnElement[str],
    at: dt.datetime,
) -> list[Arm]:
    """The same one by one, in their order: of several that hold the first gives the reason."""
    dead = exists().where(
        dead_address.c.portfolio_id == portfolio_id,
        dead_address.c.channel == channel,
        dead_address.c.address == address,
    )
    said_no = exists().where(
        opt_out.c.portfolio_id == portfolio_id,
        opt_out.c.channel == channel,
        opt_out.c.lifted_at.is_(None),
    )
    opted_out = literal("opt_out.", Text) + channel
    # One question each rather than one with an "or", so that each can be answered by a hash table.
    return [
        (address.is_(None), literal("unreachable", Text)),
        (dead, literal("unreachable", Text)),
        (said_no.where(opt_out.c.customer_id == customer_id), opted_out),
        (said_no.where(opt_out.c.address == address), opted_out),
        *[
            (
                channel.in_(rule.channels) & ~_agreed(rule, customer_id, channel, address, at),
                literal("consent.", Text) + channel,
            )
            for rule in book.floor.consent
        ],
    ]


def _agreed(
    rule: ConsentRule,
    customer_id: ColumnElement[int],
    channel: ColumnElement[str],
    address: ColumnElement[str],
    at: dt.datetime,
) -> ColumnElement[bool]:
    """Whether the customer agreed to be reached at this very address: another may be a stranger's.

    On one of the rule's grounds, and of late enough.
    """
    agreed = exists().where(
        consent.c.customer_id == customer_id,
        consent.c.channel == channel,
        consent.c.address == address,
        consent.c.basis.in_(rule.basis),
        consent.c.given_at <= at,
        consent.c.revoked_at.is_(None),
    )
    if rule.fresh_within is not None:
        oldest = at - days_of(rule.fresh_within) * DAY
        agreed = agreed.where(consent.c.given_at > oldest)
    return agreed
