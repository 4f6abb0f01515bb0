"""One decision row per account and business date, whole or not at all."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    TableClause,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert

from dunflow.assess.highest import came_again, find_highest_tier, misled
from dunflow.assess.moment import Moment
from dunflow.assess.tier_rank import tier_of_rank, tier_rank
from dunflow.config.book import Book
from dunflow.decide.judge import judge
from dunflow.decide.reach import reach
from dunflow.decide.rows import Scope, all_rows
from dunflow.decide.turns import turns
from dunflow.decide.write import write_again, write_first
from dunflow.ledger import partitions
from dunflow.ledger.scratch import keep
from dunflow.ledger.tables import (
    NOT_SENT,
    contact,
    contact_account,
    decision,
    episode,
    placement,
    policy_version,
    run,
    snapshot,
)

# No contact is still in doubt after so long.
_WEEK = dt.timedelta(days=7)


@dataclass(frozen=True)
class Decided:
    """What a run decided. The scratch tables live as long as its transaction.

    `counts`: action → rows of the date, by whichever run they were written. `judged`, `reached`,
    `turn`: see their modules; planning reads them.
    """

    run_id: int
    business_date: dt.date
    moment: Moment
    counts: dict[str, int]
    judged: TableClause
    reached: TableClause
    turn: TableClause


def decide(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date, moment: Moment
) -> Decided:
    """Judge every account of the accepted snapshot and write the rows.

    A run again replaces what has led to nothing yet (a late one only adds what is missing); the
    rows replaced are kept. Must run under the portfolio's lock.
    """
    run_id = _begin_run(conn, book, portfolio_id, business_date, moment)
    again = partitions.exists(conn, decision, portfolio_id, business_date)
    accounts = None
    if not moment.late:
        _forget_unsent(conn, book, portfolio_id, business_date)
    if again:
        standing = _bound(portfolio_id, business_date, moment)
        bound = keep(conn, "bound", standing, index="account_id")
        accounts = select(snapshot.c.account_id).where(
            snapshot.c.portfolio_id == portfolio_id,
            snapshot.c.business_date == business_date,
            snapshot.c.account_id.not_in(select(bound.c.account_id)),
        )
        if not moment.late:
            _forget_tiers(conn, book, portfolio_id, business_date, bound)
    judged = judge(conn, book, portfolio_id, business_date, moment, accounts)
    reached = reach(conn, book, portfolio_id, business_date, judged, moment)
    turn = turns(conn, book, portfolio_id, judged, reached, moment)
    scope = Scope(portfolio_id, business_date, run_id)
    rows = all_rows(book, scope, judged, reached, turn)
    if again:
        write_again(conn, scope, rows, replace=not moment.late)
    else:
        write_first(conn, scope, rows)
    _remember_tiers(conn, book, judged)
    wrote = _count(conn, portfolio_id, business_date, decision.c.run_id == run_id)
    conn.execute(update(run).where(run.c.run_id == run_id).values(decided=wrote))
    counts = counts_of(conn, portfolio_id, business_date) if again else wrote
    return Decided(run_id, business_date, moment, counts, judged, reached, turn)


def _begin_run(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date, moment: Moment
) -> int:
    conn.execute(
        pg_insert(policy_version)
        .values(
            portfolio_id=portfolio_id,
            fingerprint=book.fingerprint,
            document=book.document,
            first_used_at=moment.at,
        )
        .on_conflict_do_nothing()
    )
    version = select(policy_version.c.policy_version_id).where(
        policy_version.c.portfolio_id == portfolio_id,
        policy_version.c.fingerprint == book.fingerprint,
    )
    run_id: int = conn.execute(
        insert(run)
        .values(
            portfolio_id=portfolio_id,
            business_date=business_date,
            policy_version_id=version.scalar_subquery(),
            decided_at=moment.at,
            late=moment.late,
            decided={},
            planned=0,
        )
        .returning(run.c.run_id)
    ).scalar_one()
    return run_id


def _bound(portfolio_id: int, business_date: dt.date, moment: Moment) -> Select[int]:
    """Accounts whose rows of the date stand: they led to something, or this run is late."""
    if moment.late:
        return select(decision.c.account_id).where(
            decision.c.portfolio_id == portfolio_id, decision.c.business_date == business_date
        )
    contacted = (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(contact.c.portfolio_id == portfolio_id, contact.c.business_date == business_date)
    )
    proposed = select(placement.c.account_id).where(
        placement.c.portfolio_id == portfolio_id, placement.c.business_date == business_date
    )
    both = contacted.union(proposed).subquery()
    return select(both.c.account_id)


def _forget_tiers(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date, bound: TableClause
) -> None:
    """A tier to which only those rows led that are about to be replaced was never reached: the
    extract may have been corrected."""
    raised = (
        select(decision.c.account_id)
        .join(episode, episode.c.episode_id == decision.c.episode_id)
        .where(
            decision.c.portfolio_id == portfolio_id,
            decision.c.business_date == business_date,
            tier_rank(book.policy, decision.c.tier)
            == tier_rank(book.policy, episode.c.highest_tier),
            decision.c.account_id.not_in(select(bound.c.account_id)),
        )
    )
    others = decision.c.business_date != business_date
    find_highest_tier(conn, book, portfolio_id, keep(conn, "raised", raised), others)


def _forget_unsent(conn: Connection, book: Book, portfolio_id: int, business_date: dt.date) -> None:
    """The same for rows that stand, where all that they led to ended without having gone out."""
    since = business_date - _WEEK
    dates = conn.execute(came_again(portfolio_id, since)).scalars().all()
    if not dates:
        return
    unsent = (
        select(contact_account.c.account_id)
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(
            contact.c.portfolio_id == portfolio_id,
            contact.c.business_date.in_(dates),
            contact.c.state.in_(NOT_SENT),
        )
    )
    rows = misled(book, portfolio_id, dates).where(decision.c.account_id.in_(unsent))
    find_highest_tier(conn, book, portfolio_id, keep(conn, "unsent", rows))


def _remember_tiers(conn: Connection, book: Book, judged: TableClause) -> None:
    """Keep the highest tier with the episode, where it rose."""
    known = func.coalesce(tier_rank(book.policy, episode.c.highest_tier), -1)
    conn.execute(
        update(episode)
        .where(judged.c.rises, episode.c.episode_id == judged.c.episode_id, judged.c.rank > known)
        .values(highest_tier=tier_of_rank(book.policy, judged.c.rank))
    )


def counts_of(conn: Connection, portfolio_id: int, business_date: dt.date) -> dict[str, int]:
    """The date's rows: action → count."""
    return _count(conn, portfolio_id, business_date, literal(True))


def _count(
    conn: Connection, portfolio_id: int, business_date: dt.date, which: ColumnElement[bool]
) -> dict[str, int]:
    rows = conn.execute(
        select(decision.c.action, func.count())
        .where(
            decision.c.portfolio_id == portfolio_id,
            decision.c.business_date == business_date,
            which,
        )
        .group_by(decision.c.action)
        .order_by(decision.c.action)
    )
    return dict(rows.all())
