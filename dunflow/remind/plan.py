"""Contacts into the outbox: one per leading account, with the accounts that it names."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Numeric,
    Select,
    SmallInteger,
    Text,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import REGCLASS

from dunflow.config.book import Book
from dunflow.decide.decide import Decided
from dunflow.ledger.tables import account, contact, contact_account, run

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Of references: no letter that is taken for a digit, nor the other way round."""


def plan(conn: Connection, book: Book, portfolio_id: int, decided: Decided) -> int:
    """Put the decided contacts into the outbox; how many.

    Must be part of the deciding transaction. A contact that would do a step twice is refused by the
    ledger's unique key.
    """
    if decided.moment.late:
        return 0
    planned = _insert_contacts(conn, book, portfolio_id, decided)
    _insert_accounts(conn, book, decided)
    # Claims look contacts up by the thousand, and the planner must know that they are there.
    conn.execute(text("ANALYZE contact, contact_account, episode"))
    conn.execute(update(run).where(run.c.run_id == decided.run_id).values(planned=planned))
    return planned


def _insert_contacts(conn: Connection, book: Book, portfolio_id: int, decided: Decided) -> int:
    j, r, t = decided.judged.c, decided.reached.c, decided.turn.c
    leading = (
        select(decided.judged, r.channel, r.not_before_at, account.c.account_ref)
        .join_from(decided.turn, decided.judged, j.account_id == t.account_id)
        .join(decided.reached, r.account_id == t.account_id)
        .join(account, account.c.account_id == t.account_id)
        .where(t.reason == "step_due")
        # Numbers rise from severe to mild, so that the outbox is read in that order.
        .order_by(j.rank.desc(), j.dpd.desc(), j.overdue.desc(), account.c.account_ref)
        .subquery("leading")
    )
    numbered = select(
        func.nextval(cast(func.pg_get_serial_sequence("contact", "contact_id"), REGCLASS)).label(
            "contact_id"
        ),
        leading,
    ).subquery("numbered")
    n = numbered.c
    at = decided.moment.at
    columns: dict[str, ColumnElement[Any]] = {
        "contact_id": n.contact_id,
        "portfolio_id": literal(portfolio_id),
        "business_date": literal(decided.business_date),
        "customer_id": n.customer_id,
        "account_id": n.account_id,
        "reference": _reference(n.contact_id),
        "step": _of_step(book, n.due, "step"),
        "channel": n.channel,
        "template": _of_step(book, n.due, "template"),
        "purpose": _of_step(book, n.due, "purpose"),
        "severity": n.rank,
        "amount": n.overdue,
        "currency": n.currency,
        "state": literal("planned"),
        "not_before_at": n.not_before_at,
        "expires_at": literal(book.portfolio.calendar.lives_until(decided.business_date)),
        "planned_at": literal(at),
        "run_id": literal(decided.run_id),
    }
    contacts = insert(contact).from_select(list(columns), select(*columns.values()))
    return conn.execute(contacts.execution_options(preserve_rowcount=True)).rowcount


def _insert_accounts(conn: Connection, book: Book, decided: Decided) -> None:
    """The leading account and those covered, each with its step; then those only listed."""
    j, t = decided.judged.c, decided.turn.c
    stepping = (
        _named(
            decided,
            step=_of_step(book, j.due, "step"),
            repetition=j.repetition,
        )
        .join(decided.turn, t.leader_id == contact.c.account_id)
        .join(decided.judged, j.account_id == t.account_id)
        .where(t.reason.in_(("step_due", "covered")))
    )
    _insert_named(conn, stepping)
    if book.policy.per_customer == "per_account":
        return
    listed = (
        _named(decided, step=cast(null(), Text), repetition=cast(null(), SmallInteger))
        .join(
            decided.judged,
            and_(
                j.customer_id == contact.c.customer_id,
                j.currency == contact.c.currency,
                j.account_id != contact.c.account_id,
            ),
        )
        .outerjoin(decided.turn, t.account_id == j.account_id)
        .where(
            contact.c.purpose != "notice",
            j.quiet.is_(None),
            j.dpd >= 1,
            func.coalesce(t.reason, "") != "covered",
        )
    )
    _insert_named(conn, listed)


def _named(
    decided: Decided,
    *,
    step: ColumnElement[str],
    repetition: ColumnElement[int],
) -> Select[Any]:
    j = decided.judged.c
    return (
        select(
            contact.c.contact_id,
            j.account_id,
            j.episode_id,
            j.episode_id,
            step,
            repetition,
            j.overdue,
            true(),
        )
        .select_from(contact)
        .where(contact.c.run_id == decided.run_id)
    )


def _insert_named(conn: Connection, rows: Select[Any]) -> None:
    columns = [
        "contact_id",
        "account_id",
        "episode_id",
        "ladder_episode_id",
        "step",
        "repetition",
        "amount",
        "occupies",
    ]
    conn.execute(insert(contact_account).from_select(columns, rows))


def _of_step(book: Book, due: ColumnElement[int], key: str) -> ColumnElement[str]:
    return case(
        *[
            (due == number, literal(getattr(step, key), Text))
            for number, step in enumerate(book.policy.ladder)
        ],
        else_=null(),
    )


def _reference(contact_id: ColumnElement[int]) -> ColumnElement[str]:
    """Seven letters and digits that differ for each number, and don't tell how many there are.

    Multiplying by an odd number modulo a power of two maps every number to another one.
    """
    scattered = cast(
        func.mod(cast(contact_id, Numeric) * 29_996_224_275, literal(2**35, BigInteger)), BigInteger
    )
    letters = [
        func.substr(ALPHABET, cast(scattered // 32**place % 32, Integer) + 1, 1)
        for place in range(7)
    ]
    return func.concat(*letters)
