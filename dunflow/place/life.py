"""The life of a placement: who may move it from which state to which.

proposed → approved → exported → acknowledged, and then recalled, returned or closed. Before it left
it may be rejected or withdrawn; the receiver may refuse it. Every move leaves an event that says
who did it and why.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from dunflow.config.book import Book
from dunflow.errors import DunflowError
from dunflow.ledger.loads import newest_decided
from dunflow.ledger.scratch import has_rows
from dunflow.ledger.tables import (
    PLACED,
    PLACEMENT_ACTIVE,
    account,
    episode,
    package,
    package_line,
    placement,
    placement_event,
)
from dunflow.place.standing import UNKNOWN, standing, takes_back

APPROVAL, ASKED = "approval", "asked"
MACHINE = "dunflow"
"""Who says so where no person does."""

FROM = {
    "approved": ("proposed",),
    "rejected": ("proposed", "approved"),
    "recalled": PLACED,
    "acknowledged": ("exported",),
    "refused": PLACED,
    "returned": PLACED,
    "closed": PLACED,
}
"""State → the states from which a person or the receiver may move a placement to it."""


class PlacementError(DunflowError):
    """A placement can't be moved so. Names it, the state that it is in, and what can be done."""


@dataclass(frozen=True)
class Chosen:
    """Which placements are meant: all that are active, or those that everything given names."""

    destination: str | None = None
    accounts: tuple[str, ...] | None = None
    business_date: dt.date | None = None
    question: str | None = None
    """What somebody was asked about; of what was proposed later that person did not speak."""


@dataclass(frozen=True)
class Moved:
    """What a move came to: how many by state, and why some could not go, by reason."""

    counts: dict[str, int]
    refused: dict[str, int]


def active(portfolio_id: int, chosen: Chosen, states: tuple[str, ...]) -> Select[int]:
    """`placement_id` of the placements in these states that are meant."""
    rows = select(placement.c.placement_id).where(
        placement.c.portfolio_id == portfolio_id, placement.c.state.in_(states)
    )
    if chosen.destination is not None:
        rows = rows.where(placement.c.destination == chosen.destination)
    if chosen.business_date is not None:
        rows = rows.where(placement.c.business_date == chosen.business_date)
    if chosen.question is not None:
        rows = rows.where(
            exists().where(
                placement_event.c.placement_id == placement.c.placement_id,
                placement_event.c.event == ASKED,
                placement_event.c.reason == chosen.question,
            )
        )
    if chosen.accounts is not None:
        named = select(account.c.account_id).where(
            account.c.portfolio_id == portfolio_id, account.c.account_ref.in_(chosen.accounts)
        )
        rows = rows.where(placement.c.account_id.in_(named))
    return rows


def of_destination(
    known: dict[str, int], destination: ColumnElement[str], otherwise: int
) -> ColumnElement[int]:
    return case(known, value=destination, else_=otherwise) if known else literal(otherwise)


def reject(
    conn: Connection, portfolio_id: int, chosen: Chosen, reason: str, by: str, now: dt.datetime
) -> Moved:
    """Turn proposals down; also approved ones, as long as none of them is being delivered."""
    which = active(portfolio_id, chosen, FROM["rejected"])
    _refuse_while_delivered(conn, portfolio_id, which)
    return _moved(conn, which, "rejected", reason, by, now)


def end(
    conn: Connection,
    portfolio_id: int,
    chosen: Chosen,
    state: str,
    reason: str | None,
    by: str,
    now: dt.datetime,
) -> Moved:
    """Move what the receiver has: `recalled` by us; `acknowledged`, `refused`, `returned`, `closed`
    as the receiver says."""
    which = active(portfolio_id, chosen, FROM[state])
    return _moved(conn, which, state, reason, by, now)


def take_back(
    conn: Connection, book: Book, portfolio_id: int, business_date: dt.date, now: dt.datetime
) -> int:
    """Recall what has left and was paid or is held since; how many."""
    which = active(portfolio_id, Chosen(), PLACED)
    if not has_rows(conn, which):
        return 0
    stands = standing(conn, book, portfolio_id, business_date, now, which)
    back = select(stands.c.placement_id, stands.c.refusal).where(takes_back(stands.c.refusal))
    return move_with_reasons(conn, back, "recalled", PLACED, now)


def withdraw_refused(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    which: Select[int],
    now: dt.datetime,
) -> dict[str, int]:
    """Withdraw those of `which` that may not leave; reason → count. Unknown ones wait."""
    stands = standing(conn, book, portfolio_id, business_date, now, which)
    no = select(stands.c.placement_id, stands.c.refusal).where(stands.c.refusal.is_not(None))
    counted = no.subquery()
    found = conn.execute(
        select(counted.c.refusal, func.count()).group_by(counted.c.refusal).order_by("refusal")
    )
    reasons: dict[str, int] = dict(found.all())
    gone = no.where(stands.c.refusal != UNKNOWN)
    move_with_reasons(conn, gone, "withdrawn", ("proposed", "approved"), now)
    return reasons


def withdraw_overtaken(conn: Connection, portfolio_id: int, now: dt.datetime) -> int:
    """Withdraw what never left and belongs to an episode that is over, where a new one has begun;
    or to none any more, since a corrected date had never begun it.

    Else the account would stay silent for the sake of a proposal about a debt that was paid.
    """
    newer = episode.alias("newer")
    overtaken = (
        select(placement.c.placement_id)
        .outerjoin(episode, episode.c.episode_id == placement.c.episode_id)
        .where(
            placement.c.portfolio_id == portfolio_id,
            placement.c.state.in_(("proposed", "approved")),
            or_(episode.c.episode_id.is_(None), episode.c.ended_on.is_not(None)),
            exists().where(
                newer.c.account_id == placement.c.account_id,
                newer.c.ended_on.is_(None),
            ),
            ~_being_delivered(),
        )
    )
    return move(
        conn, overtaken, "withdrawn", ("proposed", "approved"), "episode_over", MACHINE, now
    )


def move(
    conn: Connection,
    which: Select[int],
    state: str,
    from_states: tuple[str, ...],
    reason: str | None,
    by: str,
    now: dt.datetime,
) -> int:
    """Move placements to `state`, each with an event; how many. Others are left as they are."""
    with_reason = select(which.subquery().c.placement_id, literal(reason, Text).label("refusal"))
    return move_with_reasons(conn, with_reason, state, from_states, now, by)


def move_with_reasons(
    conn: Connection,
    which: Select[int, str],
    state: str,
    from_states: tuple[str, ...],
    now: dt.datetime,
    by: str = MACHINE,
) -> int:
    """`which` gives `placement_id, refusal`."""
    moving = which.subquery("moving")
    ended = now if state not in PLACEMENT_ACTIVE else None
    moved = (
        update(placement)
        .where(
            placement.c.placement_id == moving.c.placement_id, placement.c.state.in_(from_states)
        )
        .values(state=state, reason=moving.c.refusal, ended_at=ended)
        .returning(placement.c.placement_id, placement.c.reason)
        .cte("moved")
    )
    told = insert(placement_event).from_select(
        ["placement_id", "event", "reason", "happened_at", "told_by"],
        select(
            moved.c.placement_id,
            literal(state, Text),
            moved.c.reason,
            literal(now),
            literal(by, Text),
        ),
    )
    return conn.execute(told.execution_options(preserve_rowcount=True)).rowcount


def note(
    conn: Connection,
    which: Select[int],
    event: str,
    reason: ColumnElement[str],
    by: str,
    now: dt.datetime,
) -> None:
    """An event that changes no state by itself. `reason` may tell placements apart."""
    conn.execute(
        insert(placement_event).from_select(
            ["placement_id", "event", "reason", "happened_at", "told_by"],
            select(
                placement.c.placement_id,
                literal(event, Text),
                reason,
                literal(now),
                literal(by, Text),
            ).where(placement.c.placement_id.in_(which)),
        )
    )


def _moved(
    conn: Connection, which: Select[int], state: str, reason: str | None, by: str, now: dt.datetime
) -> Moved:
    return Moved({state: move(conn, which, state, FROM[state], reason, by, now)}, {})


def require_decided(conn: Connection, book: Book, portfolio_id: int) -> dt.date:
    found = newest_decided(conn, portfolio_id)
    if found is None:
        raise PlacementError(
            f"{book.name}: no business date was decided yet, so nothing can be placed; "
            f"run one: dunflow day {book.name} DATE"
        )
    return found


def _being_delivered() -> ColumnElement[bool]:
    """In a package of which nobody knows yet whether it arrived."""
    return exists().where(
        and_(
            package_line.c.placement_id == placement.c.placement_id,
            package.c.package_id == package_line.c.package_id,
            package.c.kind == "placement",
            package.c.delivered_at.is_(None),
        )
    )


def _refuse_while_delivered(conn: Connection, portfolio_id: int, which: Select[int]) -> None:
    reference = conn.execute(
        select(package.c.reference)
        .join(package_line, package_line.c.package_id == package.c.package_id)
        .where(
            package.c.portfolio_id == portfolio_id,
            package.c.delivered_at.is_(None),
            package_line.c.placement_id.in_(which),
        )
        .limit(1)
    ).scalar()
    if reference is not None:
        raise PlacementError(
            f"package {reference} was begun, and nobody knows yet whether it arrived: "
            "run `dunflow placements PORTFOLIO export` first, then recall what has left"
        )
