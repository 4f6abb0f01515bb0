"""Letters that the outbox lists become pages for the printer, each of them once."""

import datetime as dt
import hashlib
import json
import re
import unicodedata
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pypdfium2 as pdfium
import pyrage
import pytest
from pypdfium2.raw import FPDF_PAGEOBJ_PATH
from sqlalchemy import select, update

from dunflow import placements
from dunflow.intake.payments import Payment, record_payment
from dunflow.ledger.tables import contact, contact_text, dead_address, episode
from dunflow.letters import NO_WORDING, print_letters
from dunflow.place.deliver import Place
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from dunflow.remind.letters.letter import (
    ADDRESS_LACKS_SIGNS,
    NAME_LACKS_SIGNS,
    NO_NAME,
    TOO_LONG,
)
from dunflow.remind.letters.window import lines_in_window
from tests.letters.conftest import (
    BEFORE,
    DATE,
    FEW,
    MANY,
    NEVER,
    NOTICE,
    MakeDesk,
    fail_to_print,
    pages,
    states,
)
from tests.printed import fonts_of


def close(text: str) -> str:
    """Without its spaces: a page breaks lines where the text has none."""
    return "".join(text.split())


def test_a_letter_says_who_how_much_and_how_to_pay(listed: MakeDesk, tmp_path: Path) -> None:
    print_letters(listed(FEW))
    english, chinese = pages(tmp_path)
    for said in ("Ann #set *Example* $x$", "12 Some Street", "1,300.00", "pay.example.com"):
        assert said in english
    assert "Page 1 of 1" in english
    for said in ("王小明", "上海市浦东新区", "1,300.00", "400-000-0000"):
        assert said in chinese


def worded(folder: Path, opening: str, closing: str = "Call us.") -> Path:
    """A portfolio whose letters say this."""
    file = folder / "templates/en/final/email.txt"
    file.parent.mkdir(parents=True)
    blocks = {"opening": opening, "closing": closing}
    said = [f"{{% block {name} %}}{words}{{% endblock %}}" for name, words in blocks.items()]
    file.write_text("\n".join(said), encoding="utf-8")
    return folder


def test_a_template_that_changes_after_the_claim_changes_no_letter(
    listed: MakeDesk, tmp_path: Path
) -> None:
    desk = listed(FEW[:1], worded(tmp_path / "then", "Said when\nclaimed.", "Closed then."))
    today = worded(tmp_path / "today", "Said today.", "Closed today.")
    print_letters(replace(desk, book=replace(desk.book, folder=today)))
    (page,) = pages(tmp_path)
    for said in ("Said when claimed.", "Closed then."):
        assert said in page
    assert "today" not in page


def test_a_threat_in_the_wording_of_a_letter_does_not_go_out(
    listed: MakeDesk, tmp_path: Path
) -> None:
    desk = listed(FEW[:1], worded(tmp_path / "own", "You will be arrested."))
    assert print_letters(desk) == []
    with desk.engine.connect() as conn:
        rows = conn.execute(select(contact.c.state, contact.c.reason)).all()
    assert [tuple(row) for row in rows] == [("cancelled", "lint.E03_crime")]


def test_the_page_says_what_was_kept_of_it(listed: MakeDesk, tmp_path: Path) -> None:
    desk = listed(FEW[:2])
    print_letters(desk)
    with desk.engine.connect() as conn:
        kept = conn.execute(select(contact_text).order_by(contact_text.c.contact_id)).all()
    for page, text in zip(pages(tmp_path), kept, strict=True):
        for said in (text.subject, text.body.splitlines()[-1], "1,300.00"):
            assert close(said) in close(page)


@pytest.mark.parametrize("due_on", ["2026-03-12", "2026-03-09"])
def test_a_letter_before_the_due_date_calls_nothing_overdue(
    listed: MakeDesk, tmp_path: Path, due_on: str
) -> None:
    print_letters(listed(FEW[:2], policy=BEFORE, due_on=due_on))
    english, chinese = pages(tmp_path)
    assert "Payments due, as of 9 March 2026" in english
    assert "Due on" in english
    assert "截至2026年3月9日的应还款项" in close(chinese)
    for page in (english, chinese):
        assert not re.search(r"overdue|Due since|逾期|最早|(?<!\d)-\d", page, re.IGNORECASE)


def test_a_letter_calls_overdue_only_the_accounts_that_are(
    listed: MakeDesk, tmp_path: Path
) -> None:
    rows = [(name, f"{n}{key}", key, *rest) for name, _, key, *rest in FEW[:2] for n in (1, 2)]
    desk = listed(rows, policy=BEFORE, due_on=["2026-03-08", "2026-03-12"] * 2)
    print_letters(desk)
    english, chinese = (close(page) for page in pages(tmp_path))
    assert "Paymentsdue,asof9March2026" in english
    assert "AccountDueonDaysoverdueAmount…1C18March20261CN¥1,300.00" in english
    assert "…2C112March2026CN¥1,300.00Total" in english
    assert "截至2026年3月9日的应还款项借款到期日逾期天数应还金额" in chinese
    assert "…1C22026年3月8日1¥1,300.00…2C22026年3月12日¥1,300.00合计" in chinese


def test_the_evidence_words_a_letter_as_its_page_did(listed: MakeDesk, tmp_path: Path) -> None:
    print_letters(listed(FEW[1:2], policy=NOTICE))
    desk = listed(FEW[1:2], policy=NOTICE, date=DATE + dt.timedelta(days=1))
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    (page,) = pages(tmp_path)
    (evidence,) = tmp_path.glob("*/court/*/*.pdf")
    shown = "".join(each.get_textpage().get_text_range() for each in pdfium.PdfDocument(evidence))
    with desk.engine.connect() as conn:
        (kept,) = conn.execute(select(contact_text)).all()
    for said in (kept.subject, kept.body.splitlines()[-1]):
        assert close(said) in close(page)
        assert close(said) in close(shown)


def test_a_letter_whose_wording_was_not_kept_is_decided_again(
    listed: MakeDesk, tmp_path: Path
) -> None:
    desk = listed(FEW[:2])
    with desk.engine.begin() as conn:
        first = select(contact.c.contact_id).order_by(contact.c.contact_id).limit(1)
        before = contact_text.c.contact_id == first.scalar_subquery()
        conn.execute(update(contact_text).where(before).values(subject=None))
    (made,) = print_letters(desk)
    assert list(made["unprintable"].values()) == [NO_WORDING]
    assert made["letters"] == 1
    assert states(desk) == [("undelivered", "unprintable"), ("accepted", None)]
    with desk.engine.connect() as conn:
        progress = conn.execute(select(episode.c.progress).order_by("episode_id")).scalars()
        assert [each["s"][:2] for each in progress] == [[0, 1], [1, 0]]
        assert conn.execute(select(dead_address)).all() == []


def test_every_page_bears_the_reference_of_its_own_letter(listed: MakeDesk, tmp_path: Path) -> None:
    desk = listed(FEW)
    print_letters(desk)
    with desk.engine.connect() as conn:
        rows = conn.execute(select(contact.c.reference).order_by(contact.c.contact_id))
        references = list(rows.scalars())
    for page, reference in zip(pages(tmp_path), references, strict=False):
        assert page.count(reference) == 3  # in its head, where it says how to pay, and in its foot


def test_a_letter_that_does_not_fit_the_window_is_listed_and_not_printed(
    listed: MakeDesk, tmp_path: Path
) -> None:
    (made,) = print_letters(listed(FEW))
    assert (made["letters"], made["pages"]) == (2, 2)
    assert list(made["unprintable"].values()) == [
        "the name and the address take more than 7 lines of the window"
    ]
    assert len(pages(tmp_path)) == 2


ROAD = "12 Some Street\nShanghai 200000"


@pytest.mark.parametrize(
    ("name", "address", "why"),
    [
        ("김민수", ROAD, NAME_LACKS_SIGNS),
        ("Ann \N{GRINNING FACE}", ROAD, NAME_LACKS_SIGNS),
        ("𠮷田", ROAD, NAME_LACKS_SIGNS),
        ("Ann", "서울시\n강남구", ADDRESS_LACKS_SIGNS),
        ("Ann", "1\n2\n" + "VeryLongRoad" * 20, TOO_LONG),
        ("Ann", "王" * 22 * 6 + "王", TOO_LONG),
        ("A" * 500, ROAD, TOO_LONG),
        ("n/a", ROAD, NO_NAME),
        ("客户", ROAD, NO_NAME),
    ],
)
def test_a_letter_that_nobody_can_read_is_not_printed(
    listed: MakeDesk, name: str, address: str, why: str
) -> None:
    desk = listed([(name, "0010", "C1", "en", address)])
    (made,) = print_letters(desk)
    assert (made["letters"], list(made["unprintable"].values())) == (0, [why])
    with desk.engine.connect() as conn:
        dead = conn.execute(select(dead_address.c.address)).scalars().all()
    assert dead == ([address] if why in (ADDRESS_LACKS_SIGNS, TOO_LONG) else [])


def test_accents_of_all_europe_come_out_composed(listed: MakeDesk, tmp_path: Path) -> None:
    names = ["Łukasz Żółć", "Ğülşen Őry", "Αθηνά", "Ольга Ґ"]
    parts = [unicodedata.normalize("NFD", name) for name in names]
    desk = listed([(name, f"{n}", f"C{n}", "en", ROAD) for n, name in enumerate(parts)])
    print_letters(desk)
    for name, page in zip(names, pages(tmp_path), strict=True):
        assert name in page.splitlines()
        assert f"Dear {name}," in page
    (pdf,) = tmp_path.glob("*/letters/[!.]*/*.pdf")
    assert fonts_of(pdf) == {"Roboto-Regular", "Roboto-Bold"}  # nor one sign of the Chinese font


def test_the_window_shows_each_line_whole_and_a_long_name_as_it_is(
    listed: MakeDesk, tmp_path: Path
) -> None:
    name = "Adolph Blaine Charles David Earl " * 3
    address = f"{'W' * 25}\n{'王' * 22}\n{'A1王' * 9}\nShanghai 200000"
    print_letters(listed([(name.strip(), "0010", "C1", "en", address)]))
    (page,) = pages(tmp_path)
    window = lines_in_window([name.strip(), *address.splitlines()])
    assert len(window) == 7
    assert [line for line in page.splitlines() if line in window] == list(window)
    assert "Dear customer," in page


def test_four_hundred_accounts_stand_in_one_letter(listed: MakeDesk, tmp_path: Path) -> None:
    (made,) = print_letters(listed(MANY))
    text = "\n".join(pages(tmp_path))
    assert made["letters"] == 1
    assert text.count("1,300.00") == 400
    assert "520,000.00" in text
    assert f"Page {made['pages']} of {made['pages']}" in text


def test_a_letter_is_printed_once(listed: MakeDesk) -> None:
    desk = listed(FEW)
    assert len(print_letters(desk)) == 1
    assert print_letters(desk) == []


@pytest.mark.parametrize("after", [False, True])
def test_a_killed_print_run_again_gives_one_batch(
    listed: MakeDesk, tmp_path: Path, after: bool
) -> None:
    desk = listed(FEW)
    real = Place._put

    def dies(self: Place, made: Path, reference: str) -> None:
        if after:
            real(self, made, reference)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Place, "_put", dies)
        with pytest.raises(KeyboardInterrupt):
            print_letters(desk)
    (made,) = print_letters(desk)
    (manifest,) = tmp_path.glob("*/letters/*/manifest.json")
    assert json.loads(manifest.read_text(encoding="utf-8")) == made
    assert len(pages(tmp_path)) == 2


def test_a_letter_that_was_not_printed_did_not_arrive(listed: MakeDesk) -> None:
    desk = listed(FEW)
    print_letters(desk)
    with desk.engine.connect() as conn:
        rows = conn.execute(select(contact.c.state, contact.c.reason).order_by("state")).all()
        progress = conn.execute(select(episode.c.progress)).scalars().all()
        dead = conn.execute(select(dead_address.c.channel, dead_address.c.address)).all()
    assert [tuple(row) for row in rows] == [
        ("accepted", None),
        ("accepted", None),
        ("undelivered", "unprintable"),
    ]
    assert sorted(each["s"][:2] for each in progress) == [[0, 1], [1, 0], [1, 0]]
    assert [tuple(row) for row in dead] == [("letter", FEW[2][4])]


def test_a_letter_says_what_to_quote_and_shows_the_link_as_a_code(
    listed: MakeDesk, tmp_path: Path
) -> None:
    desk = listed(FEW[:1])
    (made,) = print_letters(desk)
    (reference,) = made["files"][0]["references"]
    (page,) = pages(tmp_path)
    assert f"Payment reference {reference}" in " ".join(page.split())
    (pdf,) = tmp_path.glob("*/letters/[!.]*/*.pdf")
    drawn = [each.type for each in pdfium.PdfDocument(pdf)[0].get_objects()]
    assert drawn.count(FPDF_PAGEOBJ_PATH) > 2  # the table's lines, and the code


def pay(desk: Desk) -> None:
    """The account 0010, in full."""
    with desk.engine.begin() as conn:
        now = desk.clock.now()
        paid = Payment("P1", "0010", Decimal("1300.00"), "CNY", now)
        record_payment(conn, desk.portfolio_id, paid)


def test_who_has_paid_before_the_printer_came_gets_no_letter(listed: MakeDesk) -> None:
    desk = listed(FEW[:2])
    pay(desk)
    (made,) = print_letters(desk)
    assert made["letters"] == 1
    assert states(desk) == [NEVER, ("accepted", None)]


def test_a_batch_that_goes_on_leaves_out_who_has_paid_by_now(listed: MakeDesk) -> None:
    desk = listed(FEW[:2])
    fail_to_print(desk)
    pay(desk)
    (made,) = print_letters(desk)
    assert made["letters"] == 1
    assert states(desk) == [NEVER, ("accepted", None)]


@pytest.mark.parametrize(("days", "letters"), [(13, 2), (15, 0)])
def test_a_letter_does_not_wait_for_ever(listed: MakeDesk, days: int, letters: int) -> None:
    desk = listed(FEW[:2])
    desk.clock.move_to(desk.clock.now() + dt.timedelta(days=days))  # type: ignore[attr-defined]
    made = print_letters(desk)
    assert sum(each["letters"] for each in made) == letters
    assert states(desk).count(NEVER) == 2 - letters


def test_a_batch_that_goes_on_leaves_out_what_was_set_aside(
    listed: MakeDesk, tmp_path: Path
) -> None:
    nameless, named = [(name, "0010", "C1", "en", ROAD) for name in ("", "Ann Example")]
    desk = listed([nameless, FEW[1]])
    fail_to_print(desk)
    desk = listed([named, FEW[1]], date=DATE + dt.timedelta(days=1))
    first, second = print_letters(desk)
    assert (first["letters"], list(first["unprintable"].values())) == (1, [NO_NAME])
    assert (second["letters"], second["unprintable"]) == (1, {})
    english = [page for page in pages(tmp_path) if "Ann Example" in page]
    assert len(english) == 1
    assert states(desk) == [("undelivered", "unprintable"), ("accepted", None), ("accepted", None)]


def test_a_batch_of_what_was_set_aside_only_says_so(listed: MakeDesk) -> None:
    nameless, named = [(name, "0010", "C1", "en", ROAD) for name in ("", "Ann Example")]
    fail_to_print(listed([nameless]))
    desk = listed([named], date=DATE + dt.timedelta(days=15))
    first, second = print_letters(desk)
    assert (first["letters"], list(first["unprintable"].values())) == (0, [NO_NAME])
    assert second["letters"] == 1
    assert states(desk) == [("undelivered", "unprintable"), ("accepted", None)]


def test_a_batch_that_goes_on_leaves_out_what_has_ended_since(listed: MakeDesk) -> None:
    desk = listed(FEW[:2])
    fail_to_print(desk)
    with desk.engine.begin() as conn:
        first = select(contact.c.contact_id).order_by(contact.c.contact_id).limit(1)
        ended = update(contact).where(contact.c.contact_id == first.scalar_subquery())
        conn.execute(ended.values(state="undelivered", ended_at=desk.clock.now()))
    (made,) = print_letters(desk)
    assert (made["letters"], made["unprintable"]) == (1, {})


def test_only_the_printer_can_read_letters_that_are_encrypted(
    listed: MakeDesk, tmp_path: Path
) -> None:
    printer = pyrage.x25519.Identity.generate()
    key = str(printer.to_public())
    desk = listed(FEW, destinations={"letters": {"encrypt_to": [key]}})
    (made,) = print_letters(desk)
    assert made["encryption"] == {"method": "age", "recipients": [key]}
    (folder,) = tmp_path.glob("*/letters/[!.]*")
    (told,) = made["files"]
    assert sorted(file.name for file in folder.iterdir()) == ["manifest.json", told["name"]]
    sealed = (folder / told["name"]).read_bytes()
    assert hashlib.sha256(sealed).hexdigest() == told["sha256"]
    pdf = pdfium.PdfDocument(pyrage.decrypt(sealed, [printer]))
    assert "Ann #set *Example* $x$" in pdf[0].get_textpage().get_text_range()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed, [pyrage.x25519.Identity.generate()])
