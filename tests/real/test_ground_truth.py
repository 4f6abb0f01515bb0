"""Two real data sets, loaded as production loads them, give the figures that are known of them."""

import datetime as dt
import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from real_books import CONNECTION, DATABASE, data_folder, fill_superlender, write_loan_payments
from sqlalchemy import URL, Connection, Engine, text

from dunflow.config.book import Book, read_book, root
from dunflow.ledger import embedded
from dunflow.ledger.engine import portfolio_id_of, portfolio_lock
from dunflow.snapshot.gate import judge
from dunflow.snapshot.load import Loaded, load
from dunflow.snapshot.source import pull

DATA = data_folder()
if DATA is None:
    pytest.skip(
        "the real data sets are not there; DUNFLOW_REAL_DATA may name their folder",
        allow_module_level=True,
    )

_BANDS = text("""
    SELECT
      max(CAST(:day AS date) - due_on),
      count(*) FILTER (WHERE CAST(:day AS date) - due_on BETWEEN 1 AND 30),
      count(*) FILTER (WHERE CAST(:day AS date) - due_on BETWEEN 31 AND 60),
      count(*) FILTER (WHERE CAST(:day AS date) - due_on BETWEEN 61 AND 90),
      count(*) FILTER (WHERE CAST(:day AS date) - due_on > 90)
    FROM snapshot
    WHERE portfolio_id = :portfolio AND business_date = :day AND due_on < :day
""")


@pytest.fixture(autouse=True)
def _real_portfolios(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUNFLOW_PORTFOLIOS", str(root() / "tests/real/portfolios"))


@pytest.fixture(scope="module")
def core(server: URL) -> URL:
    url = embedded.ensure_database(server, DATABASE)
    fill_superlender(DATA, url)
    return url


@pytest.fixture
def superlender(core: URL, monkeypatch: pytest.MonkeyPatch) -> Book:
    monkeypatch.setenv(CONNECTION, core.render_as_string(hide_password=False))
    return read_book("superlender")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loan_payments")
    write_loan_payments(DATA, folder)
    return folder


@pytest.fixture
def loan_payments(files: Path) -> Book:
    book = read_book("loan_payments")
    source = book.portfolio.source.model_copy(update={"path": f"{files}/{{business_date}}.csv"})
    return replace(book, portfolio=book.portfolio.model_copy(update={"source": source}))


def take(conn: Connection, book: Book, day: dt.date) -> Loaded:
    now = book.portfolio.calendar.usual_time_of(day)
    return load(
        conn, book, portfolio_id_of(conn, book.name), day, pull(book, day, now, os.environ), now
    )


def bands(conn: Connection, book: Book, day: dt.date) -> tuple[int, ...]:
    """The most DPD, then how many accounts are 1-30, 31-60, 61-90 and more days past due."""
    number = portfolio_id_of(conn, book.name)
    return tuple(conn.execute(_BANDS, {"portfolio": number, "day": day}).one())


@pytest.mark.parametrize(
    ("day", "accounts", "overdue", "expected"),
    [
        (dt.date(2016, 9, 15), 52, "731162.50", (143, 30, 7, 8, 7)),
        (dt.date(2017, 1, 31), 71, "1380975.00", (277, 61, 6, 1, 3)),
    ],
)
def test_superlender_from_its_core_database(
    ledger: Engine,
    superlender: Book,
    day: dt.date,
    accounts: int,
    overdue: str,
    expected: tuple[int, ...],
) -> None:
    with portfolio_lock(ledger, superlender.name) as conn:
        loaded = take(conn, superlender, day)
        assert (loaded.accounts, loaded.customers, loaded.quarantined) == (accounts, accounts, 0)
        assert loaded.overdue == {"NGN": Decimal(overdue)}
        assert bands(conn, superlender, day) == expected


@pytest.mark.parametrize(
    ("day", "accounts", "overdue", "expected"),
    [
        (dt.date(2016, 9, 30), 42, "37200.00", (7, 42, 0, 0, 0)),
        (dt.date(2016, 11, 30), 101, "96400.00", (68, 5, 60, 36, 0)),
    ],
)
def test_loan_payments_from_a_file_per_date(
    ledger: Engine,
    loan_payments: Book,
    day: dt.date,
    accounts: int,
    overdue: str,
    expected: tuple[int, ...],
) -> None:
    with portfolio_lock(ledger, loan_payments.name) as conn:
        loaded = take(conn, loan_payments, day)
        assert (loaded.accounts, loaded.quarantined) == (accounts, 0)
        assert loaded.overdue == {"USD": Decimal(overdue)}
        assert bands(conn, loan_payments, day) == expected


def test_every_made_up_contact_point_is_read_as_usable(
    ledger: Engine, superlender: Book, loan_payments: Book
) -> None:
    for book, day in ((superlender, dt.date(2016, 9, 15)), (loan_payments, dt.date(2016, 9, 30))):
        with portfolio_lock(ledger, book.name) as conn:
            take(conn, book, day)
    with ledger.begin() as conn:
        points = conn.execute(text("SELECT phone, email FROM customer")).all()
    assert len(points) > 500
    assert all(phone.startswith("+1") and phone[5:9] == "5550" for phone, _ in points)
    assert all(email.endswith("@example.com") for _, email in points)


def test_the_gate_trusts_each_day_of_half_a_month(ledger: Engine, superlender: Book) -> None:
    for number in range(1, 16):
        day = dt.date(2016, 9, number)
        with portfolio_lock(ledger, superlender.name) as conn:
            take(conn, superlender, day)
            now = superlender.portfolio.calendar.usual_time_of(day)
            verdict = judge(conn, superlender, portfolio_id_of(conn, superlender.name), day, now)
            assert verdict.accepted, verdict.why()


def test_prepare_leaves_nothing_in_the_repository(ledger: Engine, tmp_path: Path) -> None:
    url = ledger.url.render_as_string(hide_password=False)
    script = root() / "tests/real/prepare"
    before = {path for path in script.parent.rglob("*") if "__pycache__" not in path.parts}
    done = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ
        | {"DUNFLOW_HOME": str(tmp_path), "DUNFLOW_LEDGER_URL": url, "PYTHONPATH": str(root())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"{CONNECTION}=" in (tmp_path / "secrets.env").read_text()
    assert len(list((tmp_path / "real/loan_payments").glob("*.csv"))) == 92
    after = {path for path in script.parent.rglob("*") if "__pycache__" not in path.parts}
    assert after == before
