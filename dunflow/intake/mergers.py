"""Several ids of the lender's for one person: from now on they are counted as the one they are.

The number of the id that stays is what snapshots, contacts, holds and opt-outs carry. The row of
the other id stays, since the source goes on delivering it, and points there.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    MetaData,
    Table,
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
from sqlalchemy.dialects.postgresql import insert as pg_insert

from dunflow.intake.given import Given
from dunflow.ledger.scratch import PREFIX
from dunflow.ledger.tables import (
    ACTUAL,
    IN_FLIGHT,
    consent,
    contact,
    contact_change,
    conversation,
    credit,
    customer,
    hold,
    merger,
    opt_out,
    placement,
    reply,
    snapshot,
)
from dunflow.remind import outbox

# Who goes, and who that is from now on.
_move = Table(
    "move",
    MetaData(),
    Column("old_id", BigInteger),
    Column("new_id", BigInteger),
    Column("reason", Text),
    prefixes=[PREFIX],
)


def take_mergers(given: Given) -> int:
    """Let each customer be the one into whom they are merged; how many were two until now."""
    r, conn = given.rows.c, given.conn
    pairs = conn.execute(select(r.customer, r.into, r.reason).order_by(r.line)).all()
    moves = _roots([(old, new) for old, new, _ in pairs])
    reasons = {old: reason for old, _, reason in pairs}
    if not moves:
        return 0
    _move.create(conn)
    conn.execute(
        insert(_move),
        [{"old_id": old, "new_id": new, "reason": reasons.get(old)} for old, new in moves.items()],
    )
    _note(given)
    _point_on(given)
    for column in (contact.c.customer_id, credit.c.customer_id, hold.c.customer_id):
        _hand_over(given, column)
    for column in (hold.c.of_customer_id, placement.c.customer_id):
        _hand_over(given, column)
    for column in (reply.c.customer_id, contact_change.c.customer_id):
        _hand_over(given, column)
    c = consent.c
    _hand_over_once(given, c.consent_id, c.customer_id, [c.channel, c.basis, c.given_at])
    talk = conversation.c
    _hand_over_once(given, talk.conversation_id, talk.customer_id, [talk.held_at])
    o = opt_out.c
    _hand_over_once(given, o.opt_out_id, o.customer_id, [o.channel], o.lifted_at.is_(None))
    _hand_over(given, o.customer_id, o.lifted_at.is_not(None))
    if given.newest is not None:
        here = snapshot.c.portfolio_id == given.portfolio_id
        _hand_over(given, snapshot.c.customer_id, here, snapshot.c.business_date >= given.newest)
    if given.book.policy.per_customer == "one_per_day":
        _cancel_surplus(given)
    return len(moves)


def _roots(pairs: Iterable[Any]) -> dict[int, int]:
    """Old number → the one that stays, through chains; what is one already is left out."""
    into: dict[int, int] = {}

    def root(number: int) -> int:
        while number in into:
            number = into[number]
        return number

    for old, new in pairs:
        goes, stays = root(old), root(new)
        if goes != stays:
            into[goes] = stays
    return {old: root(old) for old in into}


def _note(given: Given) -> None:
    told = select(given.portfolio, _move.c.old_id, _move.c.new_id, literal(given.now))
    rows = told.add_columns(literal(given.by), _move.c.reason)
    names = ["portfolio_id", "customer_id", "into_id", "merged_at", "merged_by", "reason"]
    given.conn.execute(pg_insert(merger).from_select(names, rows).on_conflict_do_nothing())


def _point_on(given: Given) -> None:
    """The rows of the ids that go point to the person, who is reached as either of them was."""
    goes = or_(customer.c.customer_id == _move.c.old_id, customer.c.merged_into == _move.c.old_id)
    given.conn.execute(update(customer).where(goes).values(merged_into=_move.c.new_id))
    other = customer.alias("other")

    def lent(column: str, by: str) -> ColumnElement[Any]:
        """What the first of those who go has in `column`, of those who have `by`."""
        return (
            select(other.c[column])
            .join(_move, _move.c.old_id == other.c.customer_id)
            .where(_move.c.new_id == customer.c.customer_id, other.c[by].is_not(None))
            .order_by(other.c.customer_id)
            .limit(1)
            .correlate(customer)
            .scalar_subquery()
        )

    known: dict[str, ColumnElement[Any]] = {
        name: func.coalesce(customer.c[name], lent(name, name))
        for name in ("name", "phone", "email", "address", "language", "time_zone")
    }
    for name in ("phone", "address"):
        zones = f"{name}_zones"
        known[zones] = case(
            (customer.c[name].is_(None), lent(zones, name)), else_=customer.c[zones]
        )
    stays = customer.c.customer_id.in_(select(_move.c.new_id))
    given.conn.execute(update(customer).where(stays).values(known))


def _hand_over(given: Given, column: Column[Any], *which: ColumnElement[bool]) -> None:
    theirs = and_(column == _move.c.old_id, *which)
    given.conn.execute(update(column.table).where(theirs).values({column: _move.c.new_id}))


def _hand_over_once(
    given: Given,
    number: Column[int],
    column: Column[Any],
    key: list[Column[Any]],
    alive: ColumnElement[bool] | None = None,
) -> None:
    """What a person may have once by `key`: of several the one that was theirs already stays."""
    table = column.table
    owner = func.coalesce(_move.c.new_id, column)
    moved = _move.c.old_id.is_not(None)
    nth = func.row_number().over(partition_by=[owner, *key], order_by=[moved, number])
    concerned = or_(moved, column.in_(select(_move.c.new_id)))
    rows = (
        select(number.label("number"), owner.label("owner"), nth.label("nth"))
        .select_from(table.outerjoin(_move, _move.c.old_id == column))
        .where(concerned, *([alive] if alive is not None else []))
        .subquery("ranked")
    )
    goes = and_(number == rows.c.number, rows.c.nth == 1, column != rows.c.owner)
    given.conn.execute(update(table).where(goes).values({column: rows.c.owner}))


def _cancel_surplus(given: Given) -> None:
    """What was planned for two people goes to one: the most severe of it, if nothing went today."""
    today = given.book.portfolio.calendar.start_of(
        given.book.portfolio.calendar.local_date(given.now)
    )
    other = contact.alias("other")
    before = and_(
        other.c.state == "planned",
        or_(
            other.c.severity > contact.c.severity,
            and_(other.c.severity == contact.c.severity, other.c.contact_id < contact.c.contact_id),
        ),
    )
    gone = or_(
        other.c.state.in_(IN_FLIGHT), and_(other.c.state.in_(ACTUAL), other.c.accepted_at >= today)
    )
    has_had = exists().where(other.c.customer_id == contact.c.customer_id, or_(before, gone))
    surplus = and_(contact.c.customer_id.in_(select(_move.c.new_id)), has_had)
    outbox.cancel(given.conn, given.portfolio_id, surplus, "customer_turn", given.now)
