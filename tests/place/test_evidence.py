"""Evidence for a court: one PDF for each account, in both languages, in the manifest."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pyrage
import pytest
from pydantic import ValidationError
from sqlalchemy import Connection, insert, select

from dunflow import placements
from dunflow.config.destination import Destination
from dunflow.config.portfolio import Portfolio
from dunflow.ledger.tables import (
    contact,
    contact_account,
    contact_text,
    customer,
    episode,
    payment,
    promise,
    result,
    worklist,
    worklist_line,
)
from dunflow.place.files import sha256
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from tests.place.conftest import DATE, NOON, MakeDesk, row
from tests.printed import fonts_of

Arrived = Callable[[], list[Path]]
ROWS = [
    row("A1", name="王小明 #set *x* $y$", address="上海市浦东新区1号"),
    row("A2", "1935", currency="JPY"),
]


def text_of(pdf: Path) -> str:
    return "\n".join(page.get_textpage().get_text_range() for page in pdfium.PdfDocument(pdf))


def test_each_account_has_its_evidence_in_the_manifest(
    make_desk: MakeDesk, arrived: Arrived
) -> None:
    desk = make_desk(ROWS, Destination(kind="legal", evidence=True, formats=["json"]))
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    (package,) = arrived()
    files = json.loads((package / "manifest.json").read_text())["files"]
    told = {file["name"]: file["sha256"] for file in files}
    pdfs = sorted(package.glob("evidence-*.pdf"))
    assert {pdf.name: sha256(pdf) for pdf in pdfs}.items() <= told.items()
    first, second = (text_of(pdf) for pdf in pdfs)
    for said in (
        "单一账户证据材料",
        "王小明 #set *x* $y$",
        "1,300.00",
        "上海市浦东新区",
        "第 1 页",
    ):
        assert said in first
    assert "1,935" in second
    assert "王小明" not in second


def test_evidence_spells_a_name_with_its_accents(make_desk: MakeDesk, arrived: Arrived) -> None:
    desk = make_desk([row("A1", name="Łukasz Żółć")], Destination(kind="legal", evidence=True))
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    (pdf,) = arrived()[0].glob("*.pdf")
    assert "Łukasz Żółć" in text_of(pdf)
    assert fonts_of(pdf, "ŁŻółć") == {"Roboto-Regular"}


def test_evidence_writes_signs_that_its_fonts_lack_by_their_numbers(
    make_desk: MakeDesk, arrived: Arrived
) -> None:
    rows = [row("A1", name="김수", address="北京市𠮷路5号"), row("A2", name="王小明")]
    desk = make_desk(rows, Destination(kind="legal", evidence=True))
    with desk.engine.begin() as conn:
        number = _contact(conn, desk, channel="email", purpose="notice", state="delivered")
        conn.execute(insert(contact_text).values(contact_id=number, body="Dear 김수,"))
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    pdfs = sorted(arrived()[0].glob("*.pdf"))
    odd, usual = ("".join(text_of(pdf).split()) for pdf in pdfs)
    for said in ("姓名[U+AE40][U+C218]", "北京市[U+20BB7]路5号", "Dear[U+AE40][U+C218],"):
        assert said in odd
    assert "Unicode编码" in odd
    assert "Unicode编码" not in usual
    assert fonts_of(pdfs[0]) == {"Roboto-Regular", "NotoSansSC-Regular"}


def _contact(conn: Connection, desk: Desk, **values: Any) -> int:
    """A contact about the account's newest episode, which went out a day ago; its number."""
    about = select(episode.c.account_id, episode.c.episode_id).order_by(
        episode.c.account_id, episode.c.started_on.desc()
    )
    account_id, episode_id = conn.execute(about.limit(1)).one()
    first = select(customer.c.customer_id).order_by(customer.c.customer_ref).limit(1)
    times = ("not_before_at", "expires_at", "planned_at", "accepted_at", "ended_at")
    usual = {
        "portfolio_id": desk.portfolio_id,
        "business_date": DATE,
        "customer_id": conn.execute(first).scalar_one(),
        "account_id": account_id,
        "reference": "ref-of-it",
        "step": "some_step",
        "template": "final",
        "purpose": "reminder",
        "severity": 0,
        "amount": 1300,
        "currency": "CNY",
        "run_id": 1,
        **dict.fromkeys(times, NOON - dt.timedelta(days=1)),
    }
    made = insert(contact).values(usual | values)
    number: int = conn.execute(made.returning(contact.c.contact_id)).scalar_one()
    conn.execute(
        insert(contact_account).values(
            contact_id=number,
            account_id=account_id,
            episode_id=episode_id,
            ladder_episode_id=episode_id,
            amount=1300,
            occupies=True,
        )
    )
    return number


def _told_before(conn: Connection, desk: Desk) -> None:
    """A notice that arrived, a promise that was broken, and a payment."""
    number = _contact(
        conn,
        desk,
        step="last_notice",
        channel="email",
        purpose="notice",
        state="delivered",
        address="wang@mail.example",
        provider_id="provider-id-of-it",
    )
    conn.execute(insert(contact_text).values(contact_id=number, body="#strong[Pay] 现在请还款"))
    account_id = conn.execute(
        select(contact.c.account_id).where(contact.c.contact_id == number)
    ).scalar_one()
    same = {"portfolio_id": desk.portfolio_id, "account_id": account_id, "currency": "CNY"}
    conn.execute(
        insert(promise).values(
            amount=500,
            promised_on=DATE - dt.timedelta(days=9),
            made_at=NOON - dt.timedelta(days=20),
            recorded_at=NOON - dt.timedelta(days=20),
            recorded_by="me",
            **same,
        )
    )
    paid = {"payment_ref": "p1", "amount": "0.50", "booked_at": NOON, "recorded_at": NOON}
    conn.execute(insert(payment).values(**paid, **same))


def test_evidence_tells_what_was_sent_agreed_and_paid(
    make_desk: MakeDesk, arrived: Arrived
) -> None:
    desk = make_desk(ROWS[:1], Destination(kind="legal", evidence=True))
    with desk.engine.begin() as conn:
        _told_before(conn, desk)
    text = _evidence(desk, arrived)
    for said in ("last_notice(通知)", "wang@mail.example", "已送达回执2026-03-0112:00"):
        assert said in text
    for said in ("provider-id-of-it", "#strong[Pay]现在请还款", "¥500.00未履行", "¥0.50"):
        assert said in text


@pytest.mark.parametrize(
    ("channel", "came_to", "said"),
    [
        ("call", "reached", "已接通并沟通"),
        ("call", "machine", "语音信箱，未沟通"),
        ("visit", "refused", "已沟通：拒绝还款"),
        ("call", "hardship", "已接通并沟通"),
        ("voice", "reached", "有人接听"),
    ],
)
def test_evidence_tells_of_a_call_what_it_came_to_and_when_that_was(
    make_desk: MakeDesk, arrived: Arrived, channel: str, came_to: str, said: str
) -> None:
    desk = make_desk(ROWS[:1], Destination(kind="legal", evidence=True))
    happened_at = NOON - dt.timedelta(hours=20)
    with desk.engine.begin() as conn:
        number = _contact(conn, desk, channel=channel, state="delivered", ended_at=NOON)
        told = {"result": came_to, "happened_at": happened_at, "recorded_at": NOON}
        conn.execute(insert(result).values(contact_id=number, recorded_by="ann", **told))
    text = _evidence(desk, arrived)
    assert f"{said}2026-03-0116:00" in text
    assert "已送达" not in text


def test_evidence_says_of_a_call_that_nobody_told_its_result(
    make_desk: MakeDesk, arrived: Arrived
) -> None:
    desk = make_desk(ROWS[:1], Destination(kind="legal", evidence=True))
    with desk.engine.begin() as conn:
        listed = _contact(conn, desk, channel="call", state="accepted", reference="on-a-list")
        _contact(conn, desk, channel="call", state="accepted", reference="on-no-list")
        known = {"portfolio_id": desk.portfolio_id, "channel": "call", "team": "calls"}
        made = {"made_at": NOON, "delivered_at": NOON, "listed_on": DATE, "reference": "list"}
        number = conn.execute(
            insert(worklist).values(**known, **made).returning(worklist.c.worklist_id)
        ).scalar_one()
        conn.execute(
            insert(worklist_line).values(contact_id=listed, worklist_id=number, position=1)
        )
    text = _evidence(desk, arrived)
    assert "2026-03-0112:00电话some_step¥1,300.00未反馈结果凭证号on-a-list" in text.replace(
        "列单", ""
    )
    assert "已发送" not in text
    assert "on-no-list" not in text


def test_a_proof_can_be_copied_from_the_evidence(make_desk: MakeDesk, arrived: Arrived) -> None:
    ids = ["SM6612a9c0175dda706ffe4ae0500071b6", f"{'a-long-book' * 3}-letters-20260302-000001"]
    account = "LOAN-2024-00000000000000001"
    desk = make_desk([row(account, "12345678901234.56")], Destination(kind="legal", evidence=True))
    with desk.engine.begin() as conn:
        for each in ids:
            _contact(conn, desk, channel="sms", state="delivered", provider_id=each)
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    (pdf,) = arrived()[0].glob("*.pdf")
    text = text_of(pdf)
    for each in (*ids, account, "¥12,345,678,901,234.56"):
        assert each in text


def test_evidence_tells_why_a_message_did_not_arrive(make_desk: MakeDesk, arrived: Arrived) -> None:
    desk = make_desk(ROWS[:1], Destination(kind="legal", evidence=True))
    with desk.engine.begin() as conn:
        _contact(conn, desk, channel="sms", state="undelivered", error_code="30005")
    assert "未送达(30005)回执2026-03-0112:00" in _evidence(desk, arrived)


LATE = [{"to": "agency", "when": {"dpd": {"from": 30}}}]


def _of(day: int) -> dt.date:
    return dt.date(2026, 2, day)


def test_evidence_tells_nothing_of_who_owed_it_before(
    make_desk: MakeDesk, arrived: Arrived
) -> None:
    before = {_of(28): [row("A1", customer="C0", due_on="2026-02-20")]}
    desk = make_desk(ROWS[:1], Destination(kind="legal", evidence=True), LATE, before)
    with desk.engine.begin() as conn:
        _told_before(conn, desk)
    text = _evidence(desk, arrived)
    for said in ("last_notice", "wang@mail.example", "现在请还款", "¥500.00"):
        assert said not in text
    assert "¥0.50" in text  # it is the new owner's: paid on the last day


def test_evidence_tells_of_no_promise_about_an_earlier_debt(
    make_desk: MakeDesk, arrived: Arrived
) -> None:
    first = [row("A1", due_on="2026-02-05"), row("A2", due_on="2026-02-05")]
    before = {_of(9): first, _of(15): first[1:]}
    desk = make_desk(ROWS[:1], Destination(kind="legal", evidence=True), LATE, before)
    with desk.engine.begin() as conn:
        _told_before(conn, desk)
    text = _evidence(desk, arrived)
    assert "last_notice" in text
    assert "¥500.00" not in text


def _evidence(desk: Desk, arrived: Arrived) -> str:
    """What the evidence on the only account says, without spaces."""
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    (pdf,) = arrived()[0].glob("*.pdf")
    return "".join(text_of(pdf).split())


def test_evidence_says_no_more_of_a_person_than_the_fields(
    make_desk: MakeDesk, arrived: Arrived
) -> None:
    fields = ["placement", "account", "amount", "currency"]
    desk = make_desk(ROWS, Destination(kind="legal", evidence=True, fields=fields))
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    (package,) = arrived()
    assert all("王小明" not in text_of(pdf) for pdf in package.glob("*.pdf"))


@pytest.mark.parametrize(
    ("name", "written", "shown", "hidden"),
    [
        ("王小明", "尊敬的王小明：请还款", "尊敬的【姓名未提供】：请还款", "王小明"),
        ("王小明", "尊敬的王晓明：请还款", "【原文含客户姓名，未提供", "王晓明"),
        ("Sun", "Sunrise: Dear Sung,", "【原文含客户姓名，未提供", "Sung"),
    ],
    ids=["as it is spelled today", "as it was spelled then", "as part of a word"],
)
def test_evidence_names_nobody_in_a_notice_to_who_is_not_given_the_name(
    make_desk: MakeDesk, arrived: Arrived, name: str, written: str, shown: str, hidden: str
) -> None:
    fields = ["placement", "account", "amount", "currency"]
    to = Destination(kind="legal", evidence=True, fields=fields)
    desk = make_desk([row("A1", name=name)], to)
    with desk.engine.begin() as conn:
        number = _contact(conn, desk, channel="email", purpose="notice", state="delivered")
        conn.execute(insert(contact_text).values(contact_id=number, body=written))
    text = _evidence(desk, arrived)
    assert shown in text
    assert hidden not in text


def test_only_the_receiver_can_read_an_encrypted_package(
    make_desk: MakeDesk, arrived: Arrived
) -> None:
    identity = pyrage.x25519.Identity.generate()
    key = str(identity.to_public())
    to = Destination(evidence=True, encrypt_to=[key])
    desk = make_desk(ROWS, to)
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    (package,) = arrived()
    manifest = json.loads((package / "manifest.json").read_text())
    assert manifest["encryption"] == {"method": "age", "recipients": [key]}
    names = [file["name"] for file in manifest["files"]]
    assert sorted(each.name for each in package.iterdir()) == sorted([*names, "manifest.json"])
    assert all(name.endswith(".age") for name in names)
    sealed = (package / "placements.json.age").read_bytes()
    assert "王小明".encode() not in sealed
    rows = json.loads(pyrage.decrypt(sealed, [identity]))
    assert [each["account"] for each in rows] == ["A1", "A2"]
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed, [pyrage.x25519.Identity.generate()])


def test_a_key_that_encrypts_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="age1"):
        Destination(encrypt_to=["age1nonsense"])


@pytest.mark.parametrize(("kind", "why"), [("agency", "kind legal"), ("legal", "attributes")])
def test_fields_of_legal_are_for_legal_and_declared(
    make_desk: MakeDesk, kind: str, why: str
) -> None:
    portfolio = make_desk(ROWS).book.portfolio
    to = {"kind": kind, "fields": ["placement", "account", "amount", "currency", "venue"]}
    given = portfolio.model_dump(by_alias=True) | {"destinations": {"court": to}}
    with pytest.raises(ValidationError, match=why):
        Portfolio.model_validate(given)
