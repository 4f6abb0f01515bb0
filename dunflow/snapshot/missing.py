"""Accounts that may stand on a row whose account could not be read.

An account that a snapshot leaves out is cured. Where the snapshot has rows without a readable
account, those that are missing may be among these: they are unknown, as if their own row could not
be read. A line that is no account at all, such as a total, comes every day; so this holds for one
accepted date in a row, and whoever is missing on the next one, too, is cured.
"""

import datetime as dt

from sqlalchemy import (
    Connection,
    Date,
    Integer,
    SmallInteger,
    Text,
    cast,
    exists,
    insert,
    literal,
    select,
    true,
)

from dunflow.ledger.loads import neighbours
from dunflow.ledger.scratch import has_rows
from dunflow.ledger.tables import quarantine, snapshot
from dunflow.snapshot.stage import Stage

NO_LINE = 0
REASON = "is missing, and there are rows whose account can't be read"


def hold_missing(conn: Connection, portfolio_id: int, business_date: dt.date, stage: Stage) -> None:
    """Make those unknown on this date; its other quarantine rows stand already."""
    rejected = stage.rejected.c
    if not has_rows(conn, select(rejected.line).where(rejected.account.is_(None))):
        return
    before_on = neighbours(conn, portfolio_id, business_date).before
    if before_on is None:
        return
    today, known, faulty = snapshot.alias("today"), quarantine.alias("known"), quarantine.c
    before = (
        select(snapshot.c.account_id)
        .where(snapshot.c.portfolio_id == portfolio_id, snapshot.c.business_date == before_on)
        .union(
            select(faulty.account_id).where(
                faulty.portfolio_id == portfolio_id,
                faulty.business_date == before_on,
                faulty.rejects_account,
                faulty.account_id.is_not(None),
                faulty.line != NO_LINE,
            )
        )
        .subquery("before")
    )
    rows = select(
        literal(portfolio_id, SmallInteger),
        cast(literal(business_date), Date),
        literal(NO_LINE, Integer),
        literal(stage.layout.header_of("account"), Text),
        literal("missing", Text),
        literal(REASON, Text),
        before.c.account_id,
        true(),
    ).where(
        ~exists().where(
            today.c.portfolio_id == portfolio_id,
            today.c.business_date == business_date,
            today.c.account_id == before.c.account_id,
        ),
        ~exists().where(
            known.c.portfolio_id == portfolio_id,
            known.c.business_date == business_date,
            known.c.account_id == before.c.account_id,
            known.c.rejects_account,
        ),
    )
    names = [each.name for each in quarantine.columns if each.name != "quarantine_id"]
    conn.execute(insert(quarantine).from_select(names, rows))
