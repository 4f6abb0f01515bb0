"""Whom a dry run would contact, hold back, or leave alone: a CSV file with a row per account."""

import csv
import datetime as dt
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from dunflow import money
from dunflow.decide.breaker import decided_before
from dunflow.dry_run.in_use import TOLD, InUse
from dunflow.errors import DunflowError
from dunflow.ledger.tables import account, decision
from dunflow.place.cells import guarded

_AT_ONCE = 5_000


def write_who(
    conn: Connection, portfolio_id: int, date: dt.date, in_use: InUse | None, file: Path
) -> None:
    """Write `file`, which nobody else may read: account, what is owed, the tier before, what would
    be decided, and what that is compared with (`in_use_…`), if there is anything.

    Raises DunflowError for what is no file, or can't be written.
    """
    file = file.resolve()
    if file.exists() and not file.is_file():
        raise DunflowError(f"--who {file}: is no file; name one that may be written anew")
    rows = conn.execute(
        _each(portfolio_id, date, decided_before(conn, portfolio_id, date), in_use),
        execution_options={"yield_per": _AT_ONCE},
    )
    half = file.with_name(f".{file.name}.half")
    try:
        half.unlink(missing_ok=True)
        half.touch(mode=0o600)
        with half.open("w", newline="", encoding="utf-8-sig") as stream:
            writer = csv.writer(stream)
            writer.writerow(rows.keys())
            for row in rows:
                writer.writerow([_cell(each, row.currency) for each in row])
        half.replace(file)
    except OSError as error:
        raise DunflowError(f"--who {file}: can't be written: {error.strerror}") from None
    finally:  # whatever ends it, nobody's data is left in a file that nobody asked for
        with suppress(OSError):
            half.unlink()


def _each(
    portfolio_id: int, date: dt.date, before_on: dt.date | None, in_use: InUse | None
) -> Select[Any]:
    d, then = decision.c, decision.alias("then")
    rows = (
        select(account.c.account_ref.label("account"), d.dpd, d.overdue_amount, d.currency)
        .add_columns(then.c.tier.label("tier_before"), *[d[name] for name in TOLD])
        .select_from(decision)
        .join(account, account.c.account_id == d.account_id)
        .outerjoin(
            then,
            and_(
                then.c.portfolio_id == portfolio_id,
                then.c.business_date == before_on,
                then.c.account_id == d.account_id,
            ),
        )
        .where(d.portfolio_id == portfolio_id, d.business_date == date)
        .order_by(account.c.account_ref)
    )
    if in_use is None or in_use.rows is None:
        return rows
    theirs = in_use.rows
    return rows.outerjoin(theirs, theirs.c.account_id == d.account_id).add_columns(
        *[cell.label(f"in_use_{name}") for name, cell in in_use.cells().items()]
    )


def _cell(value: Any, currency: str | None) -> Any:
    if isinstance(value, Decimal) and currency:
        return money.exact(value, currency)
    return guarded(value) if isinstance(value, str) else value
