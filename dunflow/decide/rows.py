"""The decision rows of a date, in the order of the table's columns."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Date,
    Select,
    SmallInteger,
    TableClause,
    Text,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    select,
)

from dunflow.assess.ladder_rows import unknown_on
from dunflow.assess.tier_rank import tier_of_rank
from dunflow.config.book import Book
from dunflow.ledger.tables import decision, episode, snapshot


@dataclass(frozen=True)
class Scope:
    """Which rows are being written: of one portfolio, date and run."""

    portfolio_id: int
    business_date: dt.date
    run_id: int


def all_rows(
    book: Book, scope: Scope, judged: TableClause, reached: TableClause, turn: TableClause
) -> CompoundSelect[Any]:
    """Every row of the date: accounts in the snapshot, unreadable ones, those that left."""
    return _judged_rows(book, scope, judged, reached, turn).union_all(
        _quarantined(scope), _cured(scope)
    )


def _judged_rows(
    book: Book,
    scope: Scope,
    judged: TableClause,
    reached: TableClause,
    turn: TableClause,
) -> Select[Any]:
    """The rows of the accounts in the snapshot, in the order of `decision`'s columns."""
    j = judged.c
    goes = turn.c.reason.in_(("step_due", "covered"))
    reason = func.coalesce(j.reason, reached.c.reason, turn.c.reason)
    action = case(
        (j.action.is_not(None), j.action),
        (goes, literal("send", Text)),
        else_=literal("suppress", Text),
    )
    settled = j.reason == "settled"
    steps = [(j.due == number, step.step) for number, step in enumerate(book.policy.ladder)]
    step = case(
        (settled, null()), *[(test, literal(name, Text)) for test, name in steps], else_=null()
    )
    leads = turn.c.reason == "step_due"
    return (
        select(
            literal(scope.portfolio_id, SmallInteger),
            cast(literal(scope.business_date), Date),
            j.account_id,
            j.customer_id,
            j.episode_id,
            literal(scope.run_id),
            action,
            reason,
            case((settled, null()), else_=tier_of_rank(book.policy, j.rank)),
            step,
            j.dpd,
            j.overdue,
            j.currency,
            case((leads, reached.c.channel), else_=null()),
            case((leads, reached.c.not_before_at), else_=null()),
        )
        .select_from(judged)
        .outerjoin(reached, reached.c.account_id == j.account_id)
        .outerjoin(turn, turn.c.account_id == j.account_id)
    )


def _bare_row(
    scope: Scope,
    account_id: ColumnElement[int],
    episode_id: ColumnElement[int],
    action: str,
    reason: str,
) -> Select[Any]:
    blank: dict[str, ColumnElement[Any]] = {
        "portfolio_id": literal(scope.portfolio_id, SmallInteger),
        "business_date": cast(literal(scope.business_date), Date),
        "account_id": account_id,
        "episode_id": episode_id,
        "run_id": literal(scope.run_id),
        "action": literal(action, Text),
        "reason": literal(reason, Text),
    }
    return select(
        *[
            blank.get(column.name, cast(null(), column.type)).label(column.name)
            for column in decision.columns
        ]
    )


def _quarantined(scope: Scope) -> Select[Any]:
    """Accounts whose rows could not be read: unknown, so nothing is planned for them."""
    unknown = unknown_on(scope.portfolio_id, scope.business_date).subquery("unknown")
    return _bare_row(
        scope, unknown.c.account_id, cast(null(), BigInteger), "wait", "quarantined"
    ).select_from(unknown)


def _cured(scope: Scope) -> Select[Any]:
    """Accounts that left the ladder and the snapshot on this date; once per episode."""
    there = exists().where(
        snapshot.c.portfolio_id == scope.portfolio_id,
        snapshot.c.business_date == scope.business_date,
        snapshot.c.account_id == episode.c.account_id,
    )
    later = episode.alias("later")
    said = exists().where(
        decision.c.portfolio_id == scope.portfolio_id,
        decision.c.business_date > scope.business_date,
        decision.c.account_id == episode.c.account_id,
        decision.c.action == "cured",
        ~exists().where(
            later.c.account_id == episode.c.account_id,
            later.c.started_on > scope.business_date,
            later.c.started_on < decision.c.business_date,
        ),
    )
    return (
        _bare_row(scope, episode.c.account_id, episode.c.episode_id, "cured", "cured")
        .select_from(episode)
        .where(
            episode.c.portfolio_id == scope.portfolio_id,
            episode.c.ended_on == scope.business_date,
            episode.c.started_on < scope.business_date,
            ~there,
            ~said,
        )
    )
