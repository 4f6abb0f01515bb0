"""What only some accounts have beside their row of the snapshot, gathered into one row for each.

Payments, credits, holds, promises, plans, placements and contacts in flight are few beside all
accounts, and finding them takes queries of their own. Gathered first, they let the statement that
looks at every account join plain tables only, which the server does with all its cores. What a
portfolio has none of is not looked for: to write, read and plan such a query costs more than many
a portfolio's day.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    FromClause,
    Numeric,
    Select,
    Table,
    Text,
    and_,
    case,
    cast,
    exists,
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
    hold,
    load,
    payment,
    placement,
    plan,
    promise,
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


@dataclass(frozen=True)
class _Asked:
    """Whose marks are asked for, and as of when; `few`: about no other accounts."""

    book: Book
    portfolio_id: int
    business_date: dt.date
    moment: Moment
    few: Sequence[int] | None

    def only(self, account_id: ColumnElement[int]) -> list[ColumnElement[bool]]:
        return only(account_id, self.few)

    def of_date(self, rows: FromClause = snapshot) -> list[ColumnElement[bool]]:
        return [
            rows.c.portfolio_id == self.portfolio_id,
            rows.c.business_date == self.business_date,
        ]


def marks(
    conn: Connection,
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
    asked = _Asked(book, portfolio_id, business_date, moment, few)
    parts = [_in_flight(asked)]
    for table in _in_use(conn, portfolio_id):
        parts += [part(asked) for part in _PARTS[table]]
    told = union_all(*parts).subquery("told")
    gathered = [
        (func.bool_or if kind is Boolean else func.max)(told.c[name]).label(name)
        for name, kind in _MARKS.items()
    ]
    return select(told.c.account_id, *gathered).group_by(told.c.account_id)


def _in_use(conn: Connection, portfolio_id: int) -> list[Table]:
    """The tables of _PARTS that have any row of the portfolio."""
    used = [exists().where(table.c.portfolio_id == portfolio_id) for table in _PARTS]
    answers = conn.execute(select(*used)).one()
    return [table for table, answer in zip(_PARTS, answers, strict=True) if answer]


def _part(rows: FromClause, given: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    """`account_id` and every mark of _MARKS, NULL where `given` has none."""
    columns = [given.get(name, cast(null(), kind)).label(name) for name, kind in _MARKS.items()]
    return select(rows.c.account_id, *columns)


def _flagged(flag: str, rows: Select[Any]) -> Select[Any]:
    return _part(rows.subquery(f"is_{flag}"), {flag: true()})


def _paid(asked: _Asked) -> Select[Any]:
    booked = _booked(asked).where(*asked.only(payment.c.account_id)).subquery("booked")
    s = snapshot.c
    paid = (
        select(s.account_id, booked.c.amount)
        .join(booked, and_(booked.c.account_id == s.account_id, booked.c.currency == s.currency))
        .where(*asked.of_date(), *asked.only(s.account_id))
        .subquery("paid")
    )
    return _part(paid, {"paid": paid.c.amount})


def _booked(asked: _Asked) -> Select[Any]:
    """What the feed delivered that the core booked after the snapshot was taken."""
    as_of = select(load.c.as_of_at).where(*asked.of_date(load)).scalar_subquery()
    return (
        select(
            payment.c.account_id,
            payment.c.currency,
            func.sum(payment.c.amount).label("amount"),
        )
        .where(
            payment.c.portfolio_id == asked.portfolio_id,
            payment.c.booked_at >= as_of,  # the close is the first moment of the day after
            payment.c.booked_at <= asked.moment.at,
        )
        .group_by(payment.c.account_id, payment.c.currency)
    )


def _credit_covers(asked: _Asked) -> Select[Any]:
    s, covering = snapshot.c, _covering(asked).subquery("covering")
    its = and_(covering.c.customer_id == s.customer_id, covering.c.currency == s.currency)
    is_overdue = days_past_due(asked.business_date, s.due_on) >= 1
    rows = select(s.account_id).join(covering, and_(its, or_(covering.c.whole, is_overdue)))
    return _flagged("credit_covers", rows.where(*asked.of_date(), *asked.only(s.account_id)))


def _covering(asked: _Asked) -> Select[Any]:
    """Customers and currencies in which unapplied credit is at least all that is overdue; `whole`:
    at least what falls due soon as well, where the ladder begins before the due date.

    Settled accounts count as nothing; so do those that are not on the ladder yet.
    """
    s, policy = snapshot.alias("owing"), asked.book.policy
    unapplied = (
        select(credit.c.customer_id, credit.c.currency, func.sum(credit.c.amount).label("amount"))
        .where(
            credit.c.portfolio_id == asked.portfolio_id,
            ~credit.c.cancelled,
            credit.c.booked_at <= asked.moment.at,
        )
        .group_by(credit.c.customer_id, credit.c.currency)
        .subquery("unapplied")
    )
    paid = _booked(asked).subquery("paid_too")
    theirs = select(snapshot.c.customer_id).where(
        *asked.of_date(), *asked.only(snapshot.c.account_id)
    )
    left = s.c.overdue_amount - func.coalesce(paid.c.amount, 0)
    owed = case((left > settled_at(policy, s.c.currency), left), else_=literal(0, Numeric))
    days = days_past_due(asked.business_date, s.c.due_on)
    overdue = func.coalesce(func.sum(owed).filter(days >= 1), 0)
    whole = (unapplied.c.amount >= func.sum(owed)).label("whole")
    return (
        select(s.c.customer_id, s.c.currency, whole)
        .join(
            unapplied,
            and_(unapplied.c.customer_id == s.c.customer_id, unapplied.c.currency == s.c.currency),
        )
        .outerjoin(paid, and_(paid.c.account_id == s.c.account_id, paid.c.currency == s.c.currency))
        .where(
            *asked.of_date(s),
            days >= policy.ladder_from_dpd,
            *([] if asked.few is None else [s.c.customer_id.in_(theirs)]),
        )
        .group_by(s.c.customer_id, s.c.currency, unapplied.c.amount)
        .having(unapplied.c.amount >= overdue)
    )


def _hold_kind(asked: _Asked) -> Select[Any]:
    held = first_holds(
        asked.book, asked.portfolio_id, asked.business_date, asked.moment.at, asked.few
    ).subquery("held")
    return _part(held, {"hold_kind": held.c.kind})


def _promise_pending(asked: _Asked) -> Select[Any]:
    pending = pending_promises(asked.book, asked.portfolio_id, asked.moment.at, asked.few)
    return _flagged("promise_pending", pending)


def _plan_current(asked: _Asked) -> Select[Any]:
    current = current_plans(asked.book, asked.portfolio_id, asked.moment.at)
    return _flagged("plan_current", current.where(*asked.only(plan.c.account_id)))


def _collected(asked: _Asked) -> Select[Any]:
    there = paid_to_receivers(
        asked.book, asked.portfolio_id, asked.business_date, asked.moment, asked.few
    ).subquery("there")
    return _part(there, {"collected": there.c.amount})


def _had_by(asked: _Asked) -> Select[Any]:
    """A late date knows of no answer that came after its usual time."""
    told_by_then = [placement.c.ended_at <= asked.moment.at] if asked.moment.late else []
    had = (
        select(
            placement.c.account_id,
            func.array_agg(placement.c.destination, type_=ARRAY(Text)).label("destinations"),
        )
        .join(episode, episode.c.episode_id == placement.c.episode_id)
        .where(
            placement.c.portfolio_id == asked.portfolio_id,
            placement.c.state.in_(NOT_AGAIN),
            *told_by_then,
            is_present(asked.business_date, asked.moment),
            *asked.only(placement.c.account_id),
        )
        .group_by(placement.c.account_id)
        .subquery("had")
    )
    return _part(had, {"had_by": had.c.destinations})


def _placed(asked: _Asked) -> Select[Any]:
    still: ColumnElement[bool] = placement.c.state.in_(PLACEMENT_ACTIVE)
    if asked.moment.late:
        still = or_(still, placement.c.ended_at > asked.moment.at)
    rows = select(placement.c.account_id).where(
        placement.c.portfolio_id == asked.portfolio_id,
        placement.c.proposed_at <= asked.moment.at,
        still,
        *asked.only(placement.c.account_id),
    )
    return _flagged("placed", rows.distinct())


def _closed(asked: _Asked) -> Select[Any]:
    rows = closed(asked.portfolio_id, asked.business_date, asked.moment)
    return _flagged("closed", rows.where(*asked.only(placement.c.account_id)))


def _in_flight(asked: _Asked) -> Select[Any]:
    rows = (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(
            contact.c.portfolio_id == asked.portfolio_id,
            contact.c.state.in_(IN_FLIGHT),
            # A late run contacts nobody, so what is in flight does not matter.
            literal(not asked.moment.late),
            *asked.only(contact_account.c.account_id),
        )
        .distinct()
    )
    return _flagged("in_flight", rows)


_PARTS: Final[Mapping[Table, Sequence[Callable[[_Asked], Select[Any]]]]] = {
    payment: [_paid],
    credit: [_credit_covers],
    hold: [_hold_kind],
    promise: [_promise_pending],
    plan: [_plan_current],
    placement: [_collected, _had_by, _placed, _closed],
}
"""table → what is told by its rows."""
