"""Evidence for a court: one PDF for each account, in both languages, in the manifest."""

import json
from collections.abc import Callable
from pathlib import Path

import pypdfium2 as pdfium
import pyrage
import pytest
from pydantic import ValidationError

from dunflow import placements
from dunflow.config.destination import Destination
from dunflow.config.portfolio import Portfolio
from dunflow.place.files import sha256
from dunflow.place.life import Chosen
from tests.place.conftest import MakeDesk, row

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


def test_evidence_says_no_more_of_a_person_than_the_fields(
    make_desk: MakeDesk, arrived: Arrived
) -> None:
    fields = ["placement", "account", "amount", "currency"]
    desk = make_desk(ROWS, Destination(kind="legal", evidence=True, fields=fields))
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    (package,) = arrived()
    assert all("王小明" not in text_of(pdf) for pdf in package.glob("*.pdf"))


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
