"""What a dry run is compared with: the decisions that stand, or those of the policy in use."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    TableClause,
    column,
    or_,
    select,
    table,
)

from dunflow.config.book import Book, by_document
from dunflow.day import decide_in
from dunflow.errors import ConfigError
from dunflow.ledger.bulk import run_behind
from dunflow.ledger.engine import clear_scratch
from dunflow.ledger.tables import decision, policy_version, run

TOLD = ("action", "reason", "tier", "step", "channel")
"""Two decisions about an account that differ in none of these are the same."""


@dataclass(frozen=True)
class InUse:
    """The decisions to compare with. `rows`: one per account; None: `why` there are none."""

    of: str
    policy: str
    rows: TableClause | None
    why: str = ""

    def told(self) -> dict[str, Any]:
        return {"with": self.of, "policy": self.policy, "why_not": self.why or None}

    def differs(self) -> ColumnElement[bool]:
        """Whether a row of `rows` is not what `decision` says of its account."""
        assert self.rows is not None
        return or_(*[self.rows.c[name].is_distinct_from(decision.c[name]) for name in TOLD])


def keep_in_use(
    conn: Connection, book: Book, portfolio_id: int, date: dt.date, at: dt.datetime
) -> InUse | None:
    """Of a date that was decided they are what stands. Else they are what the policy of the newest
    run decides, if that is another one than lies in the files now; None if it is not.

    Leaves the date decided so: to decide it again replaces that.
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
    if newest.business_date == date:
        return InUse("what is decided", policy, _keep(conn, portfolio_id, date))
    if newest.fingerprint == book.fingerprint:
        return None
    of = f"the policy of {newest.business_date}"
    try:
        before = by_document(book, newest.document)
    except ConfigError as error:
        return InUse(of, policy, None, str(error))
    clear_scratch(conn)
    decide_in(conn, before, portfolio_id, date, at)
    return InUse(of, policy, _keep(conn, portfolio_id, date))


def _keep(conn: Connection, portfolio_id: int, date: dt.date) -> TableClause:
    # Not a scratch table: those go before the date is decided again.
    rows = select(decision.c.account_id, *[decision.c[name] for name in TOLD]).where(
        decision.c.portfolio_id == portfolio_id, decision.c.business_date == date
    )
    run_behind(conn, "CREATE TEMPORARY TABLE in_use ON COMMIT DROP AS", rows)
    return table("in_use", *[column(each.name, each.type) for each in rows.selected_columns])
