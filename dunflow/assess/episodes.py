"""Episodes open and close: the unbroken stretches of accounts on the ladder.

On the ordinary day, the newest, an account that stays on the ladder costs nothing: its episode is
open and remains so. A date that is filled in later is `repair`'s business.
"""

import datetime as dt

from sqlalchemy import (
    Connection,
    and_,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy import Date as SqlDate

from dunflow.assess.ladder_rows import on_ladder, unknown_on
from dunflow.assess.repair import repair
from dunflow.config.book import Book
from dunflow.ledger.loads import neighbours
from dunflow.ledger.scratch import keep
from dunflow.ledger.tables import episode, load, snapshot

ONE_DAY = dt.timedelta(days=1)

# So many new episodes change what the planner should think of the table.
_MANY = 20_000


def assess(conn: Connection, book: Book, portfolio_id: int, business_date: dt.date) -> None:
    """Bring the episodes in line with the accepted snapshot of `business_date`.

    Doing it again for the same rows changes nothing, and the order in which dates come makes no
    difference to how it ends.
    """
    near = neighbours(conn, portfolio_id, business_date)
    if near.after is not None or _was_assessed(conn, portfolio_id, business_date):
        repair(conn, book, portfolio_id, business_date, near)
        return
    _close_what_left(conn, book, portfolio_id, business_date)
    _break_where_cured_in_between(conn, book, portfolio_id, business_date, near.before)
    _open_what_came(conn, book, portfolio_id, business_date)


def _was_assessed(conn: Connection, portfolio_id: int, business_date: dt.date) -> bool:
    """Whether the date left its marks already; its rows may have been others then."""
    marked = or_(episode.c.started_on == business_date, episode.c.ended_on == business_date)
    return bool(
        conn.execute(
            select(exists().where(episode.c.portfolio_id == portfolio_id, marked))
        ).scalar_one()
    )


def _close_what_left(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date
) -> None:
    ladder = on_ladder(book.policy, portfolio_id, business_date).subquery()
    unknown = unknown_on(portfolio_id, business_date).subquery()
    left = keep(
        conn,
        "left_ladder",
        select(episode.c.episode_id).where(
            episode.c.portfolio_id == portfolio_id,
            episode.c.ended_on.is_(None),
            ~exists().where(ladder.c.account_id == episode.c.account_id),
            ~exists().where(unknown.c.account_id == episode.c.account_id),
        ),
    )
    conn.execute(
        update(episode)
        .where(episode.c.episode_id == left.c.episode_id)
        .values(ended_on=business_date)
    )


def _break_where_cured_in_between(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    before: dt.date | None,
) -> None:
    """After dates without a snapshot, or on which the account was unknown, look at its due date."""
    if before is None:
        return
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
        select(ladder.c.account_id, last.c.business_date.label("seen_on"))
        .join_from(ladder, last, true())
        .where(ladder.c.due_on != last.c.due_on, ladder.c.due_on > last.c.business_date)
    )
    if before == business_date - ONE_DAY:
        # No date is missing, so only the accounts that were unknown yesterday are in question.
        unknown = unknown_on(portfolio_id, before).subquery("unknown")
        seen = seen.where(ladder.c.account_id == unknown.c.account_id)
    broken = seen.subquery("broken")
    conn.execute(
        update(episode)
        .where(
            episode.c.ended_on.is_(None),
            episode.c.account_id == broken.c.account_id,
            episode.c.started_on <= broken.c.seen_on,
        )
        .values(ended_on=cast(broken.c.seen_on + func.make_interval(0, 0, 0, 1), SqlDate))
    )


def _open_what_came(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date
) -> None:
    ladder = on_ladder(book.policy, portfolio_id, business_date).subquery()
    is_open = exists().where(
        episode.c.account_id == ladder.c.account_id, episode.c.ended_on.is_(None)
    )
    came = keep(conn, "came", select(ladder.c.account_id).where(~is_open))
    opening = insert(episode).from_select(
        ["portfolio_id", "account_id", "started_on"],
        select(literal(portfolio_id), came.c.account_id, cast(business_date, SqlDate)).order_by(
            came.c.account_id
        ),
    )
    opened = conn.execute(opening.execution_options(preserve_rowcount=True)).rowcount
    if opened > _MANY:
        conn.execute(text("ANALYZE episode"))
