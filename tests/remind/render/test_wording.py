"""The shipped texts use no wording of the families that no decent lender uses."""

import re
import unicodedata
from itertools import product
from pathlib import Path

import pytest
import yaml

from dunflow.remind.render.message import render
from dunflow.remind.render.slots import Slots

DATA = yaml.safe_load((Path(__file__).parent / "wording.yaml").read_text(encoding="utf-8"))
TEMPLATES = ("courtesy", "gentle", "firm", "final")
BETWEEN_CJK = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")


def families_in(text: str) -> set[str]:
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = BETWEEN_CJK.sub("", "".join(c for c in plain if unicodedata.category(c) != "Cf"))
    return {
        name
        for family in ("zh", "en")
        for name, pattern in DATA["families"][family].items()
        if re.search(pattern, plain)
    }


@pytest.mark.parametrize("text", DATA["bad"])
def test_the_families_catch_what_is_bad(text: str) -> None:
    assert families_in(text)


@pytest.mark.parametrize("text", DATA["good"])
def test_the_families_let_pass_what_is_good(text: str) -> None:
    assert not families_in(text)


@pytest.mark.parametrize(("language", "template"), list(product(("zh", "en"), TEMPLATES)))
@pytest.mark.parametrize("dpd", [-3, 8])
@pytest.mark.parametrize("count", [1, 25])
def test_the_shipped_texts_belong_to_no_bad_family(
    language: str, template: str, dpd: int, count: int, folder: Path, slots, line
) -> None:
    given: Slots = slots(
        language=language, accounts=tuple(line(number, dpd=dpd) for number in range(count))
    )
    sms = render("sms", template, given, folder)
    email = render("email", template, given, folder)
    letter = render("letter", template, given, folder)
    for text in (sms.body, email.subject, email.body, email.html, letter.body):
        assert text is not None
        assert not families_in(text)


def test_every_shipped_source_belongs_to_no_bad_family() -> None:
    sources = sorted((Path(__file__).parents[3] / "include/templates").rglob("*.*"))
    assert sources
    for source in sources:
        assert not families_in(source.read_text(encoding="utf-8")), source
