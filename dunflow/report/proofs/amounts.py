"""Whether the amounts that were loaded, decided on and asked for are the same debt."""

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Date,
    Integer,
    Numeric,
    Select,
    Subquery,
    and_,
    cast,
    column,
    func,
    null,
    or_,
    select,
    true,
    union_all,
    values,
)
from sqlalchemy import type_coerce as coerce

from dunflow.assess.progress import local_day
from dunflow.ledger.tables import (
    ACTUAL,
    contact,
    contact_account,
    decision,
    load,
    payment,
    run,
    snapshot,
)
from dunflow.report.proofs.scope import Scope, contacted, decided, is_assessed


def counts_wrong(scope: Scope) -> CompoundSelect[int]:
    """Dates whose load does not count or sum up what the snapshot holds."""
    s = snapshot.c
    held = (
        select(
            s.business_date,
            s.currency,
            func.count().label("accounts"),
            func.sum(s.overdue_amount).label("overdue"),
        )
        .where(
            s.portfolio_id == scope.portfolio_id,
            s.business_date.between(scope.first, scope.last),
            s.due_on < s.business_date,
            s.overdue_amount > 0,
        )
        .group_by(s.business_date, s.currency)
        .cte("held")
    )
    trusted = and_(
        load.c.portfolio_id == scope.portfolio_id,
        load.c.business_date.between(scope.first, scope.last),
        load.c.state == "accepted",
    )
    of_no_account = cast(null(), Integer).label("account_id")
    counted = (
        select(held.c.business_date, func.sum(held.c.accounts).label("accounts"))
        .group_by(held.c.business_date)
        .subquery("counted")
    )
    told = cast(load.c.overdue[held.c.currency].astext, Numeric)
    return union_all(
        select(of_no_account)
        .select_from(load)
        .outerjoin(counted, counted.c.business_date == load.c.business_date)
        .where(trusted, load.c.accounts != func.coalesce(counted.c.accounts, 0)),
        select(of_no_account)
        .select_from(load)
        .join(held, held.c.business_date == load.c.business_date)
        .where(trusted, told.is_distinct_from(held.c.overdue)),
    )


def decided_on_another(scope: Scope) -> Select[int]:
    """Decisions on another amount, currency or age than the snapshot that they went by says.

    Payments of before the run may have been taken off, whenever it learnt of them. Rows that stand
    from before the date was loaded anew are about others.
    """
    newest = (
        select(func.max(run.c.run_id))
        .where(run.c.portfolio_id == scope.portfolio_id)
        .group_by(run.c.business_date)
    )
    moved = _moved(scope)
    s, d = snapshot.c, decision.c
    return (
        select(d.account_id)
        .join(
            snapshot,
            and_(
                s.portfolio_id == d.portfolio_id,
                s.business_date == d.business_date,
                s.account_id == d.account_id,
            ),
        )
        .join(load, _of_its_load())
        .join(run, run.c.run_id == d.run_id)
        .outerjoin(
            moved,
            and_(
                moved.c.business_date == s.business_date,
                moved.c.account_id == s.account_id,
                moved.c.currency == s.currency,
            ),
        )
        .where(
            decided(scope),
            is_assessed(),
            or_(
                d.run_id.in_(newest),
                and_(~run.c.late, run.c.decided_at >= load.c.loaded_at),
            ),
            or_(
                d.currency != s.currency,
                d.dpd != coerce(s.business_date - s.due_on, Integer),
                d.overdue_amount > s.overdue_amount - func.coalesce(moved.c.taken_back, 0),
                d.overdue_amount < s.overdue_amount - func.coalesce(moved.c.paid, 0),
            ),
        )
    )


def _moved(scope: Scope) -> Subquery:
    """What the feed delivered that was booked in the days after a date's snapshot."""
    day = local_day(scope.book, payment.c.booked_at)
    # A run is late from the usual time of the next one on: it never looks farther than that.
    back = values(column("days", Integer), name="back").data([(days,) for days in range(4)])
    amount = payment.c.amount
    return (
        select(
            load.c.business_date,
            payment.c.account_id,
            payment.c.currency,
            func.sum(amount).filter(amount > 0).label("paid"),
            func.sum(amount).filter(amount < 0).label("taken_back"),
        )
        .select_from(payment)
        .join(back, true())
        .join(load, load.c.business_date == coerce(day - back.c.days, Date))
        .where(
            payment.c.portfolio_id == scope.portfolio_id,
            load.c.portfolio_id == scope.portfolio_id,
            payment.c.booked_at >= load.c.as_of_at,
        )
        .group_by(load.c.business_date, payment.c.account_id, payment.c.currency)
        .subquery("moved")
    )


def asked_for_another(scope: Scope) -> CompoundSelect[int]:
    """Contacts whose amount is not their leader's, and those that asked for more than was owed as
    far as was known then. The date may have come again since: its rows are others now."""
    s, named = snapshot.c, contact_account.c
    sent = and_(contacted(scope), contact.c.state.in_(ACTUAL), named.dropped.is_(None))
    of_contact = contact.c.contact_id == named.contact_id
    its_row = and_(
        s.portfolio_id == contact.c.portfolio_id,
        s.business_date == contact.c.business_date,
        s.account_id == named.account_id,
    )
    paid = _paid_before(scope)
    return union_all(
        select(contact.c.account_id)
        .join(contact_account, and_(of_contact, named.account_id == contact.c.account_id))
        .where(contacted(scope), contact.c.amount != named.amount),
        select(named.account_id)
        .join(contact, of_contact)
        .join(snapshot, its_row)
        .join(load, _of_its_load())
        .outerjoin(
            paid,
            and_(paid.c.contact_id == named.contact_id, paid.c.account_id == named.account_id),
        )
        .where(
            sent,
            load.c.loaded_at <= contact.c.claimed_at,
            contact.c.currency == s.currency,
            named.amount > s.overdue_amount - func.coalesce(paid.c.amount, 0),
        ),
    )


def _paid_before(scope: Scope) -> Subquery:
    """What was paid on the accounts of a contact since their snapshot, as known as it went out."""
    named = contact_account.c
    return (
        select(named.contact_id, named.account_id, func.sum(payment.c.amount).label("amount"))
        .join(contact, contact.c.contact_id == named.contact_id)
        .join(
            load,
            and_(
                load.c.portfolio_id == contact.c.portfolio_id,
                load.c.business_date == contact.c.business_date,
            ),
        )
        .join(
            payment,
            and_(
                payment.c.account_id == named.account_id,
                payment.c.currency == contact.c.currency,
                payment.c.booked_at >= load.c.as_of_at,
                payment.c.booked_at <= contact.c.claimed_at,
                payment.c.recorded_at <= contact.c.claimed_at,
            ),
        )
        .where(contacted(scope))
        .group_by(named.contact_id, named.account_id)
        .subquery("paid")
    )


def _of_its_load() -> ColumnElement[bool]:
    return and_(
        load.c.portfolio_id == snapshot.c.portfolio_id,
        load.c.business_date == snapshot.c.business_date,
    )
