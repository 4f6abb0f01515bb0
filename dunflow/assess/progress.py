"""How far each episode has come on the ladder, by what really went out and what a person waived.

The truth is the contacts and waivers; `episode.progress` repeats it so that a day need not read all
days before it. Its shape is `{step: [done, failed, last_on]}`: how often the step is done; how
often its next repetition failed or was not delivered; the portfolio's calendar day of the last one
done. A step that was waived has a fourth element, the day of that. Where what it says is at fault,
one failure counts as all, since it would say the same again; where its sender is, none counts.
Steps go by the names that the policy gives them now.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Integer,
    Select,
    SmallInteger,
    Text,
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
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array

from dunflow.config.book import Book
from dunflow.config.policy import Policy
from dunflow.ledger.tables import (
    DONE,
    SENDER_AT_FAULT,
    TEXT_REFUSED,
    contact,
    contact_account,
    episode,
    waiver,
)

_ALL_TRIES = 1_000
"""More than any policy's `attempts`."""

Which = Callable[[ColumnElement[int], ColumnElement[int]], ColumnElement[bool]]
"""Whether the numbers of an account and its episode are those of one that is asked for."""


def refresh(conn: Connection, book: Book, episodes: Select[int]) -> None:
    """Bring `progress` of these episodes in line with their contacts and waivers."""
    wanted = (
        select(episode.c.episode_id, episode.c.account_id)
        .where(episode.c.episode_id.in_(episodes))
        .subquery("wanted")
    )

    def is_wanted(account: ColumnElement[int], its: ColumnElement[int]) -> ColumnElement[bool]:
        return and_(account == wanted.c.account_id, its == wanted.c.episode_id)

    # Account by account through the index: right after a bulk of contacts was written the planner
    # knows nothing of them, and any join of sets may then be compared pair by pair.
    found = _told(book, None, is_wanted, wanted).lateral("found")
    rows = select(wanted.c.episode_id, found.c.progress).outerjoin(found, true()).subquery("rows")
    conn.execute(
        update(episode)
        .where(
            episode.c.episode_id == rows.c.episode_id,
            episode.c.progress.is_distinct_from(rows.c.progress),
        )
        .values(progress=rows.c.progress)
    )


def rename(conn: Connection, book: Book, portfolio_id: int) -> None:
    """Bring what is kept under the former name of a step under its present one, where it may still
    be asked for."""
    if not book.policy.step_now:
        return
    under_former = select(episode.c.episode_id).where(
        episode.c.portfolio_id == portfolio_id,
        episode.c.ended_on.is_(None),
        has_former_names(book.policy),
    )
    refresh(conn, book, under_former)


def has_former_names(policy: Policy) -> ColumnElement[bool]:
    """Whether the progress of an episode names a step as it was called before."""
    former = cast(array(sorted(policy.step_now)), ARRAY(Text))
    return func.coalesce(episode.c.progress.has_any(former), False)


def progress(book: Book, as_of: dt.datetime | None, episodes: Select[int]) -> Select[int, Any]:
    """`episode_id, progress` of these episodes; with `as_of`, as it was at that instant."""
    return _told(book, as_of, lambda _, its: its.in_(episodes))


def _told(
    book: Book, as_of: dt.datetime | None, which: Which, *correlated: FromClause
) -> Select[int, Any]:
    covers = _covers(book, as_of, which).correlate(*correlated)
    both = covers.union_all(_waived(book, as_of, which).correlate(*correlated)).subquery("both")
    steps = (
        select(
            both.c.episode_id,
            both.c.step,
            func.max(both.c.done).label("done"),
            func.coalesce(
                func.sum(both.c.tries).filter(both.c.is_failed, both.c.repetition == both.c.done), 0
            ).label("failed"),
            func.max(both.c.day).filter(both.c.is_done).label("last_on"),
            func.max(both.c.waived_on).label("waived_on"),
        )
        .group_by(both.c.episode_id, both.c.step)
        .subquery("steps")
    )
    told = (steps.c.done, steps.c.failed, steps.c.last_on)
    return select(
        steps.c.episode_id,
        func.jsonb_object_agg(
            steps.c.step,
            case(
                (steps.c.waived_on.is_(None), func.jsonb_build_array(*told)),
                else_=func.jsonb_build_array(*told, steps.c.waived_on),
            ),
            type_=JSONB,
        ).label("progress"),
    ).group_by(steps.c.episode_id)


def _covers(book: Book, as_of: dt.datetime | None, which: Which) -> Select[Any]:
    """What was done and what failed, a row per contact and account that it covers."""
    done, failed = is_done(as_of), _failed(as_of)
    step = called_now(book.policy, contact_account.c.step)
    per_step = (contact_account.c.ladder_episode_id, step)
    return (
        select(
            contact_account.c.ladder_episode_id.label("episode_id"),
            step.label("step"),
            contact_account.c.repetition,
            done.label("is_done"),
            failed.label("is_failed"),
            case((contact.c.reason == TEXT_REFUSED, _ALL_TRIES), else_=1).label("tries"),
            func.count().filter(done).over(partition_by=per_step).label("done"),
            local_day(book, contact.c.accepted_at).label("day"),
            cast(null(), Date).label("waived_on"),
        )
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(
            contact_account.c.step.is_not(None),
            contact_account.c.dropped.is_(None),
            or_(done, failed),
            which(contact_account.c.account_id, contact_account.c.ladder_episode_id),
        )
    )


def _waived(book: Book, as_of: dt.datetime | None, which: Which) -> Select[Any]:
    """What a person waived, in the columns of `_covers`."""
    waived = select(
        waiver.c.episode_id,
        called_now(book.policy, waiver.c.step),
        cast(null(), SmallInteger),
        false(),
        false(),
        literal(0, Integer),
        literal(0, BigInteger),
        cast(null(), Date),
        local_day(book, waiver.c.waived_at),
    ).where(which(waiver.c.account_id, waiver.c.episode_id))
    return waived if as_of is None else waived.where(waiver.c.waived_at <= as_of)


def called_now(policy: Policy, step: ColumnElement[str]) -> ColumnElement[str]:
    """A step's name of whatever time as the policy has it now."""
    now = {former: literal(name, Text) for former, name in policy.step_now.items()}
    return case(now, value=step, else_=step) if now else step


def is_done(as_of: dt.datetime | None) -> ColumnElement[bool]:
    """Whether a row of `contact` did its steps; with `as_of`, whether it had at that instant."""
    if as_of is None:
        return contact.c.state.in_(DONE)
    # What turned out undelivered later still counted as done then.
    return and_(
        contact.c.accepted_at <= as_of,
        or_(contact.c.state.in_(DONE), contact.c.ended_at > as_of),
    )


def _failed(as_of: dt.datetime | None) -> ColumnElement[bool]:
    failed = and_(
        contact.c.state.in_(("undelivered", "failed")),
        contact.c.reason.is_distinct_from(SENDER_AT_FAULT),
    )
    return failed if as_of is None else and_(failed, contact.c.ended_at <= as_of)


def local_day(book: Book, instant: ColumnElement[dt.datetime]) -> ColumnElement[dt.date]:
    """The calendar day of an instant in the portfolio's zone."""
    return cast(func.timezone(literal(book.portfolio.time_zone), instant), Date)
