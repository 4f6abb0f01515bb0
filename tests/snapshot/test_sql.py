import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from unittest.mock import Mock

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from dunflow.errors import SourceError
from dunflow.snapshot import sql
from dunflow.snapshot.connection import core_url
from tests.snapshot.conftest import DATE, Room, make

COLUMNS = "account, customer, due_on, overdue"
QUERY = f"SELECT {COLUMNS} FROM loan WHERE booked_on <= :business_date;\n"

Core = Callable[..., Room]


@pytest.fixture
def core(ledger: Engine, furnish: Callable[..., Room], monkeypatch: pytest.MonkeyPatch) -> Core:
    """A room whose lender's core is a PostgreSQL table, filled by `rows` (SQL)."""

    def made(rows: str, query: str = QUERY, **source: object) -> Room:
        with ledger.begin() as conn:
            conn.execute(text(f"CREATE TABLE loan AS {rows}"))
        monkeypatch.setenv("CORE", ledger.url.render_as_string(hide_password=False))
        room = furnish({"kind": "sql", "path": None, "connection": "CORE"} | source)
        (room.book.folder / "snapshot.sql").write_text(query, encoding="utf-8")
        return room

    return made


ROWS = """
SELECT * FROM (VALUES
  ('0010', 'C', DATE '2026-03-01', 100.10::numeric, DATE '2026-03-01'),
  ('1234567890123456789', 'C', '2026-03-01', 99999999999999.99, '2026-03-10'),
  ('nan', 'C', '2026-03-01', 'NaN', '2026-03-01'),
  ('inf', 'C', '2026-03-01', 'Infinity', '2026-03-01'),
  ('fine', 'C', '2026-03-01', 10.0000000000000001, '2026-03-01'),
  ('none', 'C', NULL, 1, '2026-03-01'),
  ('later', 'C', '2026-03-01', 1, '2026-03-11')
) AS loan (account, customer, due_on, overdue, booked_on)
"""


def test_a_core_is_asked_for_the_date_and_read_exactly(core: Core) -> None:
    room = core(ROWS)
    room.pull()
    assert room.amounts() == {"0010": "100.1", "1234567890123456789": "99999999999999.99"}
    assert {(column, account) for _, column, _, account in room.rejections()} == {
        ("overdue", "nan"),
        ("overdue", "inf"),
        ("overdue", "fine"),
        ("due_on", "none"),
    }


def test_the_date_is_one_in_every_expression(core: Core) -> None:
    query = (
        f"SELECT {COLUMNS} FROM loan WHERE :business_date - due_on = 9 "
        "AND booked_on < :business_date + 1 AND account LIKE '%0' AND '12:30' <> CAST(1 AS text) "
        "AND due_on = (:business_date - interval '9 days')::date"
    )
    room = core(ROWS, query)
    room.pull()
    assert room.amounts() == {"0010": "100.1"}


@pytest.mark.parametrize("overdue", ["overdue", "overdue::bigint AS overdue"])
def test_a_query_may_end_in_a_comment(core: Core, overdue: str) -> None:
    query = f"SELECT account, customer, due_on, {overdue} FROM loan -- as of the close;"
    room = core(
        "SELECT '1' AS account, 'C' AS customer, DATE '2026-03-01' AS due_on, 5.00 AS overdue",
        query,
        history="current_only",
    )
    room.pull()
    assert room.amounts() == {"1": "5"}


def test_money_of_a_core_is_not_taken_for_its_cents(core: Core) -> None:
    room = core(
        "SELECT account, 'C' AS customer, DATE '2026-03-01' AS due_on, overdue FROM "
        "(VALUES ('A', 100.5::money), ('B', 7::money), ('C', NULL)) AS loan (account, overdue)",
        f"SELECT {COLUMNS} FROM loan WHERE due_on < :business_date",
    )
    room.pull()
    assert room.amounts() == {"A": "100.5", "B": "7"}
    assert room.rejections() == [(3, "overdue", "is empty", "C")]


def test_a_day_that_is_none_turns_down_its_row_only(core: Core) -> None:
    room = core(
        "SELECT account, 'C' AS customer, due_on, 1.5e10::float8 AS overdue FROM (VALUES "
        "('A', DATE '2026-03-01'), ('never', DATE 'infinity'), ('ever', DATE '-infinity'), "
        "('far', DATE '20000-01-01')) AS loan (account, due_on)",
        f"SELECT {COLUMNS} FROM loan WHERE :business_date > DATE '2026-01-01'",
    )
    # The driver turns the end of days into their beginning.
    off = {"never", "ever", "far"}
    room.pull()
    assert room.amounts() == {"A": "15000000000"}
    assert {account for *_, account in room.rejections()} == off
    assert (4, "due_on", "lies after 9999", "far") in room.rejections()
    (room.book.folder / "snapshot.sql").write_text(
        f"SELECT {COLUMNS.replace('due_on', 'due_on::timestamp AS due_on')} FROM loan "
        "WHERE :business_date > DATE '2026-01-01'"
    )
    room.pull()
    assert room.amounts() == {"A": "15000000000"}
    assert {account for *_, account in room.rejections()} == off


def test_two_columns_of_one_name_are_told_of(core: Core) -> None:
    room = core(ROWS, f"{QUERY.strip().rstrip(';')}".replace("SELECT ", "SELECT overdue, "))
    with pytest.raises(SourceError, match="'overdue' stands 2 times"):
        room.pull()


@pytest.mark.parametrize(
    "end", ["", ";", " ; \n", "; -- overdue only", ";\n-- as of today; ask Wang\n/* or\nLi */;\n"]
)
@pytest.mark.parametrize("condition", ["true", "account <> ';--'", "account <> 'a;b' -- c; d"])
def test_what_stands_behind_the_end_of_a_query_is_no_part_of_it(
    core: Core, condition: str, end: str
) -> None:
    where = f"WHERE booked_on <= :business_date AND {condition}"
    room = core(ROWS, f"SELECT {COLUMNS} FROM loan {where}\n{end}")
    room.pull()
    assert "0010" in room.amounts()


def test_a_core_without_rows_has_its_columns_all_the_same(core: Core) -> None:
    room = core(ROWS, f"SELECT {COLUMNS} FROM loan WHERE due_on > :business_date")
    assert room.pull().rows_read == 0


def test_numbers_of_a_core_may_be_identifiers_but_floats_may_not(core: Core) -> None:
    room = core("SELECT 42 AS account, 7 AS customer, DATE '2026-03-01' AS due_on, 5 AS overdue")
    (room.book.folder / "snapshot.sql").write_text(
        f"SELECT {COLUMNS} FROM loan WHERE due_on < :business_date"
    )
    room.pull()
    assert room.amounts() == {"42": "5"}
    (room.book.folder / "snapshot.sql").write_text(
        f"SELECT account::float, {COLUMNS[9:]} FROM loan WHERE due_on < :business_date"
    )
    told = "shore 2026-03-10: .*column 'account': holds values of type double; cast it"
    with pytest.raises(SourceError, match=told):
        room.pull()


ID = "c8906fe3-4968-4ce5-9759-7bcdc55cf81a"


def test_a_uuid_is_an_identifier_from_any_core(core: Core) -> None:
    room = core(
        f"SELECT '{ID}'::uuid AS account, NULL::uuid AS customer, DATE '2026-03-01' AS due_on, "
        f"5 AS overdue UNION ALL SELECT '{ID[:-1]}b', '{ID}', DATE '2026-03-01', 6"
    )
    (room.book.folder / "snapshot.sql").write_text(
        f"SELECT {COLUMNS} FROM loan WHERE due_on < :business_date"
    )
    room.pull()
    assert room.amounts() == {f"{ID[:-1]}b": "6"}
    assert [(column, account) for _, column, _, account in room.rejections()] == [("customer", ID)]
    by_driver = {"account": uuid.UUID(ID), "customer": uuid.UUID(ID), "due_on": DATE, "overdue": 7}
    room.load(pd.DataFrame([by_driver], dtype=object))
    assert room.amounts() == {ID: "7"}


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (f"SELECT {COLUMNS} FROM loan", "does not bind :business_date"),
        (f"SELECT {COLUMNS} FROM loan WHERE booked_on < :today", "binds :today, which nothing"),
        ("SELECT nothing FROM loan WHERE booked_on < :business_date", '"nothing" does not exist'),
        ("SELECT account FROM loan WHERE booked_on < :business_date", "'customer' is missing"),
    ],
)
def test_a_wrong_query_is_refused_with_its_fault(core: Core, query: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        core(ROWS, query).pull()


def test_a_failing_query_tells_nothing_of_the_rows(core: Core) -> None:
    room = core(
        ROWS.replace("'fine'", "'Wang Wu'"),
        "SELECT account::int, customer, due_on, overdue FROM loan WHERE due_on < :business_date",
    )
    with pytest.raises(SourceError, match="a row could not be computed") as told:
        room.pull()
    assert "Wang" not in str(told.value)


def test_a_core_that_is_not_there_is_named_without_its_password(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = core(ROWS)
    monkeypatch.setenv("CORE", "postgresql://reader:hush@127.0.0.1:1/core")
    with pytest.raises(SourceError, match=r"database 'core' at 127\.0\.0\.1") as told:
        room.pull()
    assert "hush" not in str(told.value)
    monkeypatch.delenv("CORE")
    with pytest.raises(SourceError, match="environment variables CORE and AIRFLOW_CONN_CORE"):
        room.pull()


def test_a_query_that_is_not_there_is_named(core: Core) -> None:
    room = core(ROWS)
    (room.book.folder / "snapshot.sql").unlink()
    with pytest.raises(SourceError, match=r"snapshot\.sql: there is no such file"):
        room.pull()


def test_any_other_database_is_read_without_floats(
    furnish: Callable[..., Room], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/core.db")
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE loan (account, customer, due_on, overdue, paid)"))
        for ref, amount, paid in ((1234567890123456789, "7.10", None), ("0010", 5, 3)):
            conn.execute(
                text("INSERT INTO loan VALUES (:ref, 'C', '2026-03-01', :amount, :paid)"),
                {"ref": ref, "amount": amount, "paid": paid},
            )
    engine.dispose()
    monkeypatch.setenv("CORE", f"sqlite:///{tmp_path}/core.db")
    room = furnish(
        {
            "kind": "sql",
            "path": None,
            "connection": "CORE",
            "chunk_rows": 1,
            "columns": {"instalments_overdue": "paid"},
        }
    )
    (room.book.folder / "snapshot.sql").write_text(
        "SELECT * FROM loan WHERE due_on < :business_date"
    )
    room.pull()
    assert room.amounts() == {"1234567890123456789": "7.1", "0010": "5"}


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((1292, "Incorrect date value: 'Wang Li' for column 'due_on'"), "ProgrammingError 1292;"),
        (("22018", "Conversion failed when converting 'Wang Li'"), "ProgrammingError 22018;"),
        (('Conversion Error: "Wang Li" is no date',), "ProgrammingError; run"),
    ],
)
def test_no_driver_tells_what_a_row_says(
    furnish: Callable[..., Room], monkeypatch: pytest.MonkeyPatch, args: tuple[Any, ...], says: str
) -> None:
    class ProgrammingError(Exception): ...

    class Connection:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def execute(self, *_: object, **__: object) -> None:
            raise DBAPIError("SELECT", {}, ProgrammingError(*args))

    monkeypatch.setattr(sql, "create_engine", lambda *_, **__: Mock(connect=Connection))
    monkeypatch.setenv("CORE", "mysql://u@h/lender")
    room = furnish({"kind": "sql", "path": None, "connection": "CORE"})
    (room.book.folder / "snapshot.sql").write_text(QUERY)
    with pytest.raises(SourceError, match=says) as told:
        room.pull()
    assert "Wang" not in str(told.value)


def test_a_number_of_forty_digits_is_an_account(room: Room) -> None:
    frame = pd.DataFrame(
        {"account": [10**39, 5], "customer": ["C", "C"], "due_on": DATE, "overdue": 1},
        dtype=object,
    )
    room.load(frame)
    assert room.amounts() == {str(10**39): "1", "5": "1"}


@pytest.mark.parametrize(
    "given",
    [
        {"CORE": "postgresql://u:p%40ss@h:5433/lender?sslmode=require"},
        {"AIRFLOW_CONN_CORE": "postgres://u:p%40ss@h:5433/lender?sslmode=require"},
        {
            "AIRFLOW_CONN_CORE": json.dumps(
                {
                    "conn_type": "postgres",
                    "login": "u",
                    "password": "p@ss",
                    "host": "h",
                    "port": 5433,
                    "schema": "lender",
                    "extra": {"sslmode": "require"},
                }
            )
        },
    ],
)
def test_a_connection_may_be_written_as_airflow_writes_it(
    tmp_path: Path, given: dict[str, str]
) -> None:
    book = make(tmp_path, {"kind": "sql", "path": None, "connection": "CORE"})
    expected = URL.create("postgresql", "u", "p@ss", "h", 5433, "lender", {"sslmode": "require"})
    assert core_url(book, book.portfolio.source, given) == expected


def test_a_connection_that_makes_no_sense_is_not_shown(tmp_path: Path) -> None:
    book = make(tmp_path, {"kind": "sql", "path": None, "connection": "CORE"})
    with pytest.raises(SourceError, match="CORE holds no URL of a database") as told:
        core_url(book, book.portfolio.source, {"CORE": "hush hush"})
    assert "hush" not in str(told.value)


def test_parquet_keeps_its_types(furnish: Callable[..., Room]) -> None:
    room = furnish({"format": "parquet", "path": "{business_date}.parquet", "chunk_rows": 1})
    rows = pa.table(
        {
            "account": ["0010", "B"],
            "customer": pa.array(["C", "C"]).dictionary_encode(),
            "due_on": pa.array([20513, None], pa.date32()),
            "overdue": pa.array([1050, 1], pa.int64()).cast(pa.decimal128(24, 2)),
        }
    )
    pq.write_table(rows, room.book.folder / f"{DATE}.parquet")
    room.pull()
    assert room.amounts() == {"0010": "1050"}
    assert room.rejections() == [(2, "due_on", "is empty", "B")]
    (room.book.folder / f"{DATE}.parquet").write_text("account,customer")
    with pytest.raises(SourceError, match="is no Parquet file"):
        room.pull()


def test_a_database_file_that_is_not_there_is_told_and_not_made(
    core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = core(ROWS)
    gone = tmp_path / "nosuch.db"
    monkeypatch.setenv("CORE", f"sqlite:///{gone}")
    with pytest.raises(SourceError, match=r"there is no database file .*nosuch\.db"):
        room.pull()
    assert not gone.exists()
