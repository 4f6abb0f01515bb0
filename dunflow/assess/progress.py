"""How far each episode has come on the ladder, by what really went out.

The truth is the contacts; `episode.progress` repeats it so that a day need not read all days
before it. Its shape is `{step: [done, failed, last_on]}`: how often the step is done; how often its
next repetition failed or was not delivered; the portfolio's calendar day of the last one done.
"""

import datetime as dt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Select,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from dunflow.config.book import Book
from dunflow.ledger.tables import DONE, contact, contact_account, episode


def refresh(conn: Connection, book: Book, episodes: Select[int]) -> None:
    """Bring `progress` of these episodes in line with their contacts."""
    wanted = episodes.subquery("wanted")
    # Episode by episode through the index: right after a bulk of contacts was written the planner
    # knows nothing of them, and any join of sets may then be compared pair by pair.
    one = contact_account.c.ladder_episode_id == wanted.c.episode_id
    found = _told(book, None, one, wanted).lateral("found")
    rows = select(wanted.c.episode_id, found.c.progress).outerjoin(found, true()).subquery("rows")
    conn.execute(
        update(episode)
        .where(
            episode.c.episode_id == rows.c.episode_id,
            episode.c.progress.is_distinct_from(rows.c.progress),
        )
        .values(progress=rows.c.progress)
    )


def progress(book: Book, as_of: dt.datetime | None, episodes: Select[int]) -> Select[int, Any]:
    """`episode_id, progress` of these episodes; with `as_of`, as it was at that instant."""
    return _told(book, as_of, contact_account.c.ladder_episode_id.in_(episodes))


def _told(
    book: Book,
    as_of: dt.datetime | None,
    which: ColumnElement[bool],
    *correlated: FromClause,
) -> Select[int, Any]:
    done, failed = _done(as_of), _failed(as_of)
    per_step = (contact_account.c.ladder_episode_id, contact_account.c.step)
    covers = (
        select(
            contact_account.c.ladder_episode_id,
            contact_account.c.step,
            contact_account.c.repetition,
            done.label("is_done"),
            failed.label("is_failed"),
            func.count().filter(done).over(partition_by=per_step).label("done"),
            local_day(book, contact.c.accepted_at).label("day"),
        )
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(
            contact_account.c.step.is_not(None),
            contact_account.c.dropped.is_(None),
            or_(done, failed),
        )
        .where(which)
        .correlate(*correlated)
        .subquery("covers")
    )
    steps = (
        select(
            covers.c.ladder_episode_id,
            covers.c.step,
            func.max(covers.c.done).label("done"),
            func.count()
            .filter(covers.c.is_failed, covers.c.repetition == covers.c.done)
            .label("failed"),
            func.max(covers.c.day).filter(covers.c.is_done).label("last_on"),
        )
        .group_by(covers.c.ladder_episode_id, covers.c.step)
        .subquery("steps")
    )
    return select(
        steps.c.ladder_episode_id.label("episode_id"),
        func.jsonb_object_agg(
            steps.c.step,
            func.jsonb_build_array(steps.c.done, steps.c.failed, steps.c.last_on),
            type_=JSONB,
        ).label("progress"),
    ).group_by(steps.c.ladder_episode_id)


def _done(as_of: dt.datetime | None) -> ColumnElement[bool]:
    if as_of is None:
        return contact.c.state.in_(DONE)
    # What turned out undelivered later still counted as done then.
    return and_(
        contact.c.accepted_at <= as_of,
        or_(contact.c.state.in_(DONE), contact.c.ended_at > as_of),
    )


def _failed(as_of: dt.datetime | None) -> ColumnElement[bool]:
    failed = contact.c.state.in_(("undelivered", "failed"))
    return failed if as_of is None else and_(failed, contact.c.ended_at <= as_of)


def local_day(book: Book, instant: ColumnElement[dt.datetime]) -> ColumnElement[dt.date]:
    """The calendar day of an instant in the portfolio's zone."""
    return cast(func.timezone(literal(book.portfolio.time_zone), instant), Date)
