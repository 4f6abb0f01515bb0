"""Proves the promises on the ledger: each check looks for rows that would break one."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    CompoundSelect,
    Connection,
    Date,
    Integer,
    Select,
    Text,
    and_,
    cast,
    column,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
    values,
)
from sqlalchemy import type_coerce as coerce

from dunflow.assess.holds import is_active
from dunflow.assess.ladder_rows import settled_at
from dunflow.assess.progress import local_day, progress
from dunflow.config.book import Book
from dunflow.config.pack import Cap
from dunflow.config.policy import Policy
from dunflow.decide.reach import wall_zone
from dunflow.decide.windows import next_opening
from dunflow.ledger.tables import (
    ACTUAL,
    ALIVE,
    COUNTED,
    DONE,
    account,
    contact,
    contact_account,
    customer,
    decision,
    decision_replaced,
    episode,
    hold,
    load,
    opt_out,
    placement,
    policy_version,
    run,
    snapshot,
)

SAMPLES = 5


@dataclass(frozen=True)
class Checked:
    """One promise: how many rows break it (0: it holds), and a few account ids of those."""

    promise: str
    broken: int
    accounts: list[str]


@dataclass(frozen=True)
class Scope:
    """What is looked at: business dates first to last, both included.

    `gaps`: policy version, step, and the gap in days that it keeps.
    """

    book: Book
    portfolio_id: int
    first: dt.date
    last: dt.date
    gaps: list[tuple[int, str, int]]


Check = Callable[[Scope], Select[*tuple[Any, ...]] | CompoundSelect[Any]]
"""Gives the `account_id`s (or NULL) of the rows that break the promise."""


def audit(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    first: dt.date = dt.date.min,
    last: dt.date = dt.date.max,
) -> list[Checked]:
    """Every promise that the ledger can prove, checked over these business dates."""
    scope = Scope(book, portfolio_id, first, last, _gaps(conn, portfolio_id))
    checked = []
    for promise, check in CHECKS.items():
        broken = check(scope).subquery("broken")
        checked.append(_checked(conn, promise, broken))
    for cap in book.floor.caps:
        broken = _over_cap(scope, cap).subquery("broken")
        checked.append(_checked(conn, f"no customer was contacted over cap {cap.id}", broken))
    outside = list(_outside_hours(conn, scope))
    within = "everything went out within contact hours"
    return [*checked, Checked(within, len(outside), outside[:SAMPLES])]


def _gaps(conn: Connection, portfolio_id: int) -> list[tuple[int, str, int]]:
    versions = conn.execute(
        select(policy_version.c.policy_version_id, policy_version.c.document).where(
            policy_version.c.portfolio_id == portfolio_id
        )
    )
    found = []
    for number, document in versions:
        policy = Policy.model_validate(document["policy"])
        found += [(number, step.step, step.gap_days or policy.gap_days) for step in policy.ladder]
    return found


def _checked(conn: Connection, promise: str, broken: Any) -> Checked:
    count: int = conn.execute(select(func.count()).select_from(broken)).scalar_one()
    names = conn.execute(
        select(account.c.account_ref)
        .where(account.c.account_id.in_(select(broken.c.account_id)))
        .order_by(account.c.account_ref)
        .limit(SAMPLES)
    )
    return Checked(promise, count, list(names.scalars()))


def _decided(scope: Scope) -> ColumnElement[bool]:
    return and_(
        decision.c.portfolio_id == scope.portfolio_id,
        decision.c.business_date.between(scope.first, scope.last),
    )


def _contacted(scope: Scope) -> ColumnElement[bool]:
    return and_(
        contact.c.portfolio_id == scope.portfolio_id,
        contact.c.business_date.between(scope.first, scope.last),
    )


def _without_decision(scope: Scope) -> Select[int]:
    ran = exists().where(
        run.c.portfolio_id == snapshot.c.portfolio_id,
        run.c.business_date == snapshot.c.business_date,
    )
    has = exists().where(
        decision.c.portfolio_id == snapshot.c.portfolio_id,
        decision.c.business_date == snapshot.c.business_date,
        decision.c.account_id == snapshot.c.account_id,
    )
    return select(snapshot.c.account_id).where(
        snapshot.c.portfolio_id == scope.portfolio_id,
        snapshot.c.business_date.between(scope.first, scope.last),
        ran,
        ~has,
    )


def _without_reason_to_be(scope: Scope) -> Select[int]:
    """Rows of accounts that the date's snapshot does not have, and that say not why."""
    seen = exists().where(
        snapshot.c.portfolio_id == decision.c.portfolio_id,
        snapshot.c.business_date == decision.c.business_date,
        snapshot.c.account_id == decision.c.account_id,
    )
    return select(decision.c.account_id).where(
        _decided(scope), ~seen, decision.c.reason.not_in(("quarantined", "cured"))
    )


def _counts_wrong(scope: Scope) -> Select[int]:
    """Dates whose load does not count what the snapshot holds."""
    s = snapshot.c
    counted = (
        select(func.count())
        .where(
            s.portfolio_id == load.c.portfolio_id,
            s.business_date == load.c.business_date,
            s.due_on < s.business_date,
            s.overdue_amount > 0,
        )
        .scalar_subquery()
    )
    return select(cast(null(), Integer).label("account_id")).where(
        load.c.portfolio_id == scope.portfolio_id,
        load.c.business_date.between(scope.first, scope.last),
        load.c.state == "accepted",
        load.c.accounts != counted,
    )


def _sent_without_decision(scope: Scope) -> Select[int]:
    def said(table: Any) -> ColumnElement[bool]:
        return exists().where(
            table.c.portfolio_id == contact.c.portfolio_id,
            table.c.business_date == contact.c.business_date,
            table.c.account_id == contact.c.account_id,
            table.c.action == "send",
        )

    return select(contact.c.account_id).where(
        _contacted(scope), ~said(decision), ~said(decision_replaced)
    )


def _decided_without_contact(scope: Scope) -> Select[int]:
    there = exists().where(
        contact.c.portfolio_id == decision.c.portfolio_id,
        contact.c.business_date == decision.c.business_date,
        contact.c.contact_id == contact_account.c.contact_id,
        contact_account.c.account_id == decision.c.account_id,
        contact_account.c.step == decision.c.step,
    )
    return select(decision.c.account_id).where(_decided(scope), decision.c.action == "send", ~there)


def _late_but_planned(scope: Scope) -> Select[int]:
    return (
        select(contact.c.account_id)
        .join(run, run.c.run_id == contact.c.run_id)
        .where(_contacted(scope), run.c.late)
    )


def _pointing_nowhere(scope: Scope) -> CompoundSelect[Any]:
    """Rows whose numbers no table knows; these tables have no foreign keys (see tables.py)."""

    def known(number: Column[int], there: Column[int]) -> ColumnElement[bool]:
        return exists().where(there == number)

    mine = select(contact.c.contact_id).where(_contacted(scope)).subquery("mine")
    named = contact_account.c
    return union_all(
        select(contact.c.account_id).where(
            _contacted(scope),
            ~and_(
                known(contact.c.account_id, account.c.account_id),
                known(contact.c.customer_id, customer.c.customer_id),
                known(contact.c.run_id, run.c.run_id),
                exists().where(
                    named.contact_id == contact.c.contact_id,
                    named.account_id == contact.c.account_id,
                ),
            ),
        ),
        select(named.account_id)
        .join(mine, mine.c.contact_id == named.contact_id)
        .where(
            ~and_(
                known(named.account_id, account.c.account_id),
                known(named.ladder_episode_id, episode.c.episode_id),
            )
        ),
        select(episode.c.account_id).where(
            episode.c.portfolio_id == scope.portfolio_id,
            ~known(episode.c.account_id, account.c.account_id),
        ),
        select(placement.c.account_id).where(
            placement.c.portfolio_id == scope.portfolio_id,
            ~and_(
                known(placement.c.account_id, account.c.account_id),
                known(placement.c.episode_id, episode.c.episode_id),
            ),
        ),
    )


def _key_not_kept(scope: Scope) -> Select[int]:
    """Contacts that are alive or done and do not hold their step's key, or the reverse."""
    holds_it = contact.c.state.in_((*ALIVE, *DONE)) & contact_account.c.dropped.is_(None)
    return (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(_contacted(scope), contact_account.c.occupies != holds_it)
    )


def _done_too_often(scope: Scope) -> Select[int]:
    """A step that was done twice as the same repetition of one key."""
    return (
        select(func.min(contact_account.c.account_id).label("account_id"))
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(
            _contacted(scope),
            contact.c.state.in_(DONE),
            contact_account.c.dropped.is_(None),
            contact_account.c.step.is_not(None),
        )
        .group_by(
            contact_account.c.episode_id, contact_account.c.step, contact_account.c.repetition
        )
        .having(func.count() > 1)
    )


def _within_gap(scope: Scope) -> Select[int]:
    """Steps decided sooner after the account's last actual contact than their gap allows."""
    own = (
        values(
            column("policy_version_id", BigInteger),
            column("step", Text),
            column("days", Integer),
            name="own_gap",
        )
        .data(scope.gaps or [(None, None, None)])
        .alias("own_gap")
    )
    earlier, earlier_account = contact.alias("earlier"), contact_account.alias("earlier_account")
    decided_on = local_day(scope.book, run.c.decided_at)
    since = coerce(decided_on - local_day(scope.book, earlier.c.accepted_at), Integer)
    return (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .join(run, run.c.run_id == contact.c.run_id)
        .join(
            own,
            and_(
                own.c.policy_version_id == run.c.policy_version_id,
                own.c.step == contact_account.c.step,
            ),
        )
        .join(earlier_account, earlier_account.c.account_id == contact_account.c.account_id)
        .join(earlier, earlier.c.contact_id == earlier_account.c.contact_id)
        .where(
            _contacted(scope),
            contact.c.state.in_(ACTUAL),
            contact_account.c.dropped.is_(None),
            earlier.c.state.in_(ACTUAL),
            earlier_account.c.dropped.is_(None),
            earlier.c.contact_id < contact.c.contact_id,
            earlier.c.accepted_at <= run.c.decided_at,
            since < own.c.days,
        )
    )


def _twice_a_day(scope: Scope) -> Select[int]:
    day = local_day(scope.book, contact.c.accepted_at)
    return (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(
            _contacted(scope),
            contact.c.state.in_(ACTUAL),
            contact_account.c.dropped.is_(None),
            contact_account.c.step.is_not(None),
        )
        .group_by(contact_account.c.account_id, day)
        .having(func.count() > 1)
    )


def _customer_twice_a_day(scope: Scope) -> Select[int]:
    one_per_day = literal(scope.book.policy.per_customer == "one_per_day")
    return (
        select(func.min(contact.c.account_id).label("account_id"))
        .where(_contacted(scope), contact.c.state.in_(ACTUAL), one_per_day)
        .group_by(contact.c.customer_id, local_day(scope.book, contact.c.accepted_at))
        .having(func.count() > 1)
    )


def _sent_on_hold(scope: Scope) -> Select[int]:
    active = exists().where(
        or_(
            hold.c.account_id == contact_account.c.account_id,
            hold.c.customer_id == contact.c.customer_id,
        ),
        hold.c.recorded_at <= contact.c.claimed_at,
        is_active(contact.c.claimed_at),
    )
    return _sent(scope).where(active)


def _sent_while_placed(scope: Scope) -> Select[int]:
    active = exists().where(
        placement.c.account_id == contact_account.c.account_id,
        placement.c.proposed_at <= contact.c.claimed_at,
        placement.c.state != "rejected",
        or_(placement.c.ended_at.is_(None), placement.c.ended_at > contact.c.claimed_at),
    )
    return _sent(scope).where(active)


def _sent_after_opt_out(scope: Scope) -> Select[int]:
    said_no = exists().where(
        opt_out.c.portfolio_id == contact.c.portfolio_id,
        opt_out.c.channel == contact.c.channel,
        or_(
            opt_out.c.customer_id == contact.c.customer_id,
            opt_out.c.address == contact.c.address,
        ),
        opt_out.c.since_at <= contact.c.claimed_at,
        or_(opt_out.c.lifted_at.is_(None), opt_out.c.lifted_at > contact.c.claimed_at),
    )
    return _sent(scope).where(said_no)


def _sent_though_settled(scope: Scope) -> Select[int]:
    floor = settled_at(scope.book.policy, contact.c.currency)
    return _sent(scope).where(contact_account.c.amount <= floor)


def _sent(scope: Scope) -> Select[int]:
    """One row per account named by a contact that reached a provider."""
    return (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(_contacted(scope), contact.c.state.in_(ACTUAL), contact_account.c.dropped.is_(None))
    )


def _progress_wrong(scope: Scope) -> Select[int]:
    """Episodes whose kept progress is not what their contacts say."""
    mine = select(episode.c.episode_id).where(episode.c.portfolio_id == scope.portfolio_id)
    true_one = progress(scope.book, None, mine).subquery("true_one")
    return (
        select(episode.c.account_id)
        .outerjoin(true_one, true_one.c.episode_id == episode.c.episode_id)
        .where(
            episode.c.portfolio_id == scope.portfolio_id,
            episode.c.progress.is_distinct_from(true_one.c.progress),
        )
    )


def _episodes_overlap(scope: Scope) -> Select[int]:
    other = episode.alias("other")
    return (
        select(episode.c.account_id)
        .join(other, other.c.account_id == episode.c.account_id)
        .where(
            episode.c.portfolio_id == scope.portfolio_id,
            episode.c.episode_id != other.c.episode_id,
            episode.c.started_on <= other.c.started_on,
            or_(episode.c.ended_on.is_(None), episode.c.ended_on > other.c.started_on),
        )
    )


def _unknown_but_cured(scope: Scope) -> Select[int]:
    """Accounts whose row could not be read, and that were taken as cured that very day."""
    ended = select(episode.c.account_id, episode.c.ended_on).where(
        episode.c.portfolio_id == scope.portfolio_id,
        episode.c.ended_on.between(scope.first, scope.last),
    )
    each = ended.subquery("ended")
    unread = exists().where(
        decision.c.portfolio_id == scope.portfolio_id,
        decision.c.business_date == each.c.ended_on,
        decision.c.account_id == each.c.account_id,
        decision.c.reason == "quarantined",
    )
    return select(each.c.account_id).where(unread)


def _over_cap(scope: Scope, cap: Cap) -> Select[int]:
    """Contacts before which the customer's days already held as many as the cap allows."""
    other = contact.alias("other")
    whose = {
        "debtor": other.c.customer_id == contact.c.customer_id,
        "contact_point": other.c.address == contact.c.address,
        "debt": other.c.account_id == contact.c.account_id,
    }[cap.by]
    first = contact.c.contact_on - func.make_interval(0, 0, 0, cap.days - 1)
    return (
        select(contact.c.account_id)
        .join(other, whose)
        .where(
            _contacted(scope),
            contact.c.state.in_(COUNTED),
            contact.c.channel.in_(cap.channels),
            other.c.state.in_(COUNTED),
            other.c.channel.in_(cap.channels),
            other.c.contact_on.between(cast(first, Date), contact.c.contact_on),
        )
        .group_by(contact.c.contact_id, contact.c.account_id)
        .having(func.count() > cap.max)
    )


def _outside_hours(conn: Connection, scope: Scope) -> Iterator[str]:
    """Accounts whose contact was claimed while its window was shut, by the packs of today."""
    rows = conn.execution_options(yield_per=10_000).execute(
        select(account.c.account_ref, contact.c.channel, contact.c.claimed_at, customer.c.time_zone)
        .join(account, account.c.account_id == contact.c.account_id)
        .join(customer, customer.c.customer_id == contact.c.customer_id)
        .where(_contacted(scope), contact.c.state.in_(ACTUAL))
    )
    book = scope.book
    for account_ref, channel, at, declared in rows:
        zone = wall_zone(book, declared, channel)
        span = next_opening(book.floor, channel, zone, book.portfolio.region, at) if zone else None
        if span is None or span.opens_at > at:
            yield account_ref


CHECKS: dict[str, Check] = {
    "each account of a snapshot has its decision": _without_decision,
    "each decision is about an account of the snapshot, an unreadable or a cured one": (
        _without_reason_to_be
    ),
    "each load counts what its snapshot holds": _counts_wrong,
    "each contact was decided": _sent_without_decision,
    "each decision to send has its contact": _decided_without_contact,
    "late runs planned nothing": _late_but_planned,
    "each contact, episode and placement belongs to an account that is there": _pointing_nowhere,
    "each living or done contact holds the key of its step": _key_not_kept,
    "no step was done twice": _done_too_often,
    "no account's gap was cut short": _within_gap,
    "no account was contacted twice on one day": _twice_a_day,
    "no customer was contacted twice on one day, where the policy says so": _customer_twice_a_day,
    "nothing was sent during a hold": _sent_on_hold,
    "nothing was sent about an account that was placed": _sent_while_placed,
    "nothing was sent after an opt-out": _sent_after_opt_out,
    "nothing was sent about a settled account": _sent_though_settled,
    "kept progress is what the contacts say": _progress_wrong,
    "episodes of an account do not overlap": _episodes_overlap,
    "an unreadable row was never taken for a cure": _unknown_but_cured,
}
