"""Questions to the providers: whether they have what is in doubt, and what became of the accepted.

As with claims: take the questions under a lease and commit, ask, record. What was learnt is settled
only where the contact is still as it was when the question was taken.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    SmallInteger,
    and_,
    exists,
    func,
    literal,
    null,
    select,
    update,
)

from dunflow.config.book import Book
from dunflow.ledger.given import among, given
from dunflow.ledger.tables import Instant, contact
from dunflow.remind import outbox, rates, receipts
from dunflow.remind.schedule import (
    ASK_AT_MOST,
    EVENTS_WITHIN,
    EXPLAIN_WITHIN,
    ask_again_at,
    next_look_at,
    next_result_at,
)
from dunflow.remind.senders.outcome import (
    Absent,
    Answer,
    OneOf,
    Question,
    Seen,
    Silent,
    Unclear,
    Unexplained,
)

LEASE = dt.timedelta(seconds=90)
MOST = {"sms": 100, "email": 80, "voice": 50}
"""Questions at a time: for email what one query holds, of which SendGrid takes six a minute; else,
where each is a call of its own, what a lease is long enough for though nobody answers."""
ASKED = ("in_doubt", "accepted")
ONE_BY_ONE = 20
"""Up to so many results are asked for one by one; more are read from the provider's list."""


@dataclass(frozen=True)
class Asked:
    """A question that this worker holds, and the contact as it was when it was taken."""

    question: Question
    channel: str
    state: str
    attempt: int
    asked: int
    since: dt.datetime


def take(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    channel: str,
    now: dt.datetime,
    states: Sequence[str] = ASKED,
) -> list[Asked]:
    """Take the questions that are due about contacts in these states, one state after the other;
    others wait until they are asked."""
    rows: list[Row[*tuple[Any, ...]]] = []
    for state in states:
        due = _is_due(portfolio_id, channel, state, now)
        rows += _contacts(conn, due, MOST[channel] - len(rows))
    # All workers together stay below the limit. Without a turn nothing was taken.
    if not rows or (channel == "email" and not rates.take_query(conn, book, now)):
        return []
    taken = [row.contact_id for row in rows]
    conn.execute(
        update(contact).where(among(contact.c.contact_id, taken)).values(ask_at=now + LEASE)
    )
    return [_asked(row, channel) for row in rows]


def _asked(row: Row[*tuple[Any, ...]], channel: str) -> Asked:
    # A call bears no reference, so those before the attempt must not be taken for it.
    since = row.claimed_at if channel == "voice" else row.planned_at
    question = Question(row.contact_id, row.reference, row.address, row.provider_id, since)
    return Asked(question, channel, row.state, row.attempts, row.asked, row.claimed_at)


def are_many(conn: Connection, portfolio_id: int, channel: str, now: dt.datetime) -> bool:
    """Whether so many results are due that it is better to read the provider's own list."""
    due = _is_due(portfolio_id, channel, "accepted", now)
    few = select(contact.c.contact_id).where(due).limit(ONE_BY_ONE + 1).subquery()
    return conn.execute(select(func.count()).select_from(few)).scalar_one() > ONE_BY_ONE


def oldest_due(conn: Connection, portfolio_id: int, channel: str, now: dt.datetime) -> dt.datetime:
    """Since when those were sent whose results are due; `now` if there are none."""
    due = _is_due(portfolio_id, channel, "accepted", now)
    return conn.execute(select(func.min(contact.c.planned_at)).where(due)).scalar_one() or now


def listed(
    conn: Connection, portfolio_id: int, channel: str, page: Sequence[Seen], now: dt.datetime
) -> list[tuple[Asked, Answer]]:
    """What a page of the provider's list answers of the questions that are due."""
    told = {str(seen.provider_id): seen for seen in page}
    due = _is_due(portfolio_id, channel, "accepted", now)
    rows = _contacts(conn, and_(due, among(contact.c.provider_id, list(told))), len(told))
    return [(_asked(row, channel), told[row.provider_id]) for row in rows]


def next_turn_at(
    conn: Connection, book: Book, portfolio_id: int, channel: str, now: dt.datetime
) -> dt.datetime | None:
    """When the provider may be asked what is due by now; None: nothing is."""
    due = exists().where(
        contact.c.portfolio_id == portfolio_id,
        contact.c.state.in_(ASKED),
        contact.c.channel == channel,
        contact.c.ask_at <= now,
    )
    turn_at = rates.next_query_at(book, now) if channel == "email" else null()
    found = conn.execute(select(func.coalesce(turn_at, literal(now, Instant))).where(due))
    return found.scalar_one_or_none()


def _is_due(portfolio_id: int, channel: str, state: str, now: dt.datetime) -> ColumnElement[bool]:
    return and_(
        contact.c.portfolio_id == portfolio_id,
        contact.c.state == state,
        contact.c.channel == channel,
        contact.c.ask_at <= now,
    )


def _contacts(
    conn: Connection, which: ColumnElement[bool], most: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Up to `most` of these contacts, the longest due first; none that another worker holds."""
    return conn.execute(
        select(
            contact.c.contact_id,
            contact.c.reference,
            contact.c.address,
            contact.c.provider_id,
            contact.c.planned_at,
            contact.c.claimed_at,
            contact.c.state,
            contact.c.attempts,
            contact.c.asked,
        )
        .where(which)
        .order_by(contact.c.ask_at, contact.c.contact_id)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()


def record(
    conn: Connection,
    book: Book,
    answers: Sequence[tuple[Asked, Answer]],
    now: dt.datetime,
) -> dict[str, int]:
    """Settle what was learnt; state that a contact in doubt came to → count."""
    answers = [
        (asked, _as_far_as_known(asked, answer, now))
        for asked, answer in _told_apart(conn, answers)
    ]
    seen = [(asked, answer) for asked, answer in answers if isinstance(answer, Seen)]
    receipts.take(conn, book, [(each.question.contact_id, answer) for each, answer in seen], now)
    counts: dict[str, int] = {}
    for asked, _ in seen:
        if asked.state == "in_doubt":
            counts["accepted"] = counts.get("accepted", 0) + 1
    open_results = [(each, answer) for each, answer in answers if each.state == "accepted"]
    _ask_for_results(conn, open_results, now)
    doubtful = [(asked, answer) for asked, answer in answers if asked.state == "in_doubt"]
    for asked, answer in doubtful:
        state = _resolve(conn, asked, answer, now)
        if state:
            counts[state] = counts.get(state, 0) + 1
    return counts


def _told_apart(
    conn: Connection, answers: Sequence[tuple[Asked, Answer]]
) -> list[tuple[Asked, Answer]]:
    """Of what bears no reference, ours is what belongs to no other contact.

    There is at most one contact in doubt for a number (see lines.py), so what is left is its own.
    """
    ids = [
        each.provider_id
        for _, answer in answers
        if isinstance(answer, OneOf)
        for each in answer.seen
    ]
    if not ids:
        return list(answers)
    owners = dict(
        conn.execute(
            select(contact.c.provider_id, contact.c.contact_id).where(
                contact.c.provider_id.in_(ids)
            )
        ).all()
    )

    def narrowed(asked: Asked, answer: Answer) -> Answer:
        if not isinstance(answer, OneOf):
            return answer
        mine = asked.question.contact_id
        left = [each for each in answer.seen if owners.get(str(each.provider_id), mine) == mine]
        return replace(left[0], twice=len(left) > 1) if left else Absent()

    return [(asked, narrowed(asked, answer)) for asked, answer in answers]


def _as_far_as_known(asked: Asked, answer: Answer, now: dt.datetime) -> Answer:
    """Why it did not arrive may say that nothing will arrive there, or that the sender is at fault.
    So that is asked for again, and until then it was only accepted."""
    if not isinstance(answer, Unexplained):
        return answer
    if now - asked.since >= EXPLAIN_WITHIN:
        return answer.seen
    if asked.state == "in_doubt":
        return replace(answer.seen, result="accepted", code=None, blames=None)
    return Unclear("its turn comes")


def _ask_for_results(
    conn: Connection, answers: list[tuple[Asked, Answer]], now: dt.datetime
) -> None:
    """Those whose result is still open are asked about again, ever more rarely."""
    rows = []
    for each, answer in answers:
        count, again_at = each.asked + 1, next_result_at(each.asked + 1, now)
        if isinstance(answer, Unclear) and now - each.since < ASK_AT_MOST:
            count, again_at = each.asked, ask_again_at(each.since, answer.retry_after_s, now)
        rows.append({"of": each.question.contact_id, "asked": count, "again_at": again_at})
    if rows:
        later = given("later", {"of": BigInteger, "asked": SmallInteger, "again_at": Instant}, rows)
        conn.execute(
            update(contact)
            .where(contact.c.contact_id == later.c.of, contact.c.state == "accepted")
            .values(asked=later.c.asked, ask_at=later.c.again_at)
        )


def _resolve(conn: Connection, asked: Asked, answer: Answer, now: dt.datetime) -> str | None:
    """What a contact in doubt comes to by an answer that did not find it; None: still in doubt."""
    waited = now - asked.since
    match answer:
        case Absent():
            looked = asked.asked + 1
            again_at = next_look_at(asked.channel, looked, now)
            if again_at is None:
                return outbox.plan_again(conn, _still(asked), now)
            _move(conn, asked, asked=looked, ask_at=again_at)
        case Silent() if waited < EVENTS_WITHIN:
            _move(conn, asked, ask_at=asked.since + EVENTS_WITHIN)
        case Unclear(_, retry_after_s) if waited < ASK_AT_MOST:
            _move(conn, asked, ask_at=ask_again_at(asked.since, retry_after_s, now))
        case Silent() | Unclear():
            return "parked" if _move(conn, asked, state="parked", ask_at=None) else None
    return None


def _move(conn: Connection, held: Asked, **values: object) -> str | None:
    """The state that it has now; None if something else settled it since the question was taken."""
    moved = conn.execute(
        update(contact).where(_still(held)).values(**values).returning(contact.c.state)
    )
    state: str | None = moved.scalar()
    return state


def _still(held: Asked) -> ColumnElement[bool]:
    """It is as it was when the question was taken."""
    return and_(
        contact.c.contact_id == held.question.contact_id,
        contact.c.state == "in_doubt",
        contact.c.attempts == held.attempt,
    )
