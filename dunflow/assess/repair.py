"""Episodes after a date was filled in, corrected or refused: read off all dates anew, where it may
matter.

The ordinary day goes forwards (episodes.py). Here the stretches of the accounts that the date may
concern are read from every accepted snapshot, in the order of the calendar, and the episodes are
brought in line with them; what hangs on an episode follows.
"""

import datetime as dt
from collections.abc import Collection
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Integer,
    Select,
    TableClause,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    union,
    update,
)
from sqlalchemy import type_coerce as coerce

from dunflow.assess.highest import find_highest_tier, misled
from dunflow.assess.ladder_rows import on_ladder, settled_at, unknown_on
from dunflow.assess.progress import refresh
from dunflow.config.book import Book
from dunflow.ledger.loads import Neighbours, neighbours
from dunflow.ledger.scratch import keep
from dunflow.ledger.tables import episode, load, quarantine, snapshot

T = TypeVar("T")


def repair(conn: Connection, book: Book, portfolio_id: int, dates: Collection[dt.date]) -> None:
    """Fit the snapshots of `dates` between those before and after them, or take out those that are
    accepted no more."""
    concerned = [
        _touched(book, portfolio_id, date, neighbours(conn, portfolio_id, date))
        for date in sorted(dates)
    ]
    everyone = union(*concerned).subquery("everyone")
    touched = keep(conn, "touched", select(everyone.c.account_id))
    stretches = _read_off(conn, book, portfolio_id, touched)
    _bring_in_line(conn, portfolio_id, touched, stretches)
    for statement in _FOLLOW:
        conn.execute(statement)
    of_touched = episode.c.account_id.in_(select(touched.c.account_id))
    refresh(conn, book, select(episode.c.episode_id).where(of_touched))
    raised = union(select(touched.c.account_id), misled(book, portfolio_id, dates)).subquery(
        "raised"
    )
    find_highest_tier(conn, book, portfolio_id, keep(conn, "in_tiers", select(raised.c.account_id)))


def _touched(
    book: Book, portfolio_id: int, business_date: dt.date, near: Neighbours
) -> Select[int]:
    """Accounts whose episodes the date may change: all in reach but those that it confirms."""
    here = on_ladder(book.policy, portfolio_id, business_date).subquery("here")
    first = near.before or dt.date.min
    last = near.after or dt.date.max
    in_reach = select(episode.c.account_id).where(
        episode.c.portfolio_id == portfolio_id,
        episode.c.started_on <= last,
        or_(episode.c.ended_on.is_(None), episode.c.ended_on >= first),
    )
    # Where a neighbour could not be read, the date speaks to whatever lies beyond it.
    nearest = [date for date in (near.before, business_date, near.after) if date is not None]
    unread = [unknown_on(portfolio_id, date) for date in nearest]
    candidates = union(select(here.c.account_id), in_reach, *unread).subquery("candidate")
    confirmed = (
        select(here.c.account_id)
        .join(
            episode,
            and_(
                episode.c.account_id == here.c.account_id,
                episode.c.started_on <= first,
                or_(
                    episode.c.ended_on.is_(None),
                    episode.c.ended_on > (near.after or business_date),
                ),
            ),
        )
        .correlate(candidates)
    )
    for number, date in enumerate(each for each in (near.before, near.after) if each is not None):
        there = on_ladder(book.policy, portfolio_id, date).subquery(f"there_{number}")
        confirmed = confirmed.join(
            there,
            and_(there.c.account_id == here.c.account_id, there.c.due_on == here.c.due_on),
        )
    if near.before is None:
        return select(candidates.c.account_id)
    return select(candidates.c.account_id).where(candidates.c.account_id.not_in(confirmed))


def _read_off(conn: Connection, book: Book, portfolio_id: int, touched: TableClause) -> TableClause:
    """`account_id, started_on, ended_on` of every unbroken stretch on the ladder.

    An accepted date is a known one for an account unless its row there could not be read. `nth`
    counts the known dates of an account, so that neighbours differ by one.
    """
    date = (
        select(
            load.c.business_date,
            func.row_number().over(order_by=load.c.business_date).label("nth"),
        )
        .where(load.c.portfolio_id == portfolio_id, load.c.state == "accepted")
        .subquery("date")
    )
    unread = keep(
        conn,
        "unread",
        select(quarantine.c.account_id, quarantine.c.business_date)
        .join(touched, touched.c.account_id == quarantine.c.account_id)
        .join(date, date.c.business_date == quarantine.c.business_date)
        .where(quarantine.c.portfolio_id == portfolio_id, quarantine.c.rejects_account)
        .distinct(),
        index="account_id",
    )
    s = snapshot.c
    unread_before = (
        select(func.count())
        .where(unread.c.account_id == s.account_id, unread.c.business_date < s.business_date)
        .correlate(snapshot)
        .scalar_subquery()
    )
    seen = (
        select(s.account_id, s.business_date, s.due_on, (date.c.nth - unread_before).label("nth"))
        .join(touched, touched.c.account_id == s.account_id)
        .join(date, date.c.business_date == s.business_date)
        .where(
            s.portfolio_id == portfolio_id,
            coerce(s.business_date - s.due_on, Integer) >= book.policy.ladder_from_dpd,
            s.overdue_amount > settled_at(book.policy, s.currency),
        )
        .subquery("seen")
    )

    def before(column: ColumnElement[T]) -> ColumnElement[T]:
        return func.lag(column).over(partition_by=seen.c.account_id, order_by=seen.c.business_date)

    # Not seen for days, and owed since a day within them: it was paid, and is overdue again.
    paid_between = and_(
        coerce(seen.c.business_date - before(seen.c.business_date), Integer) > 1,
        seen.c.due_on != before(seen.c.due_on),
        seen.c.due_on > before(seen.c.business_date),
    )
    begins = or_(before(seen.c.nth).is_(None), seen.c.nth - before(seen.c.nth) > 1, paid_between)
    marked = select(seen, cast(begins, Integer).label("begins")).subquery("marked")
    numbered = select(
        marked,
        func.sum(marked.c.begins)
        .over(partition_by=marked.c.account_id, order_by=marked.c.business_date)
        .label("stretch"),
    ).subquery("numbered")
    n = numbered.c
    whole = (
        select(
            n.account_id,
            func.min(n.business_date).label("started_on"),
            func.max(n.business_date).label("last_on"),
            func.min(n.nth).label("first_nth"),
            func.max(n.nth).label("last_nth"),
        )
        .group_by(n.account_id, n.stretch)
        .subquery("whole")
    )
    w = whole.c
    following = func.lead(w.first_nth).over(partition_by=w.account_id, order_by=w.started_on)
    unknown_then = (
        exists()
        .where(unread.c.account_id == w.account_id, unread.c.business_date == date.c.business_date)
        .correlate(whole, date)
    )
    first_known_after = (
        select(func.min(date.c.business_date))
        .where(date.c.business_date > w.last_on, ~unknown_then)
        .correlate(whole)
        .scalar_subquery()
    )
    # Where the next stretch follows at once nobody saw the account off the ladder.
    ended_on = case((following - w.last_nth == 1, w.last_on + 1), else_=first_known_after)
    return keep(conn, "stretch", select(w.account_id, w.started_on, ended_on.label("ended_on")))


def _bring_in_line(
    conn: Connection, portfolio_id: int, touched: TableClause, stretches: TableClause
) -> None:
    """Episodes that share a day with a stretch become it; the rest go, the missing ones come."""
    e, s = episode.c, stretches.c
    both = (
        select(
            e.episode_id,
            s.account_id,
            s.started_on,
            s.ended_on,
            func.row_number()
            .over(partition_by=(s.account_id, s.started_on), order_by=e.started_on)
            .label("of_stretch"),
            func.row_number()
            .over(partition_by=e.episode_id, order_by=s.started_on)
            .label("of_episode"),
        )
        .join_from(stretches, episode, e.account_id == s.account_id)
        .where(
            e.started_on < func.coalesce(s.ended_on, literal(dt.date.max, Date)),
            s.started_on < func.coalesce(e.ended_on, literal(dt.date.max, Date)),
        )
        .subquery("both")
    )
    pairs = keep(
        conn,
        "pair",
        select(both.c.episode_id, both.c.account_id, both.c.started_on, both.c.ended_on).where(
            both.c.of_stretch == 1, both.c.of_episode == 1
        ),
    )
    paired = exists().where(pairs.c.episode_id == e.episode_id)
    conn.execute(delete(episode).where(e.account_id == touched.c.account_id, ~paired))
    differs = and_(
        e.episode_id == pairs.c.episode_id,
        or_(e.started_on != pairs.c.started_on, e.ended_on.is_distinct_from(pairs.c.ended_on)),
    )
    values = {"started_on": pairs.c.started_on, "ended_on": pairs.c.ended_on}
    # Those that close go first, so that an account never has two open ones.
    for which in (pairs.c.ended_on.is_not(None), pairs.c.ended_on.is_(None)):
        conn.execute(update(episode).where(differs, which).values(values))
    taken = exists().where(pairs.c.account_id == s.account_id, pairs.c.started_on == s.started_on)
    conn.execute(
        insert(episode).from_select(
            ["portfolio_id", "account_id", "started_on", "ended_on"],
            select(literal(portfolio_id), s.account_id, s.started_on, s.ended_on).where(~taken),
        )
    )


_FOLLOW = (
    text("""
    UPDATE contact_account AS ca SET ladder_episode_id = e.episode_id
    FROM touched, contact AS c, episode AS e
    WHERE ca.account_id = touched.account_id AND c.contact_id = ca.contact_id
      AND e.account_id = ca.account_id AND e.started_on <= c.business_date
      AND (e.ended_on IS NULL OR e.ended_on > c.business_date)
      AND ca.ladder_episode_id <> e.episode_id
    """),
    text("""
    UPDATE placement AS p SET episode_id = e.episode_id
    FROM touched, episode AS e
    WHERE p.account_id = touched.account_id
      AND e.account_id = p.account_id AND e.started_on <= p.business_date
      AND (e.ended_on IS NULL OR e.ended_on > p.business_date)
      AND p.episode_id <> e.episode_id
    """),
    text("""
    UPDATE waiver AS w SET episode_id = e.episode_id
    FROM touched, episode AS e
    WHERE w.account_id = touched.account_id
      AND e.account_id = w.account_id AND e.started_on <= w.business_date
      AND (e.ended_on IS NULL OR e.ended_on > w.business_date)
      AND w.episode_id <> e.episode_id
    """),
)
