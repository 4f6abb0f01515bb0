"""Episodes open and close: the unbroken stretches of accounts on the ladder.

On the ordinary day, the newest, an account that stays on the ladder costs nothing: its episode is
open and remains so. A date that is filled in later, comes again or is trusted no more is
`repair`'s business.
"""

import datetime as dt
from typing import Any

from sqlalchemy import (
    Connection,
    Date,
    FromClause,
    Select,
    TableClause,
    and_,
    cast,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    true,
    union_all,
    update,
)

from dunflow.assess.ladder_rows import on_ladder, unknown_on
from dunflow.assess.progress import rename
from dunflow.assess.repair import repair
from dunflow.config.book import Book
from dunflow.ledger.loads import neighbours, note_assessed, overtaken_dates, was_assessed
from dunflow.ledger.scratch import has_rows, keep
from dunflow.ledger.tables import episode, load, snapshot

ONE_DAY = dt.timedelta(days=1)

# So many new episodes change what the planner should think of the table.
_MANY = 20_000


def assess(conn: Connection, book: Book, portfolio_id: int, business_date: dt.date) -> None:
    """Bring the episodes in line with the accepted snapshot of `business_date`.

    Doing it again for the same rows changes nothing, and the order in which dates come makes no
    difference to how it ends.
    """
    rename(conn, book, portfolio_id)
    near = neighbours(conn, portfolio_id, business_date)
    overtaken = overtaken_dates(conn, portfolio_id)
    if overtaken or near.after or was_assessed(conn, portfolio_id, business_date):
        repair(conn, book, portfolio_id, {*overtaken, business_date})
    else:
        _go_on(conn, book, portfolio_id, business_date, near.before)
    note_assessed(conn, portfolio_id, business_date)


def ended_since(conn: Connection, portfolio_id: int, since: dt.date, business_date: dt.date) -> int:
    """How many accounts left the ladder after one date and up to another, for whatever cause: paid
    off, up to date with the next instalment due later, or owing too little to matter."""
    counted = select(func.count()).where(
        episode.c.portfolio_id == portfolio_id,
        episode.c.ended_on > since,
        episode.c.ended_on <= business_date,
    )
    return int(conn.execute(counted).scalar_one())


def _go_on(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    before: dt.date | None,
) -> None:
    """Follow the newest date, which has left no marks yet."""
    crossed = keep(conn, "crossed", _crossed(book, portfolio_id, business_date))
    _close(conn, crossed, business_date)
    came = [select(crossed.c.account_id, crossed.c.due_on).where(crossed.c.episode_id.is_(None))]
    if before is not None and _may_have_been_cured(conn, portfolio_id, business_date, before):
        cured = _cured_in_between(book, portfolio_id, business_date, before)
        broken = keep(conn, "broken", cured)
        _break(conn, broken)
        came.append(select(broken.c.account_id, broken.c.due_on))
    _open(conn, portfolio_id, business_date, union_all(*came).subquery("came"))


def _crossed(book: Book, portfolio_id: int, business_date: dt.date) -> Select[Any]:
    """`episode_id` of whoever left the ladder, or `account_id, due_on` of whoever came onto it."""
    ladder = on_ladder(book.policy, portfolio_id, business_date).subquery("ladder")
    was = (
        select(episode.c.episode_id, episode.c.account_id)
        .where(episode.c.portfolio_id == portfolio_id, episode.c.ended_on.is_(None))
        .subquery("was")
    )
    unknown = unknown_on(portfolio_id, business_date)
    left = and_(ladder.c.account_id.is_(None), was.c.account_id.not_in(unknown))
    return (
        select(was.c.episode_id, ladder.c.account_id, ladder.c.due_on)
        .join_from(was, ladder, ladder.c.account_id == was.c.account_id, full=True)
        .where(or_(was.c.episode_id.is_(None), left))
    )


def _close(conn: Connection, crossed: TableClause, business_date: dt.date) -> None:
    conn.execute(
        update(episode)
        .where(episode.c.episode_id == crossed.c.episode_id)
        .values(ended_on=business_date)
    )


def _may_have_been_cured(
    conn: Connection, portfolio_id: int, business_date: dt.date, before: dt.date
) -> bool:
    """Whether a date is missing, or any account was unknown on the date before."""
    is_next = before == business_date - ONE_DAY
    return not is_next or has_rows(conn, unknown_on(portfolio_id, before))


def _cured_in_between(
    book: Book, portfolio_id: int, business_date: dt.date, before: dt.date
) -> Select[Any]:
    """`episode_id, account_id, due_on, ended_on` of episodes that were over before this date.

    After dates without a snapshot, or on which the account was unknown, its due date tells.
    """
    ladder = on_ladder(book.policy, portfolio_id, business_date).subquery("now")
    last = (
        select(snapshot.c.business_date, snapshot.c.due_on)
        .join(
            load,
            and_(
                load.c.portfolio_id == snapshot.c.portfolio_id,
                load.c.business_date == snapshot.c.business_date,
            ),
        )
        .where(
            snapshot.c.portfolio_id == portfolio_id,
            snapshot.c.business_date < business_date,
            snapshot.c.account_id == ladder.c.account_id,
            load.c.state == "accepted",
        )
        .order_by(snapshot.c.business_date.desc())
        .limit(1)
        .lateral("last")
    )
    seen = (
        select(ladder.c.account_id, ladder.c.due_on, last.c.business_date.label("seen_on"))
        .join_from(ladder, last, true())
        .where(ladder.c.due_on != last.c.due_on, ladder.c.due_on > last.c.business_date)
    )
    if before == business_date - ONE_DAY:
        # No date is missing, so only the accounts that were unknown yesterday are in question.
        unknown = unknown_on(portfolio_id, before).subquery("unknown")
        seen = seen.where(ladder.c.account_id == unknown.c.account_id)
    paid = seen.subquery("paid")
    day_after = paid.c.seen_on + func.make_interval(0, 0, 0, 1)
    return select(
        episode.c.episode_id,
        paid.c.account_id,
        paid.c.due_on,
        cast(day_after, Date).label("ended_on"),
    ).join(
        paid,
        and_(
            episode.c.ended_on.is_(None),
            episode.c.account_id == paid.c.account_id,
            episode.c.started_on <= paid.c.seen_on,
        ),
    )


def _break(conn: Connection, broken: TableClause) -> None:
    conn.execute(
        update(episode)
        .where(episode.c.episode_id == broken.c.episode_id)
        .values(ended_on=broken.c.ended_on)
    )


def _open(conn: Connection, portfolio_id: int, business_date: dt.date, came: FromClause) -> None:
    """Whoever goes up the ladder together stands together, and so the server touches few pages."""
    opening = insert(episode).from_select(
        ["portfolio_id", "account_id", "started_on"],
        select(literal(portfolio_id), came.c.account_id, cast(business_date, Date)).order_by(
            came.c.due_on, came.c.account_id
        ),
    )
    opened = conn.execute(opening.execution_options(preserve_rowcount=True)).rowcount
    if opened > _MANY:
        conn.execute(text("ANALYZE episode"))
