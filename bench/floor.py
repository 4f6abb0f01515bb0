"""The least that a day could cost: take the rows in, and write one decision for each."""

import datetime as dt
from dataclasses import dataclass

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
from sqlalchemy import URL

from bench.days import PORTFOLIO
from bench.watch import Cost, watch
from dunflow.config.book import read_book
from dunflow.home import local_secrets
from dunflow.ledger.embedded import ensure_database
from dunflow.snapshot.sql import read_query

DATABASE = "bench_floor"

_STAGE = "CREATE UNLOGGED TABLE stage ({columns})"
_TARGET = """
CREATE TABLE decision (
    account text, business_date date, customer text, action text, reason text, tier text,
    step text, dpd integer, overdue numeric, currency text, channel text, not_before timestamptz,
    PRIMARY KEY (account, business_date)
)
"""
_DECIDE = """
INSERT INTO decision
SELECT account, DATE '{date}', customer,
       CASE WHEN dpd IN (1, 4, 8, 12, 20, 25, 32, 37) THEN 'send' ELSE 'wait' END,
       CASE WHEN dpd IN (1, 4, 8, 12, 20, 25, 32, 37) THEN 'step_due' ELSE 'not_due' END,
       CASE WHEN dpd < 8 THEN 'courtesy' WHEN dpd < 20 THEN 'gentle' ELSE 'firm' END,
       CASE WHEN dpd IN (1, 4, 8, 12, 20, 25, 32, 37) THEN 'step_' || dpd END,
       dpd, overdue::numeric, currency, 'sms', TIMESTAMPTZ '{date} 08:00+08'
FROM (SELECT *, DATE '{date}' - due_on AS dpd FROM stage) AS aged
"""


@dataclass(frozen=True)
class Floor:
    """`ingest`: the rows by Arrow into a table without a key. `insert`: a decision row for each."""

    ingest: Cost
    insert: Cost

    @property
    def seconds(self) -> float:
        return self.ingest.seconds + self.insert.seconds


def measure_floor(server: URL, business_date: dt.date) -> Floor:
    """On the same server, with the same rows, which are fetched beforehand."""
    rows = _fetch(business_date)
    url = ensure_database(server, DATABASE)
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with adbc.connect(address) as conn, conn.cursor() as cursor:
        cursor.adbc_ingest("stage", rows.slice(0, 0), mode="create")
        cursor.execute("ALTER TABLE stage SET UNLOGGED")
        cursor.execute(_TARGET)
        conn.commit()
        with watch() as ingest:
            cursor.adbc_ingest("stage", rows, mode="append")
            conn.commit()
        with watch() as insert:
            cursor.execute(_DECIDE.format(date=business_date))
            conn.commit()
        cursor.execute("DROP TABLE stage, decision")
        conn.commit()
    return Floor(ingest, insert)


def _fetch(business_date: dt.date) -> pa.Table:
    frames = read_query(read_book(PORTFOLIO), business_date, local_secrets())
    batches = [pa.Table.from_pandas(frame, preserve_index=False) for frame in frames]
    return pa.concat_tables(batches)
