"""Filling an older date: episodes around it move their edges, split or join.

Whether two sightings of an account belong to one episode depends on the two alone: on consecutive
dates always; across a gap if the due date is the same, or not later than the earlier sighting. So
one more date is settled by looking at the nearest known date before it (x), at itself, and at the
nearest known date after it (y), and dates may come in any order.
"""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    Connection,
    TextClause,
    and_,
    column,
    func,
    or_,
    select,
    table,
    text,
    update,
)

from dunflow.assess.ladder_rows import on_ladder, unknown_on
from dunflow.assess.progress import refresh
from dunflow.assess.tier_rank import tier_of_rank, tier_rank
from dunflow.config.book import Book
from dunflow.ledger.scratch import keep
from dunflow.ledger.tables import decision, episode

# One row per account that the date may concern. here: on the ladder on this date; x_episode and
# y_episode: NULL if it was off the ladder then; own_episode: covers this date, but neither x nor y.
_SEAM = """
CREATE UNLOGGED TABLE seam AS
SELECT c.account_id, c.due_on IS NOT NULL AS here,
       x.seen_on AS x_on, ex.episode_id AS x_episode,
       y.seen_on AS y_on, ey.episode_id AS y_episode, ey.ended_on AS y_ended_on,
       own.episode_id AS own_episode,
       COALESCE(ex.episode_id IS NOT NULL AND c.due_on IS NOT NULL
                AND (x.seen_on = :day - 1 OR c.due_on = sx.due_on OR c.due_on <= x.seen_on), false)
         AS x_links,
       COALESCE(ey.episode_id IS NOT NULL AND c.due_on IS NOT NULL
                AND (y.seen_on = :day + 1 OR sy.due_on = c.due_on OR sy.due_on <= :day), false)
         AS y_links
FROM (SELECT account_id, max(due_on) AS due_on
      FROM (SELECT account_id, due_on FROM here_now
            UNION ALL
            SELECT account_id, NULL FROM episode
            WHERE portfolio_id = :portfolio AND started_on <= :day
              AND (ended_on IS NULL OR ended_on > :day)
            UNION ALL
            -- Last seen on the date before this one: when it ended was only guessed.
            SELECT e.account_id, NULL
            FROM episode AS e,
                 (SELECT max(business_date) AS on_date FROM load
                  WHERE portfolio_id = :portfolio AND state = 'accepted'
                    AND business_date < :day) AS before
            WHERE e.portfolio_id = :portfolio AND e.ended_on <= :day
              AND (e.ended_on > before.on_date
                   OR EXISTS (SELECT FROM quarantine AS q
                              WHERE q.portfolio_id = :portfolio
                                AND q.business_date = before.on_date
                                AND q.account_id = e.account_id AND q.rejects_account))
           ) AS seen_or_covered
      WHERE account_id NOT IN (SELECT account_id FROM unknown_now)
      GROUP BY account_id) AS c
LEFT JOIN LATERAL (
    SELECT l.business_date AS seen_on FROM load AS l
    WHERE l.portfolio_id = :portfolio AND l.state = 'accepted' AND l.business_date < :day
      AND NOT EXISTS (SELECT FROM quarantine AS q
                      WHERE q.portfolio_id = :portfolio AND q.business_date = l.business_date
                        AND q.account_id = c.account_id AND q.rejects_account)
    ORDER BY l.business_date DESC LIMIT 1) AS x ON true
LEFT JOIN LATERAL (
    SELECT l.business_date AS seen_on FROM load AS l
    WHERE l.portfolio_id = :portfolio AND l.state = 'accepted' AND l.business_date > :day
      AND NOT EXISTS (SELECT FROM quarantine AS q
                      WHERE q.portfolio_id = :portfolio AND q.business_date = l.business_date
                        AND q.account_id = c.account_id AND q.rejects_account)
    ORDER BY l.business_date LIMIT 1) AS y ON true
LEFT JOIN episode AS ex ON ex.account_id = c.account_id AND ex.started_on <= x.seen_on
     AND (ex.ended_on IS NULL OR ex.ended_on > x.seen_on)
LEFT JOIN episode AS ey ON ey.account_id = c.account_id AND ey.started_on <= y.seen_on
     AND (ey.ended_on IS NULL OR ey.ended_on > y.seen_on)
LEFT JOIN episode AS own ON own.account_id = c.account_id AND own.started_on <= :day
     AND (own.ended_on IS NULL OR own.ended_on > :day)
     AND own.episode_id IS DISTINCT FROM ex.episode_id
     AND own.episode_id IS DISTINCT FROM ey.episode_id
LEFT JOIN snapshot AS sx ON sx.portfolio_id = :portfolio AND sx.business_date = x.seen_on
     AND sx.account_id = c.account_id
LEFT JOIN snapshot AS sy ON sy.portfolio_id = :portfolio AND sy.business_date = y.seen_on
     AND sy.account_id = c.account_id
"""

# In this order: what is absorbed goes first, so that an account never has two open episodes.
_STEPS = (
    # The date joins what stood apart, or belongs to a neighbour after all.
    """
    DELETE FROM episode USING seam
    WHERE (episode_id = y_episode AND x_links AND y_links AND x_episode <> y_episode)
       OR (episode_id = own_episode AND (x_links OR y_links))
    """,
    """
    UPDATE episode SET ended_on = y_ended_on FROM seam
    WHERE episode_id = x_episode AND x_links AND y_links AND x_episode <> y_episode
    """,
    # What ran through this date does so no longer: the head ends, …
    """
    UPDATE episode
    SET ended_on = CASE WHEN x_links THEN :day + 1 WHEN here THEN x_on + 1 ELSE :day END
    FROM seam WHERE episode_id = x_episode AND x_episode = y_episode AND NOT (x_links AND y_links)
    """,
    # … and the tail is an episode of its own.
    """
    INSERT INTO episode (portfolio_id, account_id, started_on, ended_on)
    SELECT :portfolio, account_id, CASE WHEN y_links THEN :day ELSE y_on END, y_ended_on
    FROM seam WHERE x_episode = y_episode AND NOT (x_links AND y_links)
    """,
    # Only its left neighbour goes on to it.
    """
    UPDATE episode SET ended_on = CASE WHEN y_episode IS NULL THEN y_on ELSE :day + 1 END
    FROM seam WHERE episode_id = x_episode AND x_links AND NOT y_links
                AND x_episode IS DISTINCT FROM y_episode
    """,
    # Its left neighbour does not: it was cured after it was last seen, however long it seemed.
    """
    UPDATE episode SET ended_on = x_on + 1 FROM seam
    WHERE episode_id = x_episode AND here AND NOT x_links
      AND x_episode IS DISTINCT FROM y_episode AND (ended_on IS NULL OR ended_on > x_on + 1)
    """,
    # Only its right neighbour begins with it.
    """
    UPDATE episode SET started_on = :day
    FROM seam WHERE episode_id = y_episode AND y_links AND NOT x_links
                AND x_episode IS DISTINCT FROM y_episode
    """,
    # It stands alone.
    """
    INSERT INTO episode (portfolio_id, account_id, started_on, ended_on)
    SELECT :portfolio, account_id, :day, CASE WHEN y_episode IS NULL THEN y_on ELSE :day + 1 END
    FROM seam WHERE here AND NOT x_links AND NOT y_links AND own_episode IS NULL
    """,
    # It was off the ladder: cured on this date, whatever it seemed.
    """
    UPDATE episode SET ended_on = :day FROM seam
    WHERE NOT here AND x_episode IS DISTINCT FROM y_episode
      AND episode_id IN (x_episode, own_episode) AND ended_on IS DISTINCT FROM :day
    """,
)

_TOUCHED = """
CREATE UNLOGGED TABLE touched AS
SELECT account_id FROM seam
WHERE own_episode IS NOT NULL OR x_episode IS DISTINCT FROM y_episode OR NOT (x_links AND y_links)
"""

_FOLLOW = (
    """
    UPDATE contact_account AS ca SET ladder_episode_id = e.episode_id
    FROM touched, contact AS c, episode AS e
    WHERE ca.account_id = touched.account_id AND c.contact_id = ca.contact_id
      AND e.account_id = ca.account_id AND e.started_on <= c.business_date
      AND (e.ended_on IS NULL OR e.ended_on > c.business_date)
      AND ca.ladder_episode_id <> e.episode_id
    """,
    """
    UPDATE placement AS p SET episode_id = e.episode_id
    FROM touched, episode AS e
    WHERE p.account_id = touched.account_id
      AND e.account_id = p.account_id AND e.started_on <= p.business_date
      AND (e.ended_on IS NULL OR e.ended_on > p.business_date)
      AND p.episode_id <> e.episode_id
    """,
)


def repair(conn: Connection, book: Book, portfolio_id: int, business_date: dt.date) -> None:
    """Fit the accepted snapshot of `business_date` between those before and after it."""
    keep(conn, "here_now", on_ladder(book.policy, portfolio_id, business_date), index="account_id")
    keep(conn, "unknown_now", unknown_on(portfolio_id, business_date))
    for statement in (_SEAM, _TOUCHED, *_STEPS, *_FOLLOW):
        conn.execute(_bound(statement, portfolio_id, business_date))
    touched = table("touched", column("account_id", BigInteger))
    episodes = select(episode.c.episode_id).where(episode.c.account_id == touched.c.account_id)
    refresh(conn, book, episodes)
    _find_highest_tier(conn, book, portfolio_id)


def _bound(statement: str, portfolio_id: int, business_date: dt.date) -> TextClause:
    # CREATE TABLE AS takes no parameters, so the two values, our own, are written out.
    return text(
        statement.replace(":portfolio", str(int(portfolio_id))).replace(
            ":day", f"date '{business_date:%Y-%m-%d}'"
        )
    )


def _find_highest_tier(conn: Connection, book: Book, portfolio_id: int) -> None:
    """The highest tier that was decided within each episode as it is now."""
    touched = table("touched", column("account_id", BigInteger))
    highest = (
        select(
            episode.c.episode_id, func.max(tier_rank(book.policy, decision.c.tier)).label("rank")
        )
        .join(touched, touched.c.account_id == episode.c.account_id)
        .outerjoin(
            decision,
            and_(
                decision.c.portfolio_id == portfolio_id,
                decision.c.account_id == episode.c.account_id,
                decision.c.business_date >= episode.c.started_on,
                or_(episode.c.ended_on.is_(None), decision.c.business_date < episode.c.ended_on),
            ),
        )
        .group_by(episode.c.episode_id)
        .subquery()
    )
    conn.execute(
        update(episode)
        .where(episode.c.episode_id == highest.c.episode_id)
        .values(highest_tier=tier_of_rank(book.policy, highest.c.rank))
    )
