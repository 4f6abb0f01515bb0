"""Files are taken in row by row, each row once, in whatever order and however often they come."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, Table, func, select

from dunflow.config.book import Book, read_book
from dunflow.errors import SourceError
from dunflow.intake.files import Taken, take_file
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import hold, opt_out, payment, promise

NOW = dt.datetime(2026, 3, 10, 4, tzinfo=dt.UTC)


@pytest.fixture
def book() -> Book:
    return read_book("sunrise_instalment")


def take(ledger: Engine, book: Book, folder: Path, kind: str, text: str) -> Taken:
    file = folder / "in.csv"
    file.write_text(text, encoding="utf-8-sig")
    with ledger.begin() as conn:
        number = portfolio_id_of(conn, book.name)
        return take_file(conn, book, number, kind, file, "ann", NOW)


def count(ledger: Engine, table: Table) -> int:
    with ledger.connect() as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


HEAD = "ref,account,amount,booked_at\n"
ROWS = ["p1,0010,100.00,2026-03-02 15:00", "p2,10,5,2026-03-03 09:00", "p3,0010,-100.00,2026-03-04"]


@pytest.mark.parametrize("order", [ROWS, ROWS[::-1], ROWS + ROWS])
def test_payments_give_the_same_ledger_in_any_order_and_twice(
    ledger: Engine, book: Book, tmp_path: Path, order: list[str]
) -> None:
    take(ledger, book, tmp_path, "payments", HEAD + "\n".join(order))
    again = take(ledger, book, tmp_path, "payments", HEAD + "\n".join(ROWS))
    assert (again.new, again.known, again.rejected) == (0, 3, [])
    with ledger.connect() as conn:
        rows = conn.execute(select(payment.c.payment_ref, payment.c.amount)).all()
    assert sorted(rows) == [("p1", Decimal(100)), ("p2", Decimal(5)), ("p3", Decimal(-100))]


def test_a_bad_row_is_told_by_its_line_and_stops_no_other(
    ledger: Engine, book: Book, tmp_path: Path
) -> None:
    text = "ref,account,amount,booked_at\np1,A,ten,2026-03-02\n,A,5,2026-03-02\np3,A,5,2026-03-02\n"
    taken = take(ledger, book, tmp_path, "payments", text)
    assert taken.new == 1
    assert [fault.split(":")[0] for fault in taken.rejected] == ["line 2", "line 3"]
    assert "ten" not in "".join(taken.rejected)


def test_a_wrong_header_stops_the_file_before_anything_is_written(
    ledger: Engine, book: Book, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=r"lacks .'account'. and has .'Account'."):
        take(ledger, book, tmp_path, "payments", "ref,Account,amount,booked_at\np1,A,5,2026-03-02")
    assert count(ledger, payment) == 0


def test_holds_promises_and_opt_outs_are_taken_in_once(
    ledger: Engine, book: Book, tmp_path: Path
) -> None:
    files = {
        "holds": "ref,kind,from,to,account,customer\nh1,dispute,2026-03-01,2026-03-31,A,\n"
        "h2,cease,2026-03-01,,,C\n",
        "promises": "ref,account,amount,by,made_at\nr1,A,50.00,2026-03-20,2026-03-02 10:00\n",
        "opt_outs": "customer,channel,address\nC,sms,+8613800138001\n",
    }
    for kind, text in files.items():
        first = take(ledger, book, tmp_path, kind, text)
        again = take(ledger, book, tmp_path, kind, text)
        assert (first.known, again.new, again.known) == (0, 0, first.new)
    assert (count(ledger, hold), count(ledger, promise), count(ledger, opt_out)) == (2, 1, 2)
    with ledger.connect() as conn:
        until = conn.execute(select(hold.c.until_at).where(hold.c.hold_ref == "h1")).scalar_one()
    assert until == dt.datetime(2026, 3, 31, 16, tzinfo=dt.UTC)
