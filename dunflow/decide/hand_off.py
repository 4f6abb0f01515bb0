"""Where an account goes when the ladder did not help: the hand-off rules, shares and capacities."""

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Subquery,
    Text,
    all_,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIT, array

from dunflow.assess.moment import Moment
from dunflow.assess.printed import noticed_at, went_at
from dunflow.assess.progress import called_now, is_done, local_day
from dunflow.config.book import Book
from dunflow.config.policy import HandOffRule
from dunflow.decide.conditions import holds
from dunflow.decide.ladder import days_from, last_on, waived_on
from dunflow.decide.layers import layer
from dunflow.ledger.owners import person_of
from dunflow.ledger.tables import (
    PLACED,
    PLACEMENT_ACTIVE,
    contact,
    contact_account,
    customer,
    episode,
    placement,
)

_HEARD, _OWNER = customer.alias("heard"), customer.alias("owner")
"""Who got a contact, and whose the account is now."""
_HUNDRED = 100
_DIGITS = 7
"""Hexadecimal digits of a hash: as many as fit into an integer without a sign."""


def rules_met(book: Book, f: FromClause, moment: Moment) -> dict[str, ColumnElement[bool]]:
    """Destination → whether its rule, and what the packs ask for before it, is met."""
    found: dict[str, ColumnElement[bool]] = {}
    for rule in book.policy.hand_off:
        met = [holds(book, rule.when, f), _shared(rule, f)]
        kind = book.portfolio.destination(rule.to).kind
        if years := book.floor.barred_after_years(kind):
            met.append(f.c.due_on + func.make_interval(years) > f.c.due_on + f.c.dpd)
        passed: ColumnElement[bool] = false()
        if rule.after:
            step, days = rule.after.step, rule.after.days
            if not book.floor.notice_asked_by(kind):
                # Nobody but the policy asks for the step, so a person may pass it.
                waited = days_from(waived_on(step, f), moment) >= days
                passed = and_(last_on(step, f).is_(None), waited)
            met.append(or_(days_from(last_on(step, f), moment) >= days, passed))
        if before := steps_before(book):
            # Last: it looks at contacts, and only those of accounts for which all else is met.
            met.append(_all_out(book, rule, before, passed, f, moment))
        found[rule.to] = func.coalesce(and_(*met), False)
    return found


def steps_before(book: Book) -> frozenset[str]:
    """The steps, by all their names, whose letters must be out before an account is given away."""
    named = {rule.after.step for rule in book.policy.hand_off if rule.after}
    return frozenset(
        name
        for step in book.policy.ladder
        if step.mandatory or step.purpose == "notice" or step.step in named
        for name in step.names
    )


def _all_out(
    book: Book,
    rule: HandOffRule,
    before: frozenset[str],
    passed: ColumnElement[bool],
    f: FromClause,
    moment: Moment,
) -> ColumnElement[bool]:
    """Whether what did the steps `before` went out; for the rule's own step so many days ago, and
    to whom the account is now, unless that is `passed`. Where packs ask for a notice, it must have
    been in writing, and may have to have arrived.

    A letter that waits for the printer did its step, and is no notice to anybody yet. Who took the
    debt over since had none. An owner by another id, which was merged, is the same.
    """
    as_of = moment.at if moment.late else None
    days: ColumnElement[int] = literal(0, Integer)
    told: ColumnElement[bool] = true()
    if rule.after:
        own = called_now(book.policy, contact_account.c.step) == rule.after.step
        days = case((own, rule.after.days), else_=days)
        heard = and_(own, person_of(_HEARD) == person_of(_OWNER))
        kind = book.portfolio.destination(rule.to).kind
        if book.floor.notice_asked_by(kind):
            given_at = noticed_at(book.floor.notice_must_arrive(kind))
            since = days_from(local_day(book, given_at), moment)
            heard = and_(heard, given_at <= moment.at, since >= rule.after.days)
        heard = func.bool_or(heard)
        told = or_(func.coalesce(heard, False), passed)
    is_out = and_(went_at() <= moment.at, days_from(local_day(book, went_at()), moment) >= days)
    all_are = func.coalesce(func.bool_and(func.coalesce(is_out, False)), True)
    # An aggregate, which is computed for one account at a time: the planner may answer EXISTS from
    # a table of all contacts there ever were.
    return (
        select(and_(all_are, told))
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .join(_HEARD, _HEARD.c.customer_id == contact.c.customer_id)
        .join(_OWNER, _OWNER.c.customer_id == f.c.customer_id)
        .where(
            contact_account.c.account_id == f.c.account_id,
            contact_account.c.ladder_episode_id == f.c.episode_id,
            contact_account.c.step.in_(sorted(before)),
            contact_account.c.dropped.is_(None),
            is_done(as_of),
        )
        .correlate(f)
        .scalar_subquery()
    )


def _shared(rule: HandOffRule, f: FromClause) -> ColumnElement[bool]:
    """Whether the customer is among the rule's share: always the same ones, all their accounts.

    The destination is hashed too, so that the shares of several rules do not depend on each other.
    """
    if rule.share == _HUNDRED:
        return true()
    whom = cast(f.c.customer_id, Text) + literal(f":{rule.to}", Text)
    digits = literal("x", Text) + func.substr(func.md5(whom), 1, _DIGITS)
    number = cast(cast(digits, BIT(4 * _DIGITS)), Integer)
    return func.mod(number, _HUNDRED) < rule.share


def first_met(book: Book, f: FromClause, moment: Moment) -> ColumnElement[str]:
    """The most severe rule that is met, or NULL; rules are listed mild to severe."""
    arms = [(open_, literal(to, Text)) for to, open_ in _open(book, f, moment).items()]
    return case(*arms, else_=null()) if arms else cast(null(), Text)


def is_limited(book: Book) -> bool:
    """Whether any destination of a rule takes only so many."""
    rules = book.policy.hand_off
    return any(book.portfolio.destination(rule.to).capacity is not None for rule in rules)


def within_capacity(book: Book, portfolio_id: int, f: Subquery, moment: Moment) -> Subquery:
    """`f`, which has `blocked` and `quiet`, with `hand_off`: the most severe rule that is met and
    whose destination has room, or NULL.

    Who has been overdue for longest takes the room; the others go by the rules before it. Run again
    it comes to the same: who was proposed meanwhile is among those that fill it.
    """
    opens = _open(book, f, moment)
    found = layer(
        f,
        *[open_.label(f"open_{to}") for to, open_ in opens.items()],
        cast(null(), Text).label("goes"),
    )
    for to in opens:
        before = found.c[_last(found)]
        wants = and_(found.c[f"open_{to}"], ~found.c.blocked, before.is_(None))
        capacity = book.portfolio.destination(to).capacity
        if capacity is not None:
            wants = and_(wants, _has_room(portfolio_id, to, capacity, wants, found))
        goes = case((wants, literal(to, Text)), else_=before)
        found = layer(found, goes.label(f"goes_{to}"))
    return layer(found, found.c[_last(found)].label("hand_off"))


def _last(found: Subquery) -> str:
    return found.c.keys()[-1]


def _has_room(
    portfolio_id: int, to: str, capacity: int, wants: ColumnElement[bool], f: FromClause
) -> ColumnElement[bool]:
    """Whether it fits beside what is there already; who is left alone anyway takes no room."""
    asks = and_(wants, f.c.quiet.is_(None))
    order = [f.c.dpd.desc(), f.c.overdue.desc(), f.c.account_id]
    nth = func.row_number().over(partition_by=asks, order_by=order)
    # A proposal whose debt was paid meanwhile will never leave.
    there = (
        select(func.count())
        .select_from(placement)
        .join(episode, episode.c.episode_id == placement.c.episode_id)
        .where(
            placement.c.portfolio_id == portfolio_id,
            placement.c.destination == to,
            placement.c.state.in_(PLACEMENT_ACTIVE),
            or_(placement.c.state.in_(PLACED), episode.c.ended_on.is_(None)),
        )
    )
    return or_(~asks, nth + there.scalar_subquery() <= capacity)


def _open(book: Book, f: FromClause, moment: Moment) -> dict[str, ColumnElement[bool]]:
    """Destination → whether its rule is met and it did not have the account in this episode.

    The most severe first.
    """
    had_by = func.coalesce(f.c.had_by, cast(array([]), ARRAY(Text)))
    return {
        destination: and_(met, literal(destination, Text) != all_(had_by))
        for destination, met in reversed(rules_met(book, f, moment).items())
    }
