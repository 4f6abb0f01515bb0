"""What only some accounts have beside their row of the snapshot, gathered into one row for each.

Payments, credits, holds, promises, plans, placements and contacts in flight are few beside all
accounts, and finding them takes queries of their own. Gathered first, they let the statement that
looks at every account join plain tables only, which the server does with all its cores.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    FromClause,
    Numeric,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from dunflow.assess.collected import closed, paid_to_receivers
from dunflow.assess.holds import first_holds
from dunflow.assess.ladder_rows import days_past_due, settled_at
from dunflow.assess.moment import Moment, is_present
from dunflow.assess.plans import current_plans
from dunflow.assess.promises import pending_promises
from dunflow.config.book import Book
from dunflow.ledger.given import only
from dunflow.ledger.tables import (
    IN_FLIGHT,
    NOT_AGAIN,
    PLACEMENT_ACTIVE,
    contact,
    contact_account,
    credit,
    episode,
    load,
    payment,
    placement,
    plan,
    snapshot,
)

FLAGS = ("credit_covers", "promise_pending", "plan_current", "placed", "closed", "in_flight")

_MARKS: dict[str, type[TypeEngine[Any]] | TypeEngine[Any]] = {
    "paid": Numeric,
    "collected": Numeric,
    "hold_kind": Text,
    "had_by": ARRAY(Text),
    **dict.fromkeys(FLAGS, Boolean),
}


def marks(
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    moment: Moment,
    few: Sequence[int] | None = None,
) -> Select[Any]:
    """One row per account that has any of these, with NULL for what it does not have.

    `paid`: what the payment feed delivered since the snapshot, in the account's currency.
    `collected`: see `paid_to_receivers`. `hold_kind`. `had_by`: the destinations that had it within
    its episode, and are not to have it again. Flags: `credit_covers`, `promise_pending`,
    `plan_current`, `placed`, `closed`, `in_flight`. With `few`, nothing about any other account is
    read.
    """
    s = snapshot.c
    of_date = (
        s.portfolio_id == portfolio_id,
        s.business_date == business_date,
        *only(s.account_id, few),
    )
    paid = (
        _paid(portfolio_id, business_date, moment)
        .where(*only(payment.c.account_id, few))
        .subquery("paid")
    )
    in_currency = (
        select(snapshot.c.account_id, paid.c.amount)
        .join(paid, and_(paid.c.account_id == s.account_id, paid.c.currency == s.currency))
        .where(*of_date)
        .subquery("paid_since")
    )
    covering = _covering(book, portfolio_id, business_date, moment, few).subquery("covering")
    covered = (
        select(s.account_id)
        .join(
            covering,
            and_(covering.c.customer_id == s.customer_id, covering.c.currency == s.currency),
        )
        .where(*of_date)
        .subquery("covered")
    )
    holding = first_holds(book, portfolio_id, business_date, moment.at, few).subquery("holding")
    had = (
        _had(portfolio_id, business_date, moment)
        .where(*only(placement.c.account_id, few))
        .subquery("had")
    )
    there = paid_to_receivers(book, portfolio_id, business_date, moment, few).subquery("there")
    parts = [
        _part(in_currency, {"paid": in_currency.c.amount}),
        _part(there, {"collected": there.c.amount}),
        _part(covered, {"credit_covers": true()}),
        _part(holding, {"hold_kind": holding.c.kind}),
        _part(had, {"had_by": had.c.destinations}),
    ]
    pending = pending_promises(book, portfolio_id, moment.at, few).subquery("pending")
    parts.append(_part(pending, {"promise_pending": true()}))
    flags: dict[str, tuple[Select[Any], Column[int]]] = {
        "plan_current": (current_plans(book, portfolio_id, moment.at), plan.c.account_id),
        "placed": (_placed(portfolio_id, moment), placement.c.account_id),
        "closed": (closed(portfolio_id, business_date, moment), placement.c.account_id),
    }
    # A late run contacts nobody, so what is in flight does not matter.
    if not moment.late:
        flags["in_flight"] = _in_flight(portfolio_id), contact_account.c.account_id
    for flag, (rows, account_id) in flags.items():
        flagged = rows.where(*only(account_id, few)).subquery(f"is_{flag}")
        parts.append(_part(flagged, {flag: true()}))
    told = union_all(*parts).subquery("told")
    gathered = [
        (func.bool_or if kind is Boolean else func.max)(told.c[name]).label(name)
        for name, kind in _MARKS.items()
    ]
    return select(told.c.account_id, *gathered).group_by(told.c.account_id)


def _part(rows: FromClause, given: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    """`account_id` and every mark of _MARKS, NULL where `given` has none."""
    columns = [given.get(name, cast(null(), kind)).label(name) for name, kind in _MARKS.items()]
    return select(rows.c.account_id, *columns)


def _paid(portfolio_id: int, business_date: dt.date, moment: Moment) -> Select[Any]:
    """What the feed delivered that the core booked after the snapshot was taken."""
    as_of = (
        select(load.c.as_of_at)
        .where(load.c.portfolio_id == portfolio_id, load.c.business_date == business_date)
        .scalar_subquery()
    )
    return (
        select(
            payment.c.account_id,
            payment.c.currency,
            func.sum(payment.c.amount).label("amount"),
        )
        .where(
            payment.c.portfolio_id == portfolio_id,
            payment.c.booked_at >= as_of,  # the close is the first moment of the day after
            payment.c.booked_at <= moment.at,
        )
        .group_by(payment.c.account_id, payment.c.currency)
    )


def _covering(
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    moment: Moment,
    few: Sequence[int] | None,
) -> Select[Any]:
    """Customers and currencies in which unapplied credit is at least all that is still owed.

    Settled accounts count as nothing; so do those that are not on the ladder yet.
    """
    s = snapshot.alias("owing")
    unapplied = (
        select(credit.c.customer_id, credit.c.currency, func.sum(credit.c.amount).label("amount"))
        .where(
            credit.c.portfolio_id == portfolio_id,
            ~credit.c.cancelled,
            credit.c.booked_at <= moment.at,
        )
        .group_by(credit.c.customer_id, credit.c.currency)
        .subquery("unapplied")
    )
    paid = _paid(portfolio_id, business_date, moment).subquery("paid_too")
    theirs = select(snapshot.c.customer_id).where(
        snapshot.c.portfolio_id == portfolio_id,
        snapshot.c.business_date == business_date,
        *only(snapshot.c.account_id, few),
    )
    left = s.c.overdue_amount - func.coalesce(paid.c.amount, 0)
    owed = case((left > settled_at(book.policy, s.c.currency), left), else_=literal(0, Numeric))
    return (
        select(s.c.customer_id, s.c.currency)
        .join(
            unapplied,
            and_(unapplied.c.customer_id == s.c.customer_id, unapplied.c.currency == s.c.currency),
        )
        .outerjoin(paid, and_(paid.c.account_id == s.c.account_id, paid.c.currency == s.c.currency))
        .where(
            s.c.portfolio_id == portfolio_id,
            s.c.business_date == business_date,
            days_past_due(business_date, s.c.due_on) >= book.policy.ladder_from_dpd,
            *([] if few is None else [s.c.customer_id.in_(theirs)]),
        )
        .group_by(s.c.customer_id, s.c.currency, unapplied.c.amount)
        .having(unapplied.c.amount >= func.sum(owed))
    )


def _placed(portfolio_id: int, moment: Moment) -> Select[Any]:
    still: ColumnElement[bool] = placement.c.state.in_(PLACEMENT_ACTIVE)
    if moment.late:
        still = or_(still, placement.c.ended_at > moment.at)
    return (
        select(placement.c.account_id)
        .where(
            placement.c.portfolio_id == portfolio_id, placement.c.proposed_at <= moment.at, still
        )
        .distinct()
    )


def _had(portfolio_id: int, business_date: dt.date, moment: Moment) -> Select[Any]:
    return (
        select(
            placement.c.account_id,
            func.array_agg(placement.c.destination, type_=ARRAY(Text)).label("destinations"),
        )
        .join(episode, episode.c.episode_id == placement.c.episode_id)
        .where(
            placement.c.portfolio_id == portfolio_id,
            placement.c.state.in_(NOT_AGAIN),
            is_present(business_date, moment),
        )
        .group_by(placement.c.account_id)
    )


def _in_flight(portfolio_id: int) -> Select[Any]:
    return (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(contact.c.portfolio_id == portfolio_id, contact.c.state.in_(IN_FLIGHT))
        .distinct()
    )
