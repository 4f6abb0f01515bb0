"""Calls and visits that the outbox lists become lists for teams, and each is on one."""

import datetime as dt
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pyrage
import pytest
from openpyxl import load_workbook
from sqlalchemy import update

from dunflow.config.book import Book
from dunflow.config.destination import Destination
from dunflow.config.policy import Channel
from dunflow.config.portfolio import Team
from dunflow.console.app import create_app
from dunflow.console.lists import heads, page_of
from dunflow.errors import ConfigError
from dunflow.intake.holders import account_of
from dunflow.intake.holds import Hold, Holder, record_hold
from dunflow.ledger.tables import contact, customer, worklist_line
from dunflow.place.deliver import Place
from dunflow.sandbox.serve import serve
from dunflow.worklists.make import lists_of
from tests.worklists.conftest import AT, DATE, ROWS, Office, Open


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


def test_no_sign_in_a_name_or_an_address_turns_the_words_beside_it_around(office: Open) -> None:
    at = office("visit")
    with at.desk.engine.begin() as conn:
        conn.execute(update(customer).values(name="abc\u202egnp.exe"))
        conn.execute(update(contact).values(address="1 \u2067Some Street\nTown"))
    (made,) = at.write("visit")
    told = {(line["name"], line["address"]) for line in at.table(made)}
    assert told == {("abcgnp.exe", "1 Some Street\nTown")}
    _, page = _shown(at, made["reference"])
    assert "<bdi>abcgnp.exe</bdi>" in page
    assert "<bdi>1 Some Street\nTown</bdi>" in page


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


@pytest.mark.parametrize("dies_at", ["_draft", "_put", "after"])
def test_a_list_that_was_interrupted_is_there_once_and_whole(
    office: Open, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    at = office()
    put = Place._put

    def die(*given: Any) -> None:
        if dies_at == "after":
            put(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(Place, "_draft" if dies_at == "_draft" else "_put", die)
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
    assert set(at.states().values()) == {"cancelled"}


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
        page = page_of(conn, head, now, lambda _: at.desk.book)
    assert (head.lines, head.done, head.team) == (4, 1, "calls")
    shown = {line["account"]: (line["result"], line["forbidden"]) for line in page.lines}
    assert shown == {
        "0020": ("no_answer", None),
        "A4": (None, None),
        "A3": (None, "hold.dispute"),
        "A1": (None, None),
    }
    status, text = _shown(at, made["reference"])
    assert status == 200
    assert "+8613800138004" in text
    assert "do not: " in text


def test_a_line_stays_in_red_when_its_date_comes_again_without_the_account(office: Open) -> None:
    at = office()
    (made,) = at.write()
    at.live(DATE, 17, gone="0020")
    with at.desk.engine.connect() as conn:
        (head,) = heads(conn)
        page = page_of(conn, head, at.desk.clock.now(), lambda _: at.desk.book)
    shown = {line["account"]: line["forbidden"] for line in page.lines}
    assert shown == {"0020": "settled", "A4": None, "A3": None, "A1": None}
    assert len(page.lines) == head.lines
    assert "do not: settled" in _shown(at, made["reference"])[1]


def _shown(
    at: Office, reference: str, seen: str = "scenario", books: Callable[[str], Book] | None = None
) -> tuple[int, str]:
    """The page of a list, to somebody who sees the people of the portfolio `seen`."""
    app = create_app(
        [],
        lambda: at.desk.engine,
        books or (lambda _: at.desk.book),
        sees_people=lambda: lambda portfolio: portfolio == seen,
    )
    with serve(app) as url:
        try:
            with urllib.request.urlopen(f"{url}/lists/{reference}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def test_who_may_not_work_on_a_portfolio_sees_none_of_its_people(office: Open) -> None:
    at = office()
    (made,) = at.write()
    status, text = _shown(at, made["reference"], seen="another")
    assert status == 403
    assert "may edit its DAG daily_escalation__scenario" in text
    assert "+86" not in text


def test_a_list_of_a_portfolio_that_is_gone_says_so(office: Open) -> None:
    at = office()
    (made,) = at.write()

    def gone(name: str) -> Book:
        raise ConfigError(f"there is no portfolio {name!r}")

    status, text = _shown(at, made["reference"], books=gone)
    assert status == 404
    assert "there is no portfolio &#39;scenario&#39;" in text


@pytest.mark.parametrize("reference", ["%00", "%ff", "none-calls", "%ED%A0%80", "x" * 5000])
def test_a_list_that_is_not_there_is_not_found(office: Open, reference: str) -> None:
    status, text = _shown(office(), reference)
    assert (status, "There is no such list" in text) == (404, True)


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
    for said in ("上门工单", "1 Some Street", "2026-03-13", "不得单独上门", "客户签名", "应还金额"):
        assert said in pages[0]
    assert "逾期金额" not in pages[0]  # a part of the sum, or all of it, may not be due yet


def test_an_order_for_a_visit_writes_signs_that_its_fonts_lack_by_their_numbers(
    office: Open,
) -> None:
    odd = ("김수 😀", "A6", "C6", "zh", "2026-01-02", "60.00", "+8613800138006", None)
    at = office("visit", rows=[odd, *ROWS], packs=["own-day", "own-visits"])
    (made,) = at.write("visit")
    lines = {row["account"]: row for row in at.table(made)}
    assert lines["A6"]["name"] == "김수 😀"
    assert made["by_code"] == [lines["A6"]["reference"]]
    pages = [page.get_textpage().get_text_range() for page in pdfium.PdfDocument(at.file(made, 2))]
    assert "[U+AE40][U+C218] [U+1F600]" in pages[0]
    assert "Unicode" in pages[0]
    assert not any("Unicode" in page for page in pages[1:])


@pytest.mark.parametrize(("channel", "files"), [("call", 2), ("visit", 3)])
def test_only_the_team_can_read_a_list_that_is_encrypted(
    office: Open, channel: Channel, files: int
) -> None:
    team = pyrage.x25519.Identity.generate()
    key = str(team.to_public())
    at = office(channel, packs=["own-day", "own-visits"])
    to = {f"{channel}s": Destination(encrypt_to=[key])}
    portfolio = at.desk.book.portfolio.model_copy(update={"destinations": to})
    at.desk = replace(at.desk, book=replace(at.desk.book, portfolio=portfolio))
    (made,) = at.write(channel)
    assert made["encryption"] == {"method": "age", "recipients": [key]}
    file = at.file(made)
    names = sorted(each["name"] for each in made["files"])
    assert len(names) == files
    assert sorted(each.name for each in file.parent.iterdir()) == sorted([*names, "manifest.json"])
    for name in names:
        sealed = (file.parent / name).read_bytes()
        assert sealed.startswith(b"age-encryption.org/v1")
        with pytest.raises(pyrage.DecryptError):
            pyrage.decrypt(sealed, [pyrage.x25519.Identity.generate()])
    assert "王小明" in pyrage.decrypt(file.read_bytes(), [team]).decode("utf-8-sig")
