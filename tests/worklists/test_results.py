"""What the teams write on their lists comes back once, and has its effects."""

import csv
import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import load_workbook

from dunflow.errors import SourceError
from dunflow.ledger.tables import (
    contact,
    conversation,
    dead_address,
    opt_out,
    promise,
    reply,
    result,
)
from dunflow.report.audit import audit
from tests.worklists.conftest import AT, DATE, Office, Open


def test_a_result_moves_its_call_and_a_talk_is_one(office: Open) -> None:
    at = office()
    (made,) = at.write()
    said = {"0020": "已接通", "A4": "voicemail", "A3": "no_answer", "A1": "refused"}
    taken = at.bring_back(made, {ref: {"result": word, **AT} for ref, word in said.items()})
    assert (taken.new, taken.known, taken.rejected) == (4, 0, [])
    references = {row["account"]: row["reference"] for row in at.table(made)}
    states = {ref: at.states()[reference] for ref, reference in references.items()}
    assert states == {
        "0020": "delivered",
        "A4": "delivered",
        "A3": "undelivered",
        "A1": "delivered",
    }
    assert len(at.rows(conversation)) == 2


PROMISED = {"promised_amount": "50.00", "promised_on": "2026-03-20", **AT}


def test_a_promise_is_recorded_with_its_amount_and_day(office: Open) -> None:
    at = office()
    (made,) = at.write()
    said = {"result": "promise", **PROMISED}
    for _ in range(2):
        at.bring_back(made, {"0020": said})
    (kept,) = at.rows(promise)
    assert (kept.amount, kept.currency, kept.promised_on) == (
        Decimal("50.00"),
        "CNY",
        dt.date(2026, 3, 20),
    )


def test_what_a_customer_says_is_put_before_a_person_as_a_reply_is(office: Open) -> None:
    at = office()
    (made,) = at.write()
    said = {"0020": "dispute", "A4": "hardship", "A3": "paid", "A1": "reached"}
    lines = {ref: {"result": word, "note": f"note of {ref}", **AT} for ref, word in said.items()}
    at.bring_back(made, lines)
    kept = {row.body: (row.kind, row.state, row.proposed_hold) for row in at.rows(reply)}
    assert kept == {
        "note of 0020": ("dispute", "open", "dispute"),
        "note of A4": ("hardship", "open", "hardship"),
        "note of A3": ("paid", "open", None),
        "note of A1": ("note", "kept", None),
    }


def test_a_note_comes_back_as_it_was_written(office: Open) -> None:
    """A list's CSV keeps spreadsheets from running what looks like a formula, and so may theirs."""
    at = office()
    (made,) = at.write()
    written = {"0020": "'=2+2 owed", "A4": "x" * 1500, "A3": "１３ o'clock\nat home"}
    at.bring_back(
        made, {ref: {"result": "reached", "note": note, **AT} for ref, note in written.items()}
    )
    kept = {row.body for row in at.rows(reply)}
    assert kept == {"=2+2 owed", "x" * 1500, "１３ o'clock\nat home"}


def test_a_promise_may_be_written_in_wide_digits(office: Open) -> None:
    at = office()
    (made,) = at.write()
    wide = {"promised_amount": "５０", "promised_on": "２０２６-3-20"}
    assert at.bring_back(made, {"0020": {"result": "承诺还款", **wide, **AT}}).rejected == []
    (kept,) = at.rows(promise)
    assert (kept.amount, kept.promised_on) == (Decimal(50), dt.date(2026, 3, 20))


def test_a_wrong_number_is_used_no_more(office: Open) -> None:
    at = office()
    (made,) = at.write()
    at.bring_back(made, {"0020": {"result": "wrong_number", **AT}})
    dead = {(row.channel, row.address) for row in at.rows(dead_address)}
    assert dead == {(each, "+8613800138002") for each in ("sms", "voice", "call")}


def test_who_wants_no_more_calls_gets_none(office: Open) -> None:
    at = office()
    (made,) = at.write()
    at.bring_back(made, {"0020": {"result": "no_more", **AT}})
    assert {row.channel for row in at.rows(opt_out)} == {"call", "voice"}


def test_a_line_is_taken_in_once_and_empty_ones_are_left_for_later(office: Open) -> None:
    at = office()
    (made,) = at.write()
    first = at.bring_back(made, {"0020": {"result": "no_answer", **AT}})
    again = at.bring_back(
        made, {"0020": {"result": "no_answer", **AT}, "A3": {"result": "reached", **AT}}
    )
    assert (first.new, again.new, again.known) == (1, 1, 1)
    assert len(at.rows(result)) == 2


WRONG = [
    ({"result": "shouted", **AT}, "row 1: result: is none of reached"),
    ({"result": "reached", "at": ""}, "at: is empty"),
    ({"result": "reached", "at": "noon"}, "at: is no instant"),
    ({"result": "reached", "at": "2026-03-10 02:00"}, "at: lies before the list was made"),
    ({"result": "reached", "at": "2026-03-12 12:00"}, "in the future"),
    ({"result": "reached", "at": "0001-01-01"}, "at: lies before 1901"),
    ({"result": "reached", "at": "9999-12-31T23:00-05:00"}, "at: lies after 9998"),
    ({"result": "reached", "reference": "NONE", **AT}, "reference: is that of no call"),
    ({"result": "promise", **AT}, "promised_amount: a promise needs it"),
    ({"result": "promise", **PROMISED | {"promised_amount": "5.001"}}, "more decimals than CNY"),
    ({"result": "promise", **PROMISED | {"promised_amount": "0"}}, "is not more than nothing"),
    ({"result": "promise", **PROMISED | {"promised_on": "2026-03-01"}}, "promised_on: was over"),
]


def test_a_bad_line_is_told_and_stops_no_other(office: Open) -> None:
    at = office()
    (made,) = at.write()
    for wrong, told in WRONG:
        taken = at.bring_back(made, {"0020": wrong, "A3": {"result": "reached", **AT}})
        assert taken.new + taken.known == 1
        (fault,) = taken.rejected
        assert told in str(fault)
        assert "shouted" not in str(fault)
    assert len(at.rows(result)) == 1
    # A line is one attempt.
    taken = at.bring_back(made, {"A3": {"result": "no_answer", **AT}})
    assert "has the result 'reached' already" in str(taken.rejected[0])


def test_a_call_outside_of_the_customer_s_hours_is_kept_and_told_of(office: Open) -> None:
    """On the clock of each: for Ann in Berlin it was seven hours earlier."""
    at = office()
    (made,) = at.write()
    late = {"result": "no_answer", "at": "2026-03-10 23:40"}
    taken = at.bring_back(made, {"A1": late, "A3": late})
    assert (taken.new, taken.rejected) == (2, [])
    (told,) = taken.unlawful
    row = next(n for n, row in enumerate(at.table(made), 1) if row["account"] == "A1")
    assert str(told) == (
        f"row {row}: at: lies outside the hours in which the packs allow a call to this customer"
    )
    assert broken(at) == {"people called and visited within contact hours": ["A1"]}


@pytest.mark.parametrize(
    ("told_at", "counts_on"),
    [("2026-03-10 17:00", 10), ("2026-03-11 05:00", 10), ("2026-03-11 12:00", 11)],
)
def test_a_call_counts_on_the_customer_s_day_on_which_it_was_made(
    told_at: str, counts_on: int, office: Open
) -> None:
    at = office()
    (made,) = at.write()
    at.desk.clock.move_to(at.desk.clock.now() + dt.timedelta(days=1))  # type: ignore[attr-defined]
    at.bring_back(made, {"A3": {"result": "no_answer", "at": told_at}})
    ann = next(row for row in at.rows(contact) if row.address == "+8613800138003")
    assert ann.contact_on == dt.date(2026, 3, counts_on)


def test_a_call_made_on_the_day_of_another_blames_neither(office: Open) -> None:
    at = office(packs=["own-day", "own-one-call"], attempts=9)
    (first,) = at.write()
    at.live(DATE + dt.timedelta(days=1), 16)
    assert len(at.write()) == 1
    at.bring_back(first, {"A1": {"result": "no_answer", "at": "2026-03-11 17:00"}})
    days = [row.contact_on for row in at.rows(contact) if row.address == "+8613800138001"]
    assert days == [dt.date(2026, 3, 11)] * 2
    assert broken(at) == {}


def broken(at: Office) -> dict[str, list[str]]:
    """The promises that an audit finds broken, and for whom."""
    desk = at.desk
    with desk.engine.begin() as conn:
        checked = audit(conn, desk.book, desk.portfolio_id)
    return {each.promise: each.accounts for each in checked if each.broken}


def test_the_excel_file_comes_back_as_well(office: Open) -> None:
    at = office()
    (made,) = at.write()
    book = load_workbook(at.file(made, 1))
    sheet = book.worksheets[0]
    header = [cell.value for cell in sheet[1]]
    told = {
        "result": "promise",
        "at": dt.datetime(2026, 3, 10, 17, 0),  # noqa: DTZ001 - as Excel has it
        "promised_amount": 49.9,
        "promised_on": dt.datetime(2026, 3, 20),  # noqa: DTZ001
    }
    for name, value in told.items():
        sheet.cell(row=2, column=header.index(name) + 1).value = value
    book.save(at.folder / "back.xlsx")
    assert at.take(at.folder / "back.xlsx").rejected == []
    (kept,) = at.rows(promise)
    assert (kept.amount, kept.promised_on) == (Decimal("49.9"), dt.date(2026, 3, 20))


def test_a_file_that_is_no_list_is_refused_whole(office: Open, tmp_path: Path) -> None:
    at = office()
    files = {
        "a.csv": b"result,at\nreached,x\n",
        "b.xlsx": b"no",
        "c.csv": b"\xff",
        "d.csv": b"reference,result,at,result\nX,reached,x,paid\n",
        "e.csv": b"",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SourceError, match="Give back the list as it was made"):
            at.take(tmp_path / name)


def test_what_a_visit_came_to_comes_back_as_a_call_does(office: Open) -> None:
    at = office("visit")
    (made,) = at.write("visit")
    rows = at.table(made)
    rows[0] |= {"result": "地址错误", **AT}
    file = at.folder / "back.csv"
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert at.take(file, "visit").new == 1
    assert at.take(file, "call").rejected
    assert {row.channel for row in at.rows(dead_address)} == {"letter", "visit"}
