"""Bad input of every kind, a thousand rows and more: each for its right reason, none at the expense
of a good row."""

import csv
import datetime as dt
import io
from collections.abc import Callable

import pytest
from sqlalchemy import select

from dunflow.errors import SourceError
from dunflow.ledger.tables import customer
from dunflow.snapshot.cells import CONTROLS
from tests.snapshot.conftest import DATE, Room, row

NOT_A_NUMBER = "is no number as the portfolio declares them"
NOT_A_DATE = "is no date of the format %Y-%m-%d"

# Column, cell, why it can't be read.
BAD = [
    ("overdue", "", "is empty"),
    ("overdue", "   ", "is empty"),
    ("overdue", "NaN", NOT_A_NUMBER),
    ("overdue", "inf", NOT_A_NUMBER),
    ("overdue", "-Infinity", NOT_A_NUMBER),
    ("overdue", "1e3", NOT_A_NUMBER),
    ("overdue", "1,300.00", NOT_A_NUMBER),
    ("overdue", "100,00", NOT_A_NUMBER),
    ("overdue", "¥100.00", NOT_A_NUMBER),
    ("overdue", "100.00 CNY", NOT_A_NUMBER),
    ("overdue", "1½", NOT_A_NUMBER),
    ("overdue", "100.", NOT_A_NUMBER),
    ("overdue", "--5", NOT_A_NUMBER),
    ("overdue", "１２３．４．５", NOT_A_NUMBER),
    ("overdue", "-0.01", "is negative"),
    ("overdue", "100.001", "has more decimals than CNY"),
    ("overdue", "0.00001", "has more decimals than can be kept"),
    ("overdue", "9" * 21, "is too large"),
    ("balance", "much", NOT_A_NUMBER),
    ("due_on", "", "is empty"),
    ("due_on", "2026-02-30", NOT_A_DATE),
    ("due_on", "01/03/2026", NOT_A_DATE),
    ("due_on", "20260301", NOT_A_DATE),
    ("due_on", "45352", NOT_A_DATE),
    ("due_on", "2026-03-01 10:00", NOT_A_DATE),
    ("due_on", "soon", NOT_A_DATE),
    ("due_on", "1900-01-01", "lies before 1901"),
    ("last_payment_on", "yesterday", NOT_A_DATE),
    ("customer", "", "is empty"),
    ("customer", "C\x00C", "holds control or invisible characters"),
    ("customer", "1.23456789012346E+18", "is a number that a spreadsheet has rounded or rewritten"),
    ("customer", "12345.0", "is a number that a spreadsheet has rounded or rewritten"),
    ("customer", "x" * 201, "is longer than 200 characters"),
    ("currency", "RMB", "is no ISO 4217 currency code"),
    ("currency", "cny", "is no ISO 4217 currency code"),
    ("instalments_overdue", "1.5", "is no whole number"),
    ("instalments_overdue", "-1", "is no whole number"),
    ("time_zone", "Peking", "is no IANA time zone"),
    ("name", "a\x07b", CONTROLS),
    ("name", "wi\u00eatos\u0142awa \u008cwikli", CONTROLS),
    ("product", "p" * 1001, "is longer than 1000 characters"),
]
# Column, cell, what it is read as: odd to look at, and right.
ODD = [
    ("overdue", "１２３．４５", "123.45"),
    ("overdue", " 100.50 ", "100.5"),
    ("overdue", "+7.10", "7.1"),
    ("overdue", "100.0000", "100"),
    ("overdue", "007", "7"),
    ("overdue", "0", "0"),
    ("due_on", "２０２６-０３-０１", "100"),
    ("due_on", "2026-3-1", "100"),
    ("currency", "ＣＮＹ", "100"),
    ("name", "N/A, \"the\" client; 'x'\t\n=cmd", "100"),
    ("product", "\ufeff\u200b", "100"),
    ("language", "zh-CN", "100"),
    ("name", "Wiesława Ćwiklińska", "100"),
]


def test_a_thousand_bad_rows_among_a_thousand_good_ones(room: Room) -> None:
    rows, faults, amounts = [], {}, {}
    for number in range(1040):
        column, cell, reason = BAD[number % len(BAD)]
        rows.append(row(f"bad-{number}") | {column: cell})
        faults[f"bad-{number}"] = (2 * number + 1, column, reason)
        column, cell, amount = ODD[number % len(ODD)]
        rows.append(row(f"good-{number}") | {column: cell})
        amounts[f"good-{number}"] = amount
    loaded = room.load(rows)
    assert {account: where for *where, account in room.rejections()} == {
        account: list(fault) for account, fault in faults.items()
    }
    assert room.amounts() == amounts
    assert (loaded.rows_read, loaded.quarantined) == (2080, 1040)


def test_a_row_whose_account_cannot_be_read_is_told_by_its_line(room: Room) -> None:
    room.load([row(each, customer="C") for each in ("", "A", "1.2E+18", "a\u200bb")])
    assert [(line, account) for line, _, _, account in room.rejections()] == [
        (1, None),
        (3, None),
        (4, None),
    ]
    assert room.amounts() == {"A": "100"}


def test_several_faults_of_a_row_are_all_told_and_count_as_one_row(room: Room) -> None:
    assert room.load([row("A", overdue="x", due_on="y")]).quarantined == 1
    assert [column for _, column, _, _ in room.rejections()] == ["due_on", "overdue"]


def test_a_language_that_is_not_spoken_rejects_only_itself(room: Room) -> None:
    room.load([row("A", language="fr")])
    assert room.amounts() == {"A": "100"}
    assert room.bad_contacts() == [(1, "language", "is none of the languages zh, en", "A")]


# --- files ------------------------------------------------------------------------------------


def written(rows: list[list[str]], **form: str) -> str:
    text = io.StringIO()
    csv.writer(text, **form).writerows(rows)
    return text.getvalue()


HEADER = ["account", "customer", "due_on", "overdue", "name"]


def deliver(room: Room, content: str | bytes, encoding: str = "utf-8") -> None:
    data = content if isinstance(content, bytes) else content.encode(encoding)
    (room.book.folder / f"{DATE}.csv").write_bytes(data)


@pytest.mark.parametrize(
    ("declared", "used"),
    [
        ("utf-8", "utf-8"),
        ("utf-8", "utf-8-sig"),
        ("gbk", "gbk"),
        ("cp936", "gbk"),
        ("gb18030", "gb18030"),
        ("gb18030", "gbk"),
        ("utf-16", "utf-16"),
    ],
)
def test_text_is_read_in_the_declared_encoding(
    furnish: Callable[..., Room], declared: str, used: str
) -> None:
    room = furnish({"encoding": declared, "columns": {"account": "账号"}})
    deliver(room, written([["账号", *HEADER[1:]], ["编号一", "C", "2026-03-01", "1", "王"]]), used)
    room.pull()
    assert room.amounts() == {"编号一": "1"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "gb18030"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_a_byte_order_mark_is_no_part_of_the_first_header(
    furnish: Callable[..., Room], encoding: str, quoting: int
) -> None:
    room = furnish({"encoding": encoding})
    rows = [HEADER, ["A", "C", "2026-03-01", "1", "王"]]
    deliver(room, "\ufeff" + written(rows, quoting=quoting), encoding)
    room.pull()
    assert room.amounts() == {"A": "1"}


def test_names_are_read_in_the_encodings_of_europe(furnish: Callable[..., Room]) -> None:
    room = furnish({"encoding": "cp1250"})
    deliver(room, written([HEADER, ["A", "C", "2026-03-01", "1", "Wiesława Ćwik"]]), "cp1250")
    room.pull()
    with room.engine.connect() as conn:
        assert conn.execute(select(customer.c.name)).scalars().all() == ["Wiesława Ćwik"]


def test_bytes_of_another_encoding_reject_their_row(room: Room) -> None:
    lines = [",".join(HEADER), "A,C,2026-03-01,1,Wang", "B,C,2026-03-01,1,王", "D,C,2026-03-01,1,x"]
    deliver(room, "\n".join(lines), "gbk")
    room.pull()
    assert set(room.amounts()) == {"A", "D"}
    assert room.rejections() == [
        (2, "name", "holds bytes that are no text in the declared encoding", "B")
    ]


def test_a_header_of_another_encoding_is_a_missing_column(furnish: Callable[..., Room]) -> None:
    room = furnish({"columns": {"account": "账号"}})
    deliver(room, written([["账号", *HEADER[1:]], ["A", "C", "2026-03-01", "1", "x"]]), "gb18030")
    with pytest.raises(SourceError, match=r"'账号' \(our account\) is missing"):
        room.pull()


def test_delimiter_decimal_sign_and_dates_are_as_declared(furnish: Callable[..., Room]) -> None:
    room = furnish(
        {"delimiter": ";", "decimal": ",", "grouping": ".", "dates": "%d.%m.%Y"}, currency="EUR"
    )
    cells = {"A": "1.488,69", "B": "89,9", "C": "1.000", "D": "1000", "E": "1.00", "F": "1,000.00"}
    rows = [[account, "K", "01.03.2026", cell, "x"] for account, cell in cells.items()]
    deliver(room, written([HEADER, *rows], delimiter=";"))
    room.pull()
    assert room.amounts() == {"A": "1488.69", "B": "89.9", "C": "1000", "D": "1000"}
    assert [account for *_, account in room.rejections()] == ["E", "F"]


def test_ragged_rows_are_rejected_and_their_accounts_unknown(room: Room) -> None:
    deliver(
        room,
        "account,customer,due_on,overdue,name\r\n"
        "A,C,2026-03-01,1.00,x\r\n"
        "short,C,2026-03-01\r\n"
        "\r\n"
        "long,C,2026-03-01,1,000.00,x\r\n"
        'quote,C,2026-03-01,1.00,"x" y\r\n'
        'inch,C,2026-03-01,1.00,12" tube\r\n'
        'fine,C,2026-03-01,1.00,"a ""b"", c\nd"\r\n'
        ",,,,\r\n",
    )
    loaded = room.pull()
    why = "the row has more or fewer cells than the header"
    assert room.rejections() == [
        (2, "(row)", why, "short"),
        (4, "(row)", why, "long"),
        (5, "(row)", why, "quote"),
    ]
    assert set(room.amounts()) == {"A", "inch", "fine"}
    assert (loaded.rows_read, loaded.quarantined) == (6, 3)


def test_cells_of_a_ragged_row_are_not_taken_for_an_account(room: Room) -> None:
    deliver(room, "name,account,customer,due_on,overdue\nWang, Mr,A,C,2026-03-01,1\n")
    room.pull()
    assert [account for *_, account in room.rejections()] == [None]


def test_a_quote_that_swallows_rows_stops_the_load(room: Room) -> None:
    lines = [",".join(HEADER), 'A,C,2026-03-01,1,"x', "B,C,2026-03-01,1,x", 'D,C,2026-03-01,1,"y"']
    deliver(room, "\n".join(lines))
    with pytest.raises(SourceError, match="lines 2 to 4: a quote is open where the line ends"):
        room.pull()


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("account,customer,DueOn,overdue", r"'due_on' is missing; similar ones are 'DueOn'"),
        ("account,customer,due_on", r"'overdue' is missing; none is similar"),
        ("account,customer,due_on,overdue,overdue", r"'overdue' stands 2 times"),
        ("account,customer,due_on,overdue,Phone", r"'phone' is missing, but there is 'Phone'"),
    ],
)
def test_missing_and_renamed_columns_stop_the_load(room: Room, header: str, says: str) -> None:
    room.load([row("A")])
    cells = ["A", "C", "2026-03-01", "1", "1"][: header.count(",") + 1]
    deliver(room, f"{header}\n{','.join(cells)}\n")
    with pytest.raises(SourceError, match=says):
        room.pull()
    assert room.amounts() == {"A": "100"}


def test_an_empty_file_is_refused_and_a_bare_header_is_no_rows(room: Room) -> None:
    deliver(room, "")
    with pytest.raises(SourceError, match="no columns at all, not even a header"):
        room.pull()
    deliver(room, ",".join(HEADER))
    assert room.pull().rows_read == 0
    assert not room.judge().accepted


def test_a_file_that_is_not_there_is_named(room: Room) -> None:
    with pytest.raises(SourceError, match=rf"looked for .*/{DATE}\.csv, and there is no such file"):
        room.pull()


def test_frames_go_on_counting_lines(furnish: Callable[..., Room]) -> None:
    room = furnish({"chunk_rows": 10})
    good = [[f"A{n}", "C", "2026-03-01", "1", "x"] for n in range(35)]
    good[33][3] = "x"
    deliver(room, written([HEADER, *good]))
    assert room.pull().rows_read == 35
    assert [line for line, *_ in room.rejections()] == [34]


def test_the_place_of_a_file_carries_the_date(furnish: Callable[..., Room]) -> None:
    room = furnish({"path": "memory://lender/{business_date}/book.csv"})
    from upath import UPath

    place = UPath(f"memory://lender/{DATE}/book.csv")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(written([HEADER, ["far", "C", "2026-03-01", "1", "x"]]))
    room.pull()
    assert room.amounts() == {"far": "1"}
    with pytest.raises(SourceError, match="no such file"):
        room.pull(DATE + dt.timedelta(days=1))
