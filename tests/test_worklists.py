"""Calls that the outbox lists become lists for teams, and what the teams write comes back once."""

import csv
import datetime as dt
import json
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pypdfium2 as pdfium
import pytest
from openpyxl import load_workbook
from sqlalchemy import Engine, Table, select

from dunflow import day as stages
from dunflow.clock import VirtualClock
from dunflow.config.policy import Channel
from dunflow.config.portfolio import Calls, Team
from dunflow.console.app import create_app
from dunflow.console.lists import heads, page_of
from dunflow.day import Day
from dunflow.errors import SourceError
from dunflow.intake.holders import account_of
from dunflow.intake.holds import Hold, Holder, record_hold
from dunflow.intake.results import Taken, take_results
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import (
    contact,
    conversation,
    dead_address,
    opt_out,
    promise,
    reply,
    result,
    worklist_line,
)
from dunflow.place.deliver import EXPORTS, Place
from dunflow.placements import Desk
from dunflow.sandbox.serve import serve
from dunflow.scenario.model import Scenario
from dunflow.scenario.run import Story, book_of
from dunflow.snapshot.pull import Pull
from dunflow.worklists.make import lists_of, write_lists

DATE = dt.date(2026, 3, 9)
HERE = Path(__file__).parent / "scenarios/own/none.yaml"
ROWS = [
    # name, account, customer, language, due, overdue, phone, time zone
    ("=cmd|' /C calc'!A0", "A1", "C1", "zh", "2026-03-08", "100.00", "+8613800138001", None),
    ("王小明", "0020", "C2", "zh", "2026-01-08", "50.00", "+8613800138002", None),
    ("Ann", "A3", "C3", "en", "2026-03-08", "900.00", "+8613800138003", "Europe/Berlin"),
    ("Bob", "A4", "C4", "en", "2026-03-08", "1000.00", "+8613800138004", None),
    ("Bob", "A5", "C4", "en", "2026-03-08", "1.50", "+8613800138004", None),
]
COLUMNS = ["name", "account", "customer", "language", "due_on", "overdue", "phone", "time_zone"]


class Office:
    """A day whose contacts are listed, and the folder that the lists go to."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk, self.folder = desk, folder

    def live(self, date: dt.date, hour: int) -> None:
        """A day of the book, up to this hour of the next one."""
        desk, calendar = self.desk, self.desk.book.portfolio.calendar
        clock = desk.clock
        assert isinstance(clock, VirtualClock)
        clock.move_to(calendar.usual_time_of(date))
        day = Day(desk.engine, desk.book, date, clock, {})
        frame = pd.DataFrame(ROWS, columns=COLUMNS)
        blank = ["email", "balance", "product", "segment", "instalments_overdue"]
        given = {"currency": "CNY", "address": "1 Some Street", "last_payment_on": None}
        frame = frame.assign(**given, **dict.fromkeys(blank))
        delivered = Pull(iter([frame.astype("string[pyarrow]")]), calendar.close_of(date))
        stages.snapshot(day, delivered)
        stages.gate(day)
        stages.decide(day)
        clock.move_to(calendar.start_of(date) + dt.timedelta(days=1, hours=hour))
        stages.remind(day)

    def write(self, channel: Channel = "call") -> list[dict[str, Any]]:
        return write_lists(self.desk, channel)

    def table(self, made: dict[str, Any]) -> list[dict[str, str]]:
        with self.file(made).open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.DictReader(stream))

    def file(self, made: dict[str, Any], number: int = 0) -> Path:
        (folder,) = self.folder.glob(f"*/*/{made['reference']}")
        return folder / str(made["files"][number]["name"])

    def bring_back(self, made: dict[str, Any], said: dict[str, dict[str, str]]) -> Taken:
        """The list, filled in: account → what is written into its line."""
        rows = [row | said.get(row["account"], {}) for row in self.table(made)]
        file = self.folder / "back.csv"
        with file.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return self.take(file)

    def take(self, file: Path, channel: Channel = "call") -> Taken:
        now = self.desk.clock.now() + dt.timedelta(hours=8)
        with self.desk.engine.begin() as conn:
            number = self.desk.portfolio_id
            return take_results(conn, self.desk.book, number, channel, file, "ann", now)

    def rows(self, table: Table) -> list[Any]:
        with self.desk.engine.connect() as conn:
            return list(conn.execute(select(table)))

    def states(self) -> dict[str, str]:
        with self.desk.engine.connect() as conn:
            return dict(conn.execute(select(contact.c.reference, contact.c.state)).all())


Open = Callable[..., Office]


@pytest.fixture
def office(ledger: Engine, tmp_path: Path) -> Open:
    def make(
        channel: Channel = "call", teams: list[Team] | None = None, hour: int = 16, **policy: Any
    ) -> Office:
        often = {"channel": channel, "repeat": {"every_days": 1, "times": 9}}
        steps = [
            [{"step": "mild", "at_dpd": 1, "template": "firm"} | often],
            [{"step": "hard", "at_dpd": 31, "template": "final"} | often],
        ]
        tiers = [
            {"tier": "early", "from_dpd": 1, "steps": steps[0]},
            {"tier": "late", "from_dpd": 31, "steps": steps[1]},
        ]
        story = {
            "scenario": "s",
            "policy": {"policy": "p", "packs": ["own-day"], "tiers": tiers} | policy,
            "accounts": {},
            "timeline": [],
            "expect": {},
        }
        book = book_of(Story(HERE, Scenario.model_validate(story)))
        calls = Calls(teams=teams) if teams else Calls()
        portfolio = book.portfolio.model_copy(update={"calls": calls})
        book = type(book)(portfolio, book.policy, book.floor, book.folder)
        with ledger.begin() as conn:
            number = portfolio_id_of(conn, book.name)
        clock = VirtualClock(portfolio.calendar.usual_time_of(DATE))
        at = Office(Desk(ledger, book, number, clock, {EXPORTS: str(tmp_path)}), tmp_path)
        # Berlin's eight o'clock is Shanghai's three in the afternoon.
        at.live(DATE, hour)
        return at

    return make


def test_a_list_is_in_the_order_of_the_policy(office: Open) -> None:
    at = office()
    (made,) = at.write()
    rows = at.table(made)
    assert [row["account"] for row in rows] == ["0020", "A4", "A3", "A1"]
    assert [row["position"] for row in rows] == ["1", "2", "3", "4"]
    assert (rows[0]["tier"], rows[0]["dpd"], rows[0]["due_on"]) == ("late", "60", "2026-01-08")


def test_a_line_has_what_a_caller_needs(office: Open) -> None:
    at = office()
    (made,) = at.write()
    line = next(row for row in at.table(made) if row["account"] == "A4")
    assert (line["phone"], line["name"], line["language"]) == ("+8613800138004", "Bob", "en")
    assert (line["accounts"], line["amount"], line["currency"]) == ("2", "1001.50", "CNY")
    assert "Make sure that you speak with Bob" in line["talking_points"]
    assert line["result"] == ""


def test_a_line_tells_what_was_before_with_this_customer_and_no_other(office: Open) -> None:
    at = office(teams=[Team(team="home", languages=["zh"]), Team(team="abroad", languages=["en"])])
    first, _ = at.write()
    said = {"result": "promise", "promised_amount": "50.00", "promised_on": "2026-03-10", **AT}
    at.bring_back(first, {"0020": said})
    at.live(DATE + dt.timedelta(days=1), 16)
    lines = {row["account"]: row for each in at.write() for row in at.table(each)}
    told = {
        ref: (line["last_contact"], line["last_result"], line["last_promise"])
        for ref, line in lines.items()
    }
    assert told["0020"] == (
        "2026-03-10 call",
        "2026-03-10 promise",
        "2026-03-10 CNY 50.00",
    )
    assert told["A1"] == ("2026-03-10 call", "", "")
    assert told["A3"] == ("2026-03-10 call", "", "")


def test_the_hours_are_those_of_the_customers_own_clock(office: Open) -> None:
    at = office()
    (made,) = at.write()
    hours = {
        row["account"]: (row["call_from"], row["call_until"], row["time_zone"])
        for row in at.table(made)
    }
    assert hours["A3"] == ("09:00", "20:00", "Europe/Berlin")
    assert hours["A4"] == ("16:00", "20:00", "Asia/Shanghai")


def test_what_a_spreadsheet_would_run_is_a_text(office: Open) -> None:
    at = office()
    (made,) = at.write()
    line = next(row for row in at.table(made) if row["account"] == "A1")
    assert line["name"] == "'=cmd|' /C calc'!A0"
    sheet = load_workbook(at.file(made, 1)).worksheets[0]
    header = [cell.value for cell in sheet[1]]
    cell = sheet.cell(row=5, column=header.index("name") + 1)
    assert (cell.value, cell.data_type) == ("=cmd|' /C calc'!A0", "s")
    assert sheet.cell(row=2, column=header.index("amount") + 1).value == 50
    assert sheet.cell(row=2, column=header.index("account") + 1).value == "0020"


def test_a_contact_is_on_one_list_whoever_runs_how_often(office: Open) -> None:
    at = office()
    (made,) = at.write()
    before = at.file(made).read_bytes()
    assert at.write() == []
    assert lists_of(at.desk, "call") == [made]
    assert at.file(made).read_bytes() == before
    assert len(at.rows(worklist_line)) == 4


def test_each_team_gets_those_who_speak_its_language(office: Open) -> None:
    teams = [
        Team(team="home", languages=["zh"]),
        Team(team="abroad", languages=["en"]),
        Team(team="abroad_too", languages=["en"]),
    ]
    at = office(teams=teams)
    made = at.write()
    found = {each["team"]: [row["account"] for row in at.table(each)] for each in made}
    assert found["home"] == ["0020", "A1"]
    assert sorted(found["abroad"] + found["abroad_too"]) == ["A3", "A4"]
    assert len(found) == 3


@pytest.mark.parametrize("dies_at", ["draft", "put", "after"])
def test_a_list_that_was_interrupted_is_there_once_and_whole(
    office: Open, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    at = office()
    put = Place.put

    def die(*given: Any) -> None:
        if dies_at == "after":
            put(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(Place, "draft" if dies_at == "draft" else "put", die)
    with pytest.raises(KeyboardInterrupt):
        at.write()
    assert len(list(at.folder.glob("*/calls/*/manifest.json"))) == (1 if dies_at == "after" else 0)
    monkeypatch.undo()
    (made,) = at.write()
    (folder,) = at.folder.glob("*/calls/*")
    assert json.loads((folder / "manifest.json").read_text()) == made
    assert made["lines"] == 4


def test_a_line_whose_day_is_over_before_it_was_listed_is_not_done(office: Open) -> None:
    at = office()
    at.desk.clock.move_to(at.desk.clock.now() + dt.timedelta(days=1))  # type: ignore[attr-defined]
    assert at.write() == []
    assert set(at.states().values()) == {"undelivered"}


AT = {"at": "2026-03-10 17:00"}


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


def test_a_promise_is_recorded_with_its_amount_and_day(office: Open) -> None:
    at = office()
    (made,) = at.write()
    said = {"result": "promise", "promised_amount": "50.00", "promised_on": "2026-03-20", **AT}
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
    ({"result": "shouted", **AT}, "result is none"),
    ({"result": "reached", "at": ""}, "at is no instant"),
    ({"result": "reached", "at": "2026-03-10 02:00"}, "before the list was made"),
    ({"result": "reached", "at": "2026-03-12 12:00"}, "in the future"),
    ({"result": "reached", "reference": "NONE", **AT}, "reference is that of no call"),
    ({"result": "promise", **AT}, "promised_amount"),
    ({"result": "promise", "promised_amount": "5", "promised_on": "2026-03-01", **AT}, "not over"),
]


def test_a_bad_line_is_told_and_stops_no_other(office: Open) -> None:
    at = office()
    (made,) = at.write()
    for wrong, told in WRONG:
        taken = at.bring_back(made, {"0020": wrong, "A3": {"result": "reached", **AT}})
        assert taken.new + taken.known == 1
        (fault,) = taken.rejected
        assert told in fault
        assert "shouted" not in fault
    assert len(at.rows(result)) == 1
    # A line is one attempt.
    taken = at.bring_back(made, {"A3": {"result": "no_answer", **AT}})
    assert "has the result 'reached' already" in taken.rejected[0]


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
    for name, content in (("a.csv", "result,at\nreached,x\n"), ("b.xlsx", "no"), ("c.csv", "\xff")):
        (tmp_path / name).write_bytes(content.encode("latin-1"))
        with pytest.raises(SourceError):
            at.take(tmp_path / name)


def test_the_console_shows_a_list_and_what_must_not_be_done_any_more(office: Open) -> None:
    at = office()
    (made,) = at.write()
    at.bring_back(made, {"0020": {"result": "no_answer", **AT}})
    now = at.desk.clock.now()
    with at.desk.engine.begin() as conn:
        held = account_of(conn, at.desk.portfolio_id, "A3")
        stands = Hold(Holder(account_id=held), "dispute", now, None, now, "ann")
        record_hold(conn, at.desk.portfolio_id, stands)
    with at.desk.engine.connect() as conn:
        (head,) = heads(conn)
        page = page_of(conn, made["reference"], now, lambda _: at.desk.book)
    assert (head.lines, head.done, head.team) == (4, 1, "calls")
    assert page is not None
    shown = {line["account"]: (line["result"], line["forbidden"]) for line in page.lines}
    assert shown == {
        "0020": ("no_answer", None),
        "A4": (None, None),
        "A3": (None, "hold.dispute"),
        "A1": (None, None),
    }
    app = create_app([], lambda: at.desk.engine, lambda _: at.desk.book)
    with serve(app) as url, urllib.request.urlopen(f"{url}/lists/{made['reference']}") as answer:
        text = answer.read().decode()
    assert "+8613800138004" in text
    assert "do not: " in text


def test_an_order_for_a_visit_says_how_many_go_when_and_what_keeps_them_safe(
    office: Open, tmp_path: Path
) -> None:
    at = office("visit", packs=["own-day", "own-visits"])
    (made,) = at.write("visit")
    line = next(row for row in at.table(made) if row["account"] == "0020")
    assert (line["people"], line["announce_by"]) == ("2–3", "2026-03-10")
    assert (line["visit_on"], line["visit_from"], line["visit_until"]) == (
        "2026-03-13",
        "08:00",
        "20:00",
    )
    assert "不得单独上门" in line["safety"]
    assert line["address"] == "1 Some Street"
    pdf = at.file(made, 2)
    pages = [page.get_textpage().get_text_range() for page in pdfium.PdfDocument(pdf)]
    assert made["files"][2]["pages"] == len(pages)
    assert len(pages) == made["lines"]
    assert line["reference"] in pages[0]
    for said in ("上门工单", "1 Some Street", "2026-03-13", "不得单独上门", "客户签名"):
        assert said in pages[0]


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
