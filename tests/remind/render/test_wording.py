"""The linter catches what no decent lender writes, and lets pass what one would sign."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import yaml

from dunflow.config.pack import Floor
from dunflow.config.portfolio import LANGUAGES, Language
from dunflow.remind.render.forms import forms
from dunflow.remind.render.lint import (
    families,
    families_in,
    lint_notes,
    lint_templates,
    offends,
)
from dunflow.remind.render.message import Text, render, render_note
from dunflow.remind.render.slots import Line, Slots
from tests.remind.render.conftest import LENDER

DATA = yaml.safe_load((Path(__file__).parent / "wording.yaml").read_text(encoding="utf-8"))
TEMPLATES = ("courtesy", "gentle", "firm", "final", "plan_offer")


@pytest.mark.parametrize("text", DATA["bad"])
def test_the_families_catch_what_is_bad(text: str) -> None:
    assert families_in(text)


@pytest.mark.parametrize("text", DATA["good"])
def test_the_families_let_pass_what_is_good(text: str) -> None:
    assert not families_in(text)


ONE_OF_EACH = {
    "Z01_insult": "你真可耻",
    "Z02_violence": "小心你家人",
    "Z03_crime": "您将被判刑",
    "Z04_authority": "法院已立案",
    "Z05_third_party": "我们会联系您的同事",
    "Z06_shaming": "曝光您的欠款",
    "Z07_vague_threat": "后果自负",
    "Z08_family_harm": "影响您的子女",
    "Z09_blacklist": "列入黑名单",
    "Z10_enforcement": "我们将起诉",
    "Z11_borrow_to_pay": "您可以套现还款",
    "Z12_false_urgency": "最后一次机会",
    "Z13_bombard": "我们会每天打电话",
    "Z14_private_payee": "转账到我的微信",
    "Z15_disguise": "您有一个包裹",
    "E01_insult": "Shame on you",
    "E02_violence": "We know where you live",
    "E03_crime": "You will go to jail",
    "E04_authority": "This is the court",
    "E05_third_party": "We will tell your boss",
    "E06_shaming": "We will publish your name",
    "E07_vague_threat": "Pay, or else",
    "E08_credit_scare": "This will ruin your credit",
    "E09_immigration": "You may be deported",
    "E10_enforcement": "We may start a court claim",
    "E11_borrow_to_pay": "Take out another loan",
    "E12_false_urgency": "Act now",
    "E13_bombard": "We will keep calling",
    "E14_private_payee": "Pay by gift cards",
    "E15_disguise": "You have won a prize",
}


def test_there_is_a_text_for_each_family() -> None:
    assert ONE_OF_EACH.keys() == families().keys()


@pytest.mark.parametrize(("family", "text"), ONE_OF_EACH.items())
def test_each_family_is_found_and_no_other_is_needed_for_it(family: str, text: str) -> None:
    assert family in families_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "We will see you in court",
        "You committed a crime",
        "You will be prosecuted",
        "We shall let your wife know",
        "We will take your car",
        "否则将走法律程序",
        "法院见",
        "将影响您的征信",
    ],
)
def test_a_threat_in_other_words_is_one(text: str) -> None:
    assert families_in(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "坐\u200b牢",
            "坐 牢",
            "ＪＡＩＬ",
            "J\u00adail",
            "老.赖",
            "老·赖",
            "老-赖",
            "坐－牢",
            "坐_牢",
        ),
        *("j4il", "jai1", "You may be arr3sted", "p.o.l.i.c.e", "P O L I C E", "рolice", "pοlice"),
    ],
)
def test_hiding_a_word_does_not_help(text: str) -> None:
    assert families_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "Call us by 5 p.m. on 1st May",
        "尾号A1L5（¥1,300.00）、5U3D",
        "U.S. dollars",
        "参见：https://a.b/c4ll1ng",
    ],
)
def test_signs_and_digits_of_decent_texts_are_no_evasion(text: str) -> None:
    assert not families_in(text)


def test_the_end_of_an_account_s_number_is_no_word(
    folder: Path, slots: Callable[..., Slots], line: Callable[..., Line]
) -> None:
    for tail in ("J41L", "5U3D"):
        account = replace(line(), account_ref=f"LN{tail}")
        given = slots(accounts=(account, account))
        assert tail in render("sms", "firm", given, folder).body
        assert offends(forms(render("sms", "firm", given, folder), given)) is None


def test_a_template_that_hides_a_threat_behind_digits_is_caught_when_it_goes_out(
    slots: Callable[..., Slots],
) -> None:
    given = slots()
    assert offends(forms(Text(None, "Pay 5.00 or you go to j4il.", None), given)) == "E03_crime"


def test_a_threat_in_a_variable_is_caught_and_a_name_is_none(slots: Callable[..., Slots]) -> None:
    given = slots(customer_name="Crook & Sons", reference="K7")
    body = "Dear {name}, your reference is K7. {said} Thank you."
    for said, family in [("Please pay 5.00.", None), ("You will be arrested.", "E03_crime")]:
        plain = body.format(name="Crook & Sons", said=said)
        html = body.format(name="Crook &amp; Sons", said=said)
        assert offends(forms(Text(None, plain, None), given)) == family
        assert offends(forms(Text("Hello", "Good day.", html), given)) == family


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
    said = (sms.body, email.subject, email.body, email.html, letter.subject, letter.body)
    for text in said:
        assert text is not None
        assert not families_in(text)


def test_every_shipped_source_belongs_to_no_bad_family() -> None:
    sources = sorted((Path(__file__).parents[3] / "include/templates").rglob("*.*"))
    for_a_court = {"evidence.typ"}  # it is no word to a customer
    assert for_a_court < {source.name for source in sources}
    for source in (source for source in sources if source.name not in for_a_court):
        assert not families_in(source.read_text(encoding="utf-8")), source


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("{{ lender.name }} {{ lender.phone }}", {"amount_due", "opt_out_instruction"}),
        ("{{ lender.name }} {{ total }} {{ lender.phone }} STOP", set()),
        ("{{ lender.name }} {{ total }} STOP", {"official_contact"}),
    ],
)
def test_what_a_pack_asks_for_must_be_said(
    text: str, missing: set[str], own_folder: Path, write
) -> None:
    write("en/firm/sms.txt", text)
    asked = ["institution_name", "amount_due", "official_contact", "opt_out_instruction"]
    floor = Floor.model_validate(
        {
            "packs": [
                {
                    "pack": {
                        "id": "x",
                        "version": 1,
                        "jurisdiction": "X",
                        "as_of": "2026-11-25",
                        "legal_review": "none",
                    },
                    "content": [{"channels": ["sms"], "require": asked}],
                }
            ]
        }
    )
    faults = lint_templates(["en"], {"firm": ["sms"]}, own_folder, floor)
    assert {fault.split("does not say ")[1].split(",")[0] for fault in faults} == missing


@pytest.mark.parametrize("block", ["opening", "closing"])
def test_a_letter_that_threatens_is_found(own_folder: Path, write, block: str) -> None:
    blocks = dict.fromkeys(("opening", "closing"), "Please pay {{ total }}.")
    blocks[block] = "You will be arrested."
    said = [f"{{% block {name} %}}{words}{{% endblock %}}" for name, words in blocks.items()]
    write("en/own/email.txt", "\n\n".join(said))
    [fault] = lint_templates(["en"], {"own": ["letter"]}, own_folder, Floor(packs=[]))
    assert "en/own by letter: wording of family E03_crime" in fault


NOTES = dict.fromkeys(("opt_out_confirmation", "hold_confirmation"), ("sms", "email"))


def test_the_shipped_notes_can_be_rendered_and_offend_nobody(folder: Path) -> None:
    assert lint_notes(LANGUAGES, NOTES, folder) == []


@pytest.mark.parametrize(("language", "note"), list(product(LANGUAGES, NOTES)))
def test_a_note_asks_for_no_money(language: Language, note: str, folder: Path) -> None:
    for channel in NOTES[note]:
        text = render_note(channel, note, language, LENDER, "K7Q2XH", folder)
        whole = " ".join(part for part in (text.subject, text.body, text.html) if part)
        assert LENDER.name[language] in whole
        assert LENDER.phone in whole
        assert LENDER.pay_url not in whole
        assert not re.search(r"应还|立即还款|overdue|amount due|please pay", whole, re.IGNORECASE)


def test_a_note_that_threatens_is_found(own_folder: Path, write: Callable[..., None]) -> None:
    write("en/opt_out_confirmation/sms.txt", "Stopped. Pay, or else. {{ lender.name }}")
    [fault] = lint_notes(["en"], {"opt_out_confirmation": ["sms"]}, own_folder)
    assert "wording of family E07_vague_threat" in fault


@pytest.mark.parametrize("pack", ["cn-consumer", "us-federal", "us-ma", "uk", "de", "in", "strict"])
def test_the_shipped_texts_say_what_each_shipped_pack_asks_for(pack: str, own_folder: Path) -> None:
    from dunflow.config.book import PACKS, read_floor, root

    floor = read_floor([pack], [root() / PACKS])
    used = dict.fromkeys(TEMPLATES, ("sms", "email", "letter"))
    assert lint_templates(LANGUAGES, used, own_folder, floor) == []


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "your loan is overdue"), ("zh", "您的借款已逾期"), ("en", "owes {{ total }}")],
)
def test_what_anybody_hears_of_a_call_must_not_tell_of_a_debt(
    tmp_path: Path, language: Language, said: str
) -> None:
    folder = tmp_path / "own"
    frame = folder / "templates" / language / "_base/voice.txt"
    frame.parent.mkdir(parents=True)
    frame.write_text(
        f"{{% block limited %}}{{{{ lender.name }}}}: {said}{{% endblock %}}", encoding="utf-8"
    )
    faults = lint_templates([language], {"firm": ["voice"]}, folder, Floor(packs=[]))
    assert any("block 'limited'" in fault for fault in faults)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_shipped_calls_tell_nobody_of_a_debt(tmp_path: Path, language: Language) -> None:
    used = dict.fromkeys(TEMPLATES, ("voice", "call", "visit"))
    assert lint_templates([language], used, tmp_path, Floor(packs=[])) == []


SPOKEN = {
    "limited": "This is {{ lender.name }}, please call {{ lender.phone }}.",
    "identify": "Press zero if this is wrong, or nine for no more calls.",
    **dict.fromkeys(("again", "wrong_person", "no_more_calls", "goodbye"), "Goodbye."),
}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, None),
        ({"limited": "Call {{ lender.phone }}."}, "'limited' of _base does not say institution"),
        (
            {"limited": "{{ lender.name }}: call +1 900 555 0100."},
            "'limited' of _base does not say official_contact",
        ),
        ({"identify": "Press 90, or nine for no more calls."}, "does not name the key 0"),
        ({"identify": "Press 0 if this is wrong."}, "does not name the key 9"),
        ({"identify": None}, "has no block 'identify'"),
        ({"goodbye": "Goodbye. You will go to jail."}, "wording of family E03_crime"),
    ],
)
def test_every_call_says_who_calls_and_how_to_be_rid_of_it(
    changed: dict[str, str | None], told: str | None, own_folder: Path, write: Callable[..., None]
) -> None:
    said = {name: words for name, words in (SPOKEN | changed).items() if words}
    frame = [f"{{% block {name} %}}{words}{{% endblock %}}" for name, words in said.items()]
    write("en/_base/voice.txt", "".join(frame))
    write("en/own/voice.txt", "Please pay.")
    faults = lint_templates(["en"], {"own": ["voice"]}, own_folder, Floor(packs=[]))
    assert len(faults) == (told is not None)
    assert told is None or told in faults[0]
