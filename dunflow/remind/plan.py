"""Contacts into the outbox: one per leading account, with the accounts that it names."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Select,
    SmallInteger,
    TableClause,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    insert,
    literal,
    literal_column,
    null,
    select,
    table,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import REGCLASS

from dunflow.config.book import Book
from dunflow.decide.decide import Decided
from dunflow.ledger.references import reference_of, scattered
from dunflow.ledger.scratch import has_rows, keep
from dunflow.ledger.tables import contact, contact_account, run

_MANY = 1_000

_COLUMNS = (
    "contact_id",
    "account_id",
    "episode_id",
    "ladder_episode_id",
    "step",
    "repetition",
    "amount",
    "occupies",
)


def plan(conn: Connection, book: Book, portfolio_id: int, decided: Decided) -> int:
    """Put the decided contacts into the outbox; how many.

    Must be part of the deciding transaction. A contact that would do a step twice is refused by the
    ledger's unique key.
    """
    leads = select(decided.turn).where(decided.turn.c.reason == "step_due")
    if decided.moment.late or not has_rows(conn, leads):
        return 0
    outgoing = _number(conn, decided)
    planned = _insert_contacts(conn, book, portfolio_id, decided, outgoing)
    _insert_accounts(conn, book, decided, outgoing)
    if planned >= _MANY:
        _tell_planner(conn, planned)
    conn.execute(update(run).where(run.c.run_id == decided.run_id).values(planned=planned))
    return planned


def _number(conn: Connection, decided: Decided) -> TableClause:
    """The leading accounts, each with the number of its contact.

    Numbers rise from severe to mild, so that the outbox is read in that order.
    """
    t = decided.turn.c
    leading = (
        select(decided.turn)
        .where(t.reason == "step_due")
        .order_by(t.rank.desc(), t.dpd.desc(), t.overdue.desc(), t.account_ref)
        .subquery("leading")
    )
    sequence = select(func.pg_get_serial_sequence("contact", "contact_id")).scalar_subquery()
    number = func.nextval(cast(sequence, REGCLASS)).label("contact_id")
    return keep(conn, "outgoing", select(number, leading))


def _insert_contacts(
    conn: Connection, book: Book, portfolio_id: int, decided: Decided, outgoing: TableClause
) -> int:
    numbered = (
        select(outgoing, scattered(outgoing.c.contact_id).label("scattered"))
        .offset(literal_column("0"))  # so that it is computed once for all letters of a reference
        .subquery("numbered")
    )
    o = numbered.c
    columns: dict[str, ColumnElement[Any]] = {
        "contact_id": o.contact_id,
        "portfolio_id": literal(portfolio_id),
        "business_date": literal(decided.business_date),
        "customer_id": o.customer_id,
        "account_id": o.account_id,
        "reference": reference_of(o.scattered),
        "step": _of_step(book, o.due, "step"),
        "channel": o.channel,
        "template": _of_step(book, o.due, "template"),
        "purpose": _of_step(book, o.due, "purpose"),
        "severity": o.rank,
        "amount": o.overdue,
        "currency": o.currency,
        "state": literal("planned"),
        "not_before_at": o.not_before_at,
        "expires_at": literal(book.portfolio.calendar.lives_until(decided.business_date)),
        "planned_at": literal(decided.moment.at),
        "run_id": literal(decided.run_id),
    }
    rows = select(*columns.values()).order_by(o.contact_id)
    contacts = insert(contact).from_select(list(columns), rows)
    return conn.execute(contacts.execution_options(preserve_rowcount=True)).rowcount


def _insert_accounts(conn: Connection, book: Book, decided: Decided, outgoing: TableClause) -> None:
    """The leading account and those covered, each with its step; then those only listed."""
    j, t = decided.judged.c, decided.turn.c
    stepping = (
        _named(outgoing, decided.turn, step=_of_step(book, t.due, "step"), repetition=t.repetition)
        .join(decided.turn, t.leader_id == outgoing.c.account_id)
        .where(t.reason.in_(("step_due", "covered")))
    )
    # In the order of accounts, as most of the indexes are: else each row goes to a page of its own.
    conn.execute(insert(contact_account).from_select(_COLUMNS, stepping.order_by(t.account_id)))
    if book.policy.per_customer == "per_account":
        return
    notices = [number for number, step in enumerate(book.policy.ladder) if step.purpose == "notice"]
    listed = (
        _named(
            outgoing,
            decided.judged,
            step=cast(null(), Text),
            repetition=cast(null(), SmallInteger),
        )
        .join(
            decided.judged,
            and_(
                j.customer_id == outgoing.c.customer_id,
                j.currency == outgoing.c.currency,
                j.account_id != outgoing.c.account_id,
            ),
        )
        .outerjoin(decided.turn, t.account_id == j.account_id)
        .where(
            outgoing.c.due.not_in(notices),
            j.quiet.is_(None),
            j.dpd >= 1,
            func.coalesce(t.reason, "") != "covered",
        )
    )
    conn.execute(insert(contact_account).from_select(_COLUMNS, listed.order_by(j.account_id)))


def _named(
    outgoing: TableClause,
    accounts: TableClause,
    *,
    step: ColumnElement[str],
    repetition: ColumnElement[int],
) -> Select[Any]:
    a = accounts.c
    return select(
        outgoing.c.contact_id,
        a.account_id,
        a.episode_id,
        a.episode_id,
        step,
        repetition,
        a.overdue,
        true(),
    ).select_from(outgoing)


def _tell_planner(conn: Connection, planned: int) -> None:
    """Where the outbox grew a lot: claims look contacts up by the thousand.

    Without it the planner takes the tables for as small as they were.
    """
    known = select(func.max(_pg_class.c.reltuples)).where(
        _pg_class.c.oid == cast(literal(contact.name), REGCLASS)
    )
    if planned > conn.execute(known).scalar_one() / 2:
        conn.execute(text("ANALYZE contact, contact_account"))


_pg_class = table("pg_class", column("oid", REGCLASS), column("reltuples", Float))


def _of_step(book: Book, due: ColumnElement[int], key: str) -> ColumnElement[str]:
    names = {
        number: literal(getattr(step, key), Text) for number, step in enumerate(book.policy.ladder)
    }
    return case(names, value=due, else_=null()) if names else cast(null(), Text)
