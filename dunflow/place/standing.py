"""Whether placements may still leave, or must come back, on the facts of now.

A proposal waits for a person, perhaps for days. What held when it was made is asked again when it
is approved and when it is exported; what is away is asked whether it must be taken back.
"""

import datetime as dt

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
)

from dunflow.assess.facts import facts
from dunflow.assess.ladder_rows import unknown_on
from dunflow.assess.moment import Moment
from dunflow.assess.printed import NEVER_PRINTED
from dunflow.assess.progress import called_now
from dunflow.config.book import Book
from dunflow.decide.guards import SETTLED, quieting
from dunflow.decide.hand_off import rules_met, steps_before
from dunflow.decide.ladder import done, due_step, rungs
from dunflow.decide.layers import layer
from dunflow.decide.tiers import rank
from dunflow.ledger.owners import owner_on, person_of
from dunflow.ledger.tables import (
    PLACEMENT_ACTIVE,
    contact,
    contact_account,
    customer,
    placement,
)

UNKNOWN = "quarantined"
"""Nothing is known of the account today, so it neither leaves nor comes back."""
MANDATORY_UNDONE = "mandatory_undone"
EPISODE_OVER = "episode_over"
OWNER_CHANGED = "owner_changed"
CURRENCY_CHANGED = "currency_changed"
NOT_MET = "not_met"


def standing(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    now: dt.datetime,
    which: Select[int],
) -> Subquery:
    """One row per placement of `which`: `placement_id, account_id, refusal, overdue, currency`.

    `refusal`: why it may not leave, or NULL. `overdue` and `currency` are what is owed now, NULL
    where the snapshot of the date does not have the account.
    """
    p = placement
    moment = Moment(now, late=False, day=book.portfolio.calendar.local_date(now))
    accounts = select(p.c.account_id).where(p.c.placement_id.in_(which))
    known = facts(conn, book, portfolio_id, business_date, moment, accounts).subquery("known")
    # Each of them is proposed or placed, if need be after it was closed: that is no reason here.
    others = [column for column in known.c if column.name not in ("placed", "closed")]
    told = [false().label("placed"), false().label("closed")]
    alone = select(*others, *told).subquery("alone")
    ranked = layer(alone, rank(book, alone).label("rank"))
    stepped = layer(
        ranked, due_step(book, ranked, moment).label("due"), quieting(ranked).label("quiet")
    )
    f = layer(stepped, rungs(book, stepped, moment).blocked.label("blocked"))
    unreadable = exists().where(
        unknown_on(portfolio_id, business_date).subquery().c.account_id == p.c.account_id
    )
    # A date before the one that proposed it need not have it: the newer one is being loaded anew.
    not_yet = and_(f.c.account_id.is_(None), p.c.business_date > business_date)
    lives = p.c.state.in_(PLACEMENT_ACTIVE)
    met = [and_(p.c.destination == to, rule) for to, rule in rules_met(book, f, moment).items()]
    refusal: ColumnElement[str] = case(
        (or_(unreadable, not_yet), literal(UNKNOWN, Text)),
        (f.c.account_id.is_(None), literal(SETTLED, Text)),
        # What was said of the debt is wrong by now. A placement that has ended says nothing more.
        (
            and_(lives, _is_somebody_elses(portfolio_id, business_date)),
            literal(OWNER_CHANGED, Text),
        ),
        (and_(lives, f.c.currency != p.c.currency), literal(CURRENCY_CHANGED, Text)),
        (f.c.quiet.is_not(None), f.c.quiet),
        (
            func.coalesce(f.c.episode_id != p.c.episode_id, True),
            literal(EPISODE_OVER, Text),
        ),
        (_never_printed(book, f), literal(NEVER_PRINTED, Text)),
        (f.c.blocked, literal(MANDATORY_UNDONE, Text)),
        (~or_(false(), *met), literal(NOT_MET, Text)),
        else_=cast(null(), Text),
    )
    return (
        select(
            p.c.placement_id,
            p.c.account_id,
            refusal.label("refusal"),
            f.c.overdue,
            f.c.currency,
        )
        .select_from(p.outerjoin(f, f.c.account_id == p.c.account_id))
        .where(p.c.placement_id.in_(which))
        .subquery("standing")
    )


def _is_somebody_elses(portfolio_id: int, business_date: dt.date) -> ColumnElement[bool]:
    """Whether the account has another owner than when it was proposed."""
    p, person = placement.c, customer.alias("told_of")
    told_of = select(person_of(person)).where(person.c.customer_id == p.customer_id)
    then = func.coalesce(
        told_of.scalar_subquery(), owner_on(portfolio_id, p.account_id, p.business_date)
    )
    return then != owner_on(portfolio_id, p.account_id, literal(business_date, Date))


def _never_printed(book: Book, f: FromClause) -> ColumnElement[bool]:
    """Whether a letter that had to precede counted as done when the account was proposed, and it
    turned out since that the printer never had it."""
    return exists().where(
        contact_account.c.account_id == placement.c.account_id,
        contact_account.c.ladder_episode_id == placement.c.episode_id,
        contact_account.c.step.in_(sorted(steps_before(book))),
        contact_account.c.dropped.is_(None),
        done(called_now(book.policy, contact_account.c.step), f) == 0,
        contact.c.contact_id == contact_account.c.contact_id,
        contact.c.reason == NEVER_PRINTED,
        contact.c.ended_at >= placement.c.proposed_at,
    )


def takes_back(refusal: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a reason takes an account back that has left: the arrears are gone, also where the
    next instalment is in the snapshot already, what was said of it is wrong, it is held, or its
    notice never left."""
    gone = (SETTLED, "credit_covers", EPISODE_OVER, OWNER_CHANGED, CURRENCY_CHANGED, NEVER_PRINTED)
    return or_(refusal.in_(gone), refusal.like("hold.%"))
