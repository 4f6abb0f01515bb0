"""What a dry run is compared with: the decisions that stand, or those of the policy in use."""

import datetime as dt
import tempfile
from dataclasses import dataclass
from typing import IO, Any, cast

import psycopg
from sqlalchemy import (
    ColumnElement,
    Connection,
    TableClause,
    Text,
    column,
    func,
    or_,
    select,
    table,
    text,
)

from dunflow.assess.progress import called_now
from dunflow.assess.tier_rank import tier_of_rank, tier_rank
from dunflow.config.book import Book, by_document
from dunflow.day import decide_in
from dunflow.errors import ConfigError
from dunflow.ledger.tables import decision, policy_version, run

TOLD = ("action", "reason", "tier", "step", "channel")
"""Two decisions about an account that differ in none of these are the same."""

_rows = table("in_use", column("account_id"), *[column(name, Text) for name in TOLD])
_COLUMNS = ", ".join(each.name for each in _rows.columns)


@dataclass(frozen=True)
class InUse:
    """The decisions to compare with. `rows`: one per account; None: `why` there are none."""

    book: Book
    of: str
    policy: str
    rows: TableClause | None
    why: str = ""

    def told(self) -> dict[str, Any]:
        return {"with": self.of, "policy": self.policy, "why_not": self.why or None}

    def cells(self) -> dict[str, ColumnElement[Any]]:
        """What `rows` say, by the names that tiers and steps have in the files now."""
        assert self.rows is not None
        policy, c = self.book.policy, self.rows.c
        tier = func.coalesce(tier_of_rank(policy, tier_rank(policy, c.tier)), c.tier)
        renamed = {"tier": tier, "step": called_now(policy, c.step)}
        return {name: renamed.get(name, c[name]) for name in TOLD}

    def differs(self) -> ColumnElement[bool]:
        """Whether a row of `rows` is not what `decision` says of its account."""
        was = self.cells()
        return or_(*[was[name].is_distinct_from(decision.c[name]) for name in TOLD])


def keep_in_use(
    conn: Connection, book: Book, portfolio_id: int, date: dt.date, at: dt.datetime
) -> InUse | None:
    """Of a date that was decided they are what stands. Else they are what the policy of the newest
    run decides, if that is another one than lies in the files now; None if it is not.

    Nothing else is left of deciding so.
    """
    newest = conn.execute(
        select(run.c.business_date, policy_version.c.fingerprint, policy_version.c.document)
        .join(policy_version, policy_version.c.policy_version_id == run.c.policy_version_id)
        .where(run.c.portfolio_id == portfolio_id)
        .order_by((run.c.business_date == date).desc(), run.c.business_date.desc())
        .order_by(run.c.run_id.desc())
        .limit(1)
    ).one_or_none()
    if newest is None:
        return None
    policy = newest.document["policy"]["policy"]
    with tempfile.TemporaryFile() as file:
        if newest.business_date == date:
            of = "what is decided"
            _write(conn, portfolio_id, date, file)
        elif newest.fingerprint == book.fingerprint:
            return None
        else:
            of = f"the policy of {newest.business_date}"
            try:
                before = by_document(book, newest.document)
            except ConfigError as error:
                return InUse(book, of, policy, None, str(error))
            # A date that is decided again forgets what the first time led to; it must not be one.
            with conn.begin_nested() as tried:
                decide_in(conn, before, portfolio_id, date, at)
                _write(conn, portfolio_id, date, file)
                tried.rollback()
        file.seek(0)
        _read(conn, file)
    return InUse(book, of, policy, _rows)


def _write(conn: Connection, portfolio_id: int, date: dt.date, file: IO[bytes]) -> None:
    """To a file, as nothing in the database outlives what is taken back there."""
    rows = f"SELECT {_COLUMNS} FROM decision WHERE portfolio_id = %s AND business_date = %s"  # noqa: S608
    with _session(conn).cursor().copy(f"COPY ({rows}) TO STDOUT", (portfolio_id, date)) as copied:
        for block in copied:
            file.write(block)


def _read(conn: Connection, file: IO[bytes]) -> None:
    columns = ", ".join(f"{name} TEXT" for name in TOLD)
    conn.execute(text(f"CREATE TEMPORARY TABLE in_use (account_id BIGINT, {columns})"))
    with _session(conn).cursor().copy("COPY in_use FROM STDIN") as copying:
        while block := file.read(1 << 20):
            copying.write(block)
    conn.execute(text("ANALYZE in_use"))


def _session(conn: Connection) -> psycopg.Connection:
    return cast("psycopg.Connection", conn.connection.driver_connection)
