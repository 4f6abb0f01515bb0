"""Rows of receivers' files that are of no use: kept, until a good one with their `ref` comes."""

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, exists, select
from sqlalchemy.dialects.postgresql import insert

from dunflow.ledger.tables import handback, handback_reject

SHOWN = 1_000


@dataclass(frozen=True)
class Fault:
    """Why a row is of no use: its line (from 1 below the header), the column, and the reason; never
    what it says."""

    line: int
    column: str
    reason: str
    ref: str | None = None

    def __str__(self) -> str:
        return f"row {self.line}: {self.column}: {self.reason}"


def keep_faults(
    conn: Connection,
    portfolio_id: int,
    destination: str,
    file: Path,
    faults: list[Fault],
    by: str,
    now: dt.datetime,
) -> None:
    """Once for each line and column of a file, however often it is delivered.

    Another one of the same name is another file.
    """
    if not faults:
        return
    with file.open("rb") as whole:
        content = hashlib.file_digest(whole, "sha256").hexdigest()
    rows = [
        {
            "portfolio_id": portfolio_id,
            "destination": destination,
            "file": file.name,
            "content": content,
            "line": fault.line,
            "column_name": fault.column,
            "reason": fault.reason,
            "handback_ref": fault.ref,
            "received_at": now,
            "told_by": by,
        }
        for fault in faults
    ]
    kept = insert(handback_reject)
    told = {name: kept.excluded[name] for name in ("reason", "handback_ref", "received_at")}
    conn.execute(
        kept.on_conflict_do_update(index_elements=handback_reject.primary_key, set_=told), rows
    )


def open_faults(conn: Connection, portfolio_id: int) -> list[dict[str, Any]]:
    """Where those rows stand that nobody has mended, and why they are of no use; the newest first.

    A row of the same `ref` that says something else stays open until the receiver gives it another.
    What is wrong again with a row that came again is told once.
    """
    r, again = handback_reject.c, handback_reject.alias("again").c
    mended = exists().where(
        handback.c.portfolio_id == portfolio_id,
        handback.c.destination == r.destination,
        handback.c.handback_ref == r.handback_ref,
        handback.c.received_at > r.received_at,
    )
    told_again = exists().where(
        again.portfolio_id == portfolio_id,
        again.destination == r.destination,
        again.handback_ref == r.handback_ref,
        again.column_name == r.column_name,
        again.received_at > r.received_at,
    )
    rows = conn.execute(
        select(r.destination, r.file, r.line.label("row"), r.column_name, r.reason, r.received_at)
        .where(r.portfolio_id == portfolio_id, ~mended, ~told_again)
        .order_by(r.received_at.desc(), r.file, r.line)
        .limit(SHOWN)
    )
    return [dict(row._mapping) for row in rows]
