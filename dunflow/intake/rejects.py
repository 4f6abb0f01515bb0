"""Rows that could not be taken in: kept, with the reason, until a good one with their id comes.

Of those that have no id a file tells: when it is read again, what is right in it now was mended.
"""

from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    cast,
    distinct,
    exists,
    func,
    literal,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert

from dunflow.intake.given import Given
from dunflow.ledger.tables import reject

SHOWN = 1000
"""So many are told one by one; the ledger keeps them all."""


@dataclass(frozen=True)
class Fault:
    """Where a row stands that is of no use, and why; never what it says."""

    place: str
    column: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.column}: {self.reason}"


def note_rejects(given: Given, kind: str, origin: str, *, lines: bool) -> list[Fault]:
    """Keep what was turned down, and settle what stood for rows that came right now."""
    rejected, incoming = given.stage.rejected.c, given.stage.incoming.c
    line = literal("row ", Text) + cast(rejected.line, Text)
    place = line if lines else func.coalesce(rejected.account, line)
    rows = (
        select(
            given.portfolio,
            literal(kind, Text),
            literal(origin, Text),
            place,
            rejected.column_name,
            rejected.value_kind,
            rejected.reason,
            rejected.account,
            literal(given.now),
            literal(given.now),
        )
        .ext(distinct_on(place, rejected.column_name))
        .order_by(place, rejected.column_name, rejected.line)
    )
    names = ["portfolio_id", "kind", "origin", "place", "column_name", "value_kind", "reason"]
    kept = insert(reject).from_select([*names, "row_key", "first_at", "last_at"], rows)
    told = {name: kept.excluded[name] for name in ("value_kind", "reason", "row_key", "last_at")}
    given.conn.execute(
        kept.on_conflict_do_update(
            index_elements=[reject.c[name] for name in (*names[:4], "column_name")],
            set_=told | {"mended_at": None},
        )
    )
    key = given.stage.layout.key
    came = exists().where(incoming[key] == reject.c.row_key)
    again = exists().where(rejected.account == reject.c.row_key)
    here = reject.c.origin == origin
    wrong = exists().where(place == reject.c.place, rejected.column_name == reject.c.column_name)
    _mend(given, kind, here & again & ~wrong)  # it is turned down for another fault by now
    if key == "ref":
        _mend(given, kind, came & ~again)
    if lines:
        nameless = reject.c.row_key.is_(None) if key == "ref" else true()
        _mend(given, kind, here & nameless & ~wrong)
    elif key != "ref":  # the customer's or account's, by the same query
        _mend(given, kind, here & came & ~again)
    shown = select(place, rejected.column_name, rejected.reason).order_by(rejected.line)
    return [Fault(*row) for row in given.conn.execute(shown.limit(SHOWN))]


def _mend(given: Given, kind: str, came: ColumnElement[bool]) -> None:
    given.conn.execute(
        update(reject)
        .where(
            reject.c.portfolio_id == given.portfolio_id,
            reject.c.kind == kind,
            reject.c.mended_at.is_(None),
            came,
        )
        .values(mended_at=given.now)
    )


def open_rejects(conn: Connection, portfolio_id: int) -> list[tuple[str, str, Fault]]:
    """`kind, origin, fault` of the rows that nobody has mended yet, the newest first."""
    r = reject.c
    rows = conn.execute(
        select(r.kind, r.origin, r.place, r.column_name, r.reason)
        .where(r.portfolio_id == portfolio_id, r.mended_at.is_(None))
        .order_by(r.last_at.desc(), r.reject_id)
        .limit(SHOWN)
    )
    return [(kind, origin, Fault(*rest)) for kind, origin, *rest in rows]


def count_rejects(conn: Connection, portfolio_id: int) -> dict[str, int]:
    """Kind → how many rows nobody has mended yet."""
    r = reject.c
    rows = conn.execute(
        select(r.kind, func.count(distinct(tuple_(r.origin, r.place))))
        .where(r.portfolio_id == portfolio_id, r.mended_at.is_(None))
        .group_by(r.kind)
        .order_by(r.kind)
    )
    return dict(rows.all())
