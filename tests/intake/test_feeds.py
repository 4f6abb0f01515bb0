"""What lies at a feed is taken in once, from files and from a database."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from sqlalchemy import URL, Engine, create_engine, make_url, select, text

from dunflow import day as stages
from dunflow.clock import VirtualClock
from dunflow.config.base import build
from dunflow.config.book import Book, read_book
from dunflow.config.feeds import Intake
from dunflow.config.portfolio import Source
from dunflow.day import Day
from dunflow.errors import ConfigError, SourceError
from dunflow.intake.feeds import take_feed
from dunflow.intake.take import Taken
from dunflow.ledger.engine import portfolio_lock
from dunflow.ledger.tables import payment, reject

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 3, 10, 4, tzinfo=dt.UTC)
HEAD = "ref,account,amount,booked_at\n"
Look = Callable[..., Taken]


@pytest.fixture
def look(ledger: Engine, tmp_path: Path) -> Look:
    """Looks at a feed of payments that a portfolio in `tmp_path` declares."""
    shipped = read_book("sunrise_instalment")
    book = Book(shipped.portfolio, shipped.policy, shipped.floor, tmp_path)

    def taken(declared: dict[str, Any], now: dt.datetime = NOW, **environ: str) -> Taken:
        feed = build(Intake, {"payments": declared}, "portfolio.yaml").payments
        assert feed is not None
        return take_feed(ledger, book, "payments", feed, environ, "intake", now)

    return taken


def refs(ledger: Engine) -> list[str]:
    with ledger.connect() as conn:
        return sorted(conn.execute(select(payment.c.payment_ref)).scalars())


FILES = {"kind": "files", "path": "in/*.csv"}


def test_each_file_is_read_once_and_again_when_it_has_grown(
    look: Look, ledger: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv").write_text(HEAD + "p1,A,1,2026-03-02\n")
    (folder / "b.csv").write_text(HEAD + "p1,A,1,2026-03-02\np2,A,2,2026-03-02\n")
    assert look(FILES).figures() == {"new": 2, "known": 1, "rejected": 0}
    assert look(FILES).figures() == {"new": 0, "known": 0, "rejected": 0}
    with (folder / "a.csv").open("a") as file:
        file.write("p3,A,3,2026-03-02\n")
    assert look(FILES).figures() == {"new": 1, "known": 1, "rejected": 0}
    assert refs(ledger) == ["p1", "p2", "p3"]


def waiting(ledger: Engine) -> list[tuple[str, str]]:
    with ledger.connect() as conn:
        open_ = reject.c.mended_at.is_(None)
        rows = conn.execute(select(reject.c.place, reject.c.column_name).where(open_))
        return [(place, column) for place, column in rows]


def test_a_file_is_read_again_when_its_declaration_was_mended(
    look: Look, ledger: Engine, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    rows = 'p1,A,"1,50",2026-03-02\np2,A,"2,50",2026-02-31\n'
    (tmp_path / "in/a.csv").write_text(HEAD + rows)
    assert look(FILES).figures() == {"new": 0, "known": 0, "rejected": 3}
    assert ("row 2", "amount") in waiting(ledger)
    mended = FILES | {"decimal": ","}
    assert look(mended).figures() == {"new": 1, "known": 0, "rejected": 1}
    assert refs(ledger) == ["p1"]
    assert waiting(ledger) == [("row 2", "booked_at")]  # and the amount is none of its faults
    assert look(mended).figures() == {"new": 0, "known": 0, "rejected": 0}


def test_a_file_that_is_not_what_was_declared_stops_no_other(
    look: Look, ledger: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv").write_text("ref,account\np1,A\n")
    (folder / "b.csv").write_text(HEAD + "p2,A,2,2026-03-02\n")
    for _ in range(2):  # and it is told until it is mended
        with pytest.raises(SourceError, match=r"a\.csv: column 'amount' is missing"):
            look(FILES)
    assert refs(ledger) == ["p2"]


def test_cells_are_read_as_the_portfolio_declares_them(
    look: Look, ledger: Engine, tmp_path: Path
) -> None:
    declared = {
        **FILES,
        "encoding": "gb18030",
        "delimiter": ";",
        "decimal": ",",
        "instants": "%d.%m.%Y %H:%M",
        "columns": {"ref": "流水号", "account": "合同号", "amount": "金额", "booked_at": "入账"},
    }
    (tmp_path / "in").mkdir()
    content = "流水号;合同号;金额;入账\n0010;A;１２,50;02.03.2026 15:00\n"
    (tmp_path / "in/a.csv").write_text(content, encoding="gb18030")
    assert look(declared).new == 1
    with ledger.connect() as conn:
        ref, amount, booked_at = conn.execute(
            select(payment.c.payment_ref, payment.c.amount, payment.c.booked_at)
        ).one()
    assert (ref, str(amount)) == ("0010", "12.5000")
    assert booked_at == dt.datetime(2026, 3, 2, 7, tzinfo=dt.UTC)


def test_an_instant_off_the_calendar_turns_down_its_row_only(
    look: Look, ledger: Engine, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    odd = (
        "0001-01-01",
        "0001-01-01T00:00Z",
        "0001-01-01T00:00+09:00",
        "1899-12-30",
        "9999-12-31",
        "9999-12-31T23:00-05:00",
    )
    rows = [f"p{number},A,1,{at}" for number, at in enumerate(odd)]
    (tmp_path / "in/a.csv").write_text(HEAD + "\n".join([*rows, "good,A,2,2026-03-02"]) + "\n")
    assert look(FILES).figures() == {"new": 1, "known": 0, "rejected": len(odd)}
    assert refs(ledger) == ["good"]
    with ledger.connect() as conn:
        told = set(conn.execute(select(reject.c.column_name, reject.c.reason)).all())
    assert told == {("booked_at", "lies before 1901"), ("booked_at", "lies after 9998")}


def test_what_is_no_file_to_be_read_stops_no_other(
    look: Look, ledger: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    (folder / "a_folder.csv").mkdir(parents=True)
    (folder / "b_moved.csv").symlink_to(tmp_path / "nowhere")
    (folder / "~$open.csv").write_text("x")
    (folder / ".hidden.csv").write_text("x")
    (folder / "c.csv").write_text(HEAD + "p1,A,1,2026-03-02\n")
    assert look(FILES).new == 1
    (folder / "d[1].csv").write_text(HEAD + "p2,A,1,2026-03-02\n")
    assert look(FILES | {"path": "in/d[1].csv"}).new == 1


def test_a_store_in_which_nothing_was_left_yet_is_no_fault(look: Look) -> None:
    assert look(FILES | {"path": "memory://nothing-yet/in/*.csv"}).figures() == {
        "new": 0,
        "known": 0,
        "rejected": 0,
    }


def test_an_instant_that_excel_knows_needs_no_format(
    look: Look, ledger: Engine, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    sheet = openpyxl.Workbook()
    at = dt.datetime(2026, 3, 2, 15)  # noqa: DTZ001 - a sheet knows no zone
    for row in (HEAD.strip().split(","), ["p1", "A", 1, at], ["p2", "A", 1, "02.03.2026 15:00"]):
        sheet.worksheets[0].append(row)
    sheet.save(tmp_path / "in/a.xlsx")
    declared = {"format": "excel", "path": "in/*.xlsx", "instants": "%d.%m.%Y %H:%M"}
    assert look(FILES | declared).figures() == {"new": 2, "known": 0, "rejected": 0}
    with ledger.connect() as conn:
        read = set(conn.execute(select(payment.c.booked_at)).scalars())
    assert read == {at.replace(tzinfo=SHANGHAI)}
    # A sheet knows no zone: where one is declared, the row is told of, and the file is read.
    (tmp_path / "in/a.xlsx").rename(tmp_path / "in/b.xlsx")
    told = look(FILES | declared | {"instants": "%Y-%m-%d %H:%M%z"}).rejected
    assert {fault.column for fault in told} == {"booked_at"}


def test_a_folder_that_is_missing_is_told(look: Look) -> None:
    with pytest.raises(SourceError, match="there is no folder"):
        look(FILES)


def test_a_column_that_a_kind_does_not_have_is_refused(look: Look) -> None:
    with pytest.raises(ConfigError, match="columns names 'customer'; payments have ref, account"):
        look({**FILES, "columns": {"customer": "x"}})


@pytest.fixture
def core(server: URL, ledger: Engine) -> Engine:
    """A lender's core, in the ledger's own database for the time of a test."""
    with ledger.begin() as conn:
        columns = "id text, loan text, amount numeric(14,2), at timestamptz"
        conn.execute(text(f"CREATE TABLE booking ({columns})"))
    return ledger


def test_a_query_is_asked_for_what_is_new_and_a_little_before(
    look: Look, core: Engine, tmp_path: Path
) -> None:
    (tmp_path / "payments.sql").write_text(
        "SELECT id AS ref, loan AS account, amount, at AS booked_at FROM booking\n"
        "WHERE at > :since AND at <= :until;"
    )
    url = core.url.set(drivername="postgresql").render_as_string(hide_password=False)
    declared = {"kind": "sql", "connection": "CORE", "query": "payments.sql", "overlap_days": 2}

    def book(ref: str, at: str) -> None:
        with core.begin() as conn:
            conn.execute(
                text("INSERT INTO booking VALUES (:ref, 'A', 10, CAST(:at AS timestamptz))"),
                {"ref": ref, "at": at},
            )

    book("old", "2019-01-01 00:00Z")
    book("future", "2026-03-10 09:00Z")
    assert look(declared, CORE=url).new == 1
    book("late", "2026-03-09 00:00Z")  # booked for a day that was asked for already
    book("too_late", "2026-03-07 00:00Z")
    later = NOW + dt.timedelta(hours=6)
    assert look(declared, later, CORE=url).figures() == {"new": 2, "known": 0, "rejected": 0}
    assert refs(core) == ["future", "late", "old"]
    otherwise = declared | {"decimal": ","}
    assert look(otherwise, later, CORE=url).figures() == {"new": 1, "known": 3, "rejected": 0}


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_what_is_asked_for_is_meant_in_the_portfolios_zone(
    look: Look, core: Engine, tmp_path: Path, kind: str
) -> None:
    """A payment of seven in the morning, in a column without a zone, is there at noon."""
    (tmp_path / "payments.sql").write_text(
        "SELECT id AS ref, loan AS account, amount, at AS booked_at FROM booking\n"
        "WHERE at > :since AND at <= :until"
    )
    url = core.url if kind == "postgresql" else make_url(f"sqlite:///{tmp_path}/core.db")
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text("DROP TABLE IF EXISTS booking"))
        conn.execute(text("CREATE TABLE booking (id text, loan text, amount int, at timestamp)"))
        at = ("2026-03-10 07:00:00", "2026-03-10 12:00:01")
        for ref, when in zip(("seven", "after"), at, strict=True):
            row = {"ref": ref, "at": dt.datetime.fromisoformat(when)}
            conn.execute(text("INSERT INTO booking VALUES (:ref, 'A', 10, :at)"), row)
    engine.dispose()
    declared = {"kind": "sql", "connection": "CORE", "query": "payments.sql"}
    asked = url.set(drivername=kind).render_as_string(hide_password=False)
    assert look(declared, CORE=asked).new == 1
    assert refs(core) == ["seven"]


def test_a_file_without_its_header_tells_nobody_who_is_in_it(look: Look, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_text("P1,Wang Li,13800138000,2026-03-02\n")
    with pytest.raises(SourceError, match="4 cells and none of our columns") as told:
        look(FILES)
    assert "Wang" not in str(told.value)
    (tmp_path / "in/a.csv").write_text("ref,account,Amount,13800138000\n")
    with pytest.raises(SourceError, match=r"similar ones are 'Amount'.*\(found: .* '…'\)"):
        look(FILES)


def test_a_bad_row_of_a_query_is_told_once_by_its_id(
    look: Look, core: Engine, tmp_path: Path
) -> None:
    (tmp_path / "payments.sql").write_text(
        "SELECT id AS ref, loan AS account, amount, at AS booked_at FROM booking"
    )
    with core.begin() as conn:
        conn.execute(text("INSERT INTO booking VALUES ('p1', NULL, 10, '2026-03-02')"))
    url = core.url.set(drivername="postgresql").render_as_string(hide_password=False)
    declared = {"kind": "sql", "connection": "CORE", "query": "payments.sql"}
    for _ in range(2):
        assert str(look(declared, CORE=url).rejected[0]) == "p1: account: is empty"
    with core.begin() as conn:
        assert len(conn.execute(select(reject)).all()) == 1
        conn.execute(text("UPDATE booking SET loan = 'A'"))
    look(declared, CORE=url)
    with core.connect() as conn:
        assert conn.execute(select(reject.c.mended_at)).scalar_one() is not None


def test_a_bad_row_of_a_query_without_ids_waits_for_a_good_one_of_its_account(
    look: Look, core: Engine, tmp_path: Path
) -> None:
    (tmp_path / "payments.sql").write_text(
        "SELECT loan AS account, amount, at AS booked_at FROM booking"
    )
    url = core.url.set(drivername="postgresql").render_as_string(hide_password=False)
    declared = {"kind": "sql", "connection": "CORE", "query": "payments.sql"}
    with core.begin() as conn:
        conn.execute(text("INSERT INTO booking VALUES ('p1', 'A', NULL, '2026-03-02')"))
    assert len(look(declared, CORE=url).rejected) == 1
    for amount, account, mended in ((5, "B", False), (5, "A", True)):
        with core.begin() as conn:
            conn.execute(text(f"UPDATE booking SET amount = {amount}, loan = '{account}'"))
        look(declared, CORE=url)
        with core.connect() as conn:
            at = conn.execute(select(reject.c.mended_at)).scalar_one()
        assert (at is not None) == mended


def test_a_replayed_day_knows_what_had_come_by_then(ledger: Engine, tmp_path: Path) -> None:
    shipped = read_book("sunrise_instalment")
    portfolio = shipped.portfolio.model_copy(
        update={
            "source": Source(kind="files", path="{business_date}.csv"),
            "intake": build(Intake, {"payments": FILES}, "portfolio.yaml"),
        }
    )
    book = Book(portfolio, shipped.policy, shipped.floor, tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_text(HEAD + "p1,A,1,2026-03-02\n")
    (tmp_path / "2026-03-01.csv").write_text("account,customer,due_on,overdue\nA,C,2026-02-01,10\n")
    date = dt.date(2026, 3, 1)
    clock = VirtualClock(portfolio.calendar.usual_time_of(date))
    stages.snapshot(Day(ledger, book, date, clock, {}))
    assert refs(ledger) == ["p1"]


def test_what_is_taken_in_waits_while_a_day_is_decided(
    look: Look, ledger: Engine, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_text(HEAD + "p1,A,1,2026-03-02\n")
    with ThreadPoolExecutor(1) as worker:
        with portfolio_lock(ledger, "sunrise_instalment"):
            taking = worker.submit(look, FILES)
            with pytest.raises(TimeoutError):
                taking.result(timeout=1)
            assert refs(ledger) == []
        assert taking.result().new == 1
