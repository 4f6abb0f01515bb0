"""What the shipped templates say, by channel and language."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from dunflow.config.policy import Channel
from dunflow.config.portfolio import Language
from dunflow.remind.render.message import Text, render
from dunflow.remind.render.segments import measure
from dunflow.remind.render.slots import Line, Slots

TEMPLATES = ("courtesy", "gentle", "firm", "final", "plan_offer")
LANGUAGES = ("zh", "en")
CHANNELS: tuple[Channel, ...] = ("sms", "email", "call", "letter", "visit")
ELECTRONIC: tuple[Channel, ...] = ("sms", "email")
Make = Callable[..., Slots]
MakeLine = Callable[..., Line]


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002
        self.tags.append(tag)


def words_of(html: str) -> str:
    parser = _Words()
    parser.feed(html)
    return " ".join("".join(parser.found).split())


def whole(text: Text) -> list[str]:
    """Each form in which a reader may meet the text."""
    return [text.body, *([words_of(text.html)] if text.html else [])]


@pytest.mark.parametrize(
    ("language", "template", "channel"), list(product(LANGUAGES, TEMPLATES, CHANNELS))
)
@pytest.mark.parametrize("count", [1, 3])
def test_a_text_says_who_what_how_and_whom_to_ask(
    language: str,
    template: str,
    channel: Channel,
    count: int,
    folder: Path,
    slots: Make,
    line: MakeLine,
) -> None:
    accounts = tuple(line(423 + number) for number in range(count))
    text = render(channel, template, slots(language=language, accounts=accounts), folder)
    amount = {1: "¥1,300.00", 3: "¥3,900.00"}[count]
    said = (
        {"zh": "星桥消费金融", "en": "Starbridge Finance"}[language],
        "Wang Fang",
        amount if language == "zh" else f"CN{amount}",
        {"zh": "截至2026年3月10日", "en": "as of 10 March 2026"}[language],
        "400-820-1234",
        "K7Q2XH",
    )
    for form in whole(text):
        for each in said:
            assert each in form
        assert "pay.starbridge.example/r?a=1&b=2" in form
    assert (text.subject is not None) == (channel in ("email", "letter"))
    assert (text.html is not None) == (channel == "email")


@pytest.mark.parametrize(
    ("language", "template", "channel"), list(product(LANGUAGES, TEMPLATES, ELECTRONIC))
)
def test_every_electronic_text_says_how_to_stop(
    language: str, template: str, channel: Channel, folder: Path, slots: Make
) -> None:
    text = render(channel, template, slots(language=language), folder)
    stop = {
        ("zh", "sms"): "回复TD退订",
        ("zh", "email"): "请回复“退订”",
        ("en", "sms"): "Reply STOP to end texts",
        ("en", "email"): "reply with the word STOP",
    }[language, channel]
    for form in whole(text):
        assert stop in form


@pytest.mark.parametrize(("language", "template"), list(product(LANGUAGES, TEMPLATES)))
def test_an_email_names_where_to_complain(
    language: str, template: str, folder: Path, slots: Make
) -> None:
    for form in whole(render("email", template, slots(language=language), folder)):
        assert "complaints@starbridge.example" in form


@pytest.mark.parametrize(("template", "channel"), list(product(TEMPLATES, CHANNELS)))
def test_nobody_is_called_none(template: str, channel: Channel, folder: Path, slots: Make) -> None:
    for name, language in product((None, float("nan"), " ", "None"), LANGUAGES):
        text = render(channel, template, slots(language=language, customer_name=name), folder)
        for form in whole(text):
            assert not re.search(r"\b(None|nan)\b", form)
            assert {"zh": "客户", "en": "customer"}[language] in form


@pytest.mark.parametrize("name", ["Tom & 'Ann' <b>O\"Neil</b>", "{{ 7 * a }}", "{% raw %}"])
def test_a_name_is_text_and_never_markup_or_code(name: str, folder: Path, slots: Make) -> None:
    text = render("email", "firm", slots(customer_name=name), folder)
    assert f"Dear {name}," in text.body
    assert text.html is not None
    assert f"Dear {name}," in words_of(text.html)
    assert "<b>" not in text.html
    assert f"Dear {name}," in render("sms", "firm", slots(customer_name=name), folder).body


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x00"])
def test_no_fact_can_start_a_new_header_or_line(break_: str, folder: Path, slots: Make) -> None:
    facts = slots()
    lender = facts.lender.model_copy(update={"name": {"en": f"Star{break_}Bcc: x@y.example"}})
    given = slots(lender=lender, customer_name=f"A{break_}B", reference=f"K7{break_}Q2")
    text = render("email", "firm", given, folder)
    assert text.subject is not None
    assert text.subject.isprintable()
    assert "Dear A B,\n" in text.body
    assert render("sms", "firm", given, folder).body.isprintable()


@pytest.mark.parametrize("language", LANGUAGES)
def test_four_hundred_accounts_are_one_email(
    language: str, folder: Path, slots: Make, line: MakeLine
) -> None:
    accounts = tuple(line(number, "10.01", dpd=number) for number in range(1, 401))
    text = render("email", "firm", slots(language=language, accounts=accounts), folder)
    assert text.html is not None
    for form in whole(text):
        assert all(f"{number:04d}" in form for number in range(381, 401))
        assert "0380" not in form
        assert {"zh": "其余 380 笔合计", "en": "and 380 more"}[language] in form
        assert "3,803.80" in form
        assert "4,004.00" in form
    assert len(text.html.encode()) < 50_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_opens_and_closes_as_the_email_and_lists_every_account(
    language: str, folder: Path, slots: Make, line: MakeLine
) -> None:
    accounts = tuple(line(number, "10.01", dpd=number) for number in range(1, 401))
    given = slots(language=language, accounts=accounts)
    letter = render("letter", "firm", given, folder)
    paragraphs = render("email", "firm", given, folder).body.split("\n\n")
    closing = letter.body.splitlines()[-1]
    assert letter.subject in paragraphs
    assert closing in paragraphs
    assert letter.body.endswith(f"\n\n{closing}\n")
    assert letter.body.count("10.01") == 400
    assert "4,004.00" in letter.body


def test_a_portfolio_cannot_have_the_record_say_what_the_page_does_not(
    own_folder: Path, slots: Make, folder: Path
) -> None:
    own = own_folder / "templates/en/_base/letter.txt"
    own.parent.mkdir(parents=True)
    own.write_text("All is well.", encoding="utf-8")
    as_shipped = render("letter", "firm", slots(), folder)
    assert render("letter", "firm", slots(), own_folder) == as_shipped


def test_seven_accounts_are_all_listed_with_amount_and_date(
    folder: Path, slots: Make, line: MakeLine
) -> None:
    accounts = tuple(line(n, f"{n}.50", dpd=n) for n in range(1, 8))
    body = render("email", "gentle", slots(accounts=accounts), folder).body
    for n in range(1, 8):
        assert f"Account ending 000{n}: CN¥{n}.50, due since {10 - n} March 2026" in body
    assert "- and " not in body
    assert "Total due as of 10 March 2026: CN¥31.50" in body


@pytest.mark.parametrize(
    ("language", "count", "said"),
    [
        (
            "zh",
            2,
            "您有2笔借款已逾期：尾号0001（¥1,301.00）、0002（¥1,302.00），最早到期日2026年3月2日，截至",
        ),
        (
            "en",
            2,
            "overdue: ending 0001 (CN¥1,301.00), 0002 (CN¥1,302.00), the oldest due since 2 March",
        ),
        ("zh", 7, "、0005（¥1,305.00）及另外2笔，最早到期日"),
        ("en", 7, ", 0005 (CN¥1,305.00) and 2 more, the oldest"),
    ],
)
def test_an_sms_lists_several_accounts_each_with_its_own_amount(
    language: Language, count: int, said: str, folder: Path, slots: Make, line: MakeLine
) -> None:
    accounts = tuple(line(n, str(1300 + n), dpd=9 - n) for n in range(1, count + 1))
    body = render("sms", "firm", slots(language=language, accounts=accounts), folder).body
    assert said in body


@pytest.mark.parametrize(("language", "template"), list(product(LANGUAGES, TEMPLATES)))
def test_an_email_fetches_nothing_and_runs_nothing(
    language: str, template: str, folder: Path, slots: Make
) -> None:
    html = render("email", template, slots(language=language), folder).html
    assert html is not None
    parser = _Words()
    parser.feed(html)
    assert not {"img", "script", "link", "iframe", "form", "input"} & set(parser.tags)
    assert "url(" not in html
    assert set(re.findall(r"https?://[^/\"<]+", html)) == {"https://pay.starbridge.example"}
    assert html.startswith("<!doctype html>")
    assert f'<html lang="{language}">' in html


def test_the_text_email_keeps_its_paragraphs(folder: Path, slots: Make) -> None:
    for language, template in product(LANGUAGES, TEMPLATES):
        body = render("email", template, slots(language=language), folder).body
        assert "\n\n\n" not in body
        assert body.count("\n\n") >= 6


def test_one_day_is_not_days(folder: Path, slots: Make, line: MakeLine) -> None:
    assert (
        "(1 day overdue)" in render("letter", "firm", slots(accounts=(line(dpd=1),)), folder).body
    )
    assert (
        "(2 days overdue)" in render("letter", "firm", slots(accounts=(line(dpd=2),)), folder).body
    )


def test_an_odd_currency_keeps_an_english_sms_in_gsm7(
    folder: Path, slots: Make, line: MakeLine
) -> None:
    given = slots(currency="KWD", accounts=(line(amount="1.234"),), customer_name="Ann\u00a0Lee")
    body = render("sms", "firm", given, folder).body
    assert "1.234 on your account" in body
    assert measure(body).encoding == "GSM-7"
