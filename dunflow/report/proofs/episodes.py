"""Whether episodes are what the snapshots and contacts say."""

import datetime as dt

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    and_,
    exists,
    false,
    func,
    or_,
    select,
)
from sqlalchemy import type_coerce as coerce

from dunflow.assess.ladder_rows import settled_at
from dunflow.assess.progress import has_former_names, progress
from dunflow.config.book import Book
from dunflow.ledger.tables import (
    contact,
    contact_account,
    decision,
    episode,
    load,
    placement,
    quarantine,
    run,
    snapshot,
)
from dunflow.report.proofs.scope import Scope, is_assessed


def progress_wrong(scope: Scope) -> Select[int]:
    """Episodes whose kept progress is not what their contacts say.

    Of those that ended nothing is asked any more, so they keep the names that steps had then. Where
    a step was renamed since the last run, the next one brings them in line.
    """
    mine = select(episode.c.episode_id).where(
        episode.c.portfolio_id == scope.portfolio_id, episode.c.ended_on.is_(None)
    )
    true_one = progress(scope.book, None, mine).subquery("true_one")
    return (
        select(episode.c.account_id)
        .outerjoin(true_one, true_one.c.episode_id == episode.c.episode_id)
        .where(
            episode.c.portfolio_id == scope.portfolio_id,
            episode.c.ended_on.is_(None),
            ~has_former_names(scope.book.policy),
            episode.c.progress.is_distinct_from(true_one.c.progress),
        )
    )


def episodes_overlap(scope: Scope) -> Select[int]:
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


def without_episode(scope: Scope) -> Select[int]:
    """Rows of accounts on the ladder that no episode covers, though the date was assessed.

    Not those of which the system before told: their episodes begin when it told of them.
    """
    s = snapshot.c
    covers = exists().where(
        episode.c.account_id == s.account_id,
        episode.c.started_on <= s.business_date,
        or_(episode.c.ended_on.is_(None), episode.c.ended_on > s.business_date),
    )
    return (
        select(s.account_id)
        .join(
            load,
            and_(load.c.portfolio_id == s.portfolio_id, load.c.business_date == s.business_date),
        )
        .where(
            s.portfolio_id == scope.portfolio_id,
            s.business_date.between(scope.first, scope.last),
            is_assessed(),
            *[_is_on_ladder(book) for book in _ladders(scope)],
            ~covers,
            ~_contacted_before(s.account_id),
            ~_placed_before(s.account_id),
        )
    )


def owed_by_nobody(scope: Scope) -> Select[int]:
    """Episodes that go on though the newest date that was assessed has nothing overdue there.

    Not those that the system before began: that date may have come before it told of them.
    """
    there = (
        select(snapshot.c.account_id)
        .where(
            snapshot.c.portfolio_id == scope.portfolio_id,
            snapshot.c.business_date == load.c.business_date,
            snapshot.c.account_id == episode.c.account_id,
            or_(*[_is_on_ladder(book) for book in _ladders(scope)]),
        )
        .exists()
    )
    unread = exists().where(
        quarantine.c.portfolio_id == scope.portfolio_id,
        quarantine.c.business_date == load.c.business_date,
        quarantine.c.rejects_account,
        quarantine.c.account_id == episode.c.account_id,
    )
    newest = (
        select(func.max(load.c.business_date))
        .where(load.c.portfolio_id == scope.portfolio_id, load.c.assessed_load_at.is_not(None))
        .scalar_subquery()
    )
    return (
        select(episode.c.account_id)
        .join(load, load.c.portfolio_id == episode.c.portfolio_id)
        .where(
            episode.c.portfolio_id == scope.portfolio_id,
            episode.c.ended_on.is_(None),
            episode.c.started_on <= load.c.business_date,
            load.c.business_date == newest,
            load.c.business_date.between(scope.first, scope.last),
            is_assessed(),
            ~there,
            ~unread,
            ~_contacted_before(episode.c.account_id),
            ~_placed_before(episode.c.account_id),
        )
    )


def _contacted_before(account_id: ColumnElement[int]) -> ColumnElement[bool]:
    return exists().where(
        contact_account.c.account_id == account_id,
        contact.c.contact_id == contact_account.c.contact_id,
        contact.c.run_id.is_(None),
    )


def _placed_before(account_id: ColumnElement[int]) -> ColumnElement[bool]:
    return exists().where(placement.c.account_id == account_id, placement.c.run_id.is_(None))


def _ladders(scope: Scope) -> list[Book]:
    """A book for each answer there ever was to who is on the ladder: a date may be read by any."""
    books = [scope.book, *(version.book for version in scope.versions)]
    return [
        each for number, each in enumerate(books) if _reach(each) not in map(_reach, books[:number])
    ]


def _reach(book: Book) -> tuple[object, ...]:
    return book.policy.ladder_from_dpd, book.policy.settle_below


def _is_on_ladder(book: Book) -> ColumnElement[bool]:
    s = snapshot.c
    return and_(
        coerce(s.business_date - s.due_on, Integer) >= book.policy.ladder_from_dpd,
        s.overdue_amount > settled_at(book.policy, s.currency),
    )


def unknown_but_cured(scope: Scope) -> Select[int]:
    """Accounts whose row could not be read, and that were taken as cured that very day.

    Unless their next row says so: what it owes became due only then.
    """
    each = _ended(scope)
    unread = exists().where(
        decision.c.portfolio_id == scope.portfolio_id,
        decision.c.business_date == each.c.ended_on,
        decision.c.account_id == each.c.account_id,
        decision.c.reason == "quarantined",
    )
    owes_anew = func.coalesce(_due_next(scope, each) >= each.c.ended_on, false())
    return select(each.c.account_id).where(unread, ~owes_anew)


def cured_by_nobody(scope: Scope) -> Select[int]:
    """Accounts that were taken as cured on a date whose rows came again, and are not trusted.

    A newer date has run since, and shows that they owe as before. What was done for them counts.
    """
    each = _ended(scope)
    newer = run.alias("newer")
    distrusted = exists().where(
        load.c.portfolio_id == scope.portfolio_id,
        load.c.business_date == each.c.ended_on,
        load.c.state != "accepted",
        newer.c.portfolio_id == load.c.portfolio_id,
        newer.c.business_date > load.c.business_date,
        newer.c.decided_at > load.c.loaded_at,
    )
    owes_as_before = _due_next(scope, each) < each.c.ended_on
    return select(each.c.account_id).where(distrusted, owes_as_before)


def _ended(scope: Scope) -> Subquery:
    return (
        select(episode.c.account_id, episode.c.ended_on)
        .where(
            episode.c.portfolio_id == scope.portfolio_id,
            episode.c.ended_on.between(scope.first, scope.last),
        )
        .subquery("ended")
    )


def _due_next(scope: Scope, each: Subquery) -> ColumnElement[dt.date]:
    """Since when it owed as it was next seen; NULL: it never was."""
    return (
        select(snapshot.c.due_on)
        .where(
            snapshot.c.portfolio_id == scope.portfolio_id,
            snapshot.c.account_id == each.c.account_id,
            snapshot.c.business_date > each.c.ended_on,
        )
        .order_by(snapshot.c.business_date)
        .limit(1)
        .scalar_subquery()
    )
