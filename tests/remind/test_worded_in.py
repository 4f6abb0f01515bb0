"""Texts go out in the customer's language, or in the portfolio's where the lender has no other."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select

from dunflow import day as stages
from dunflow.check import check
from dunflow.config.book import Book, read_book
from dunflow.ledger.engine import URL_VARIABLE
from dunflow.ledger.tables import contact, contact_text, customer
from dunflow.remind.compose import worded_in
from tests.remind.contacts import book
from tests.test_at_once import DATE, PEOPLE, day  # noqa: F401 - a fixture

SHIPPED = Path("include/templates")


@pytest.fixture
def chinese(tmp_path: Path) -> Book:
    """A portfolio in Chinese with a text message of its own, in Chinese only."""
    text = tmp_path / "templates/zh/mine/sms.txt"
    text.parent.mkdir(parents=True)
    text.write_text("您好", encoding="utf-8")
    return replace(book(), folder=tmp_path)


@pytest.mark.parametrize(
    ("template", "declared", "language"),
    [
        ("mine", "zh", "zh"),
        ("mine", "en", "zh"),
        ("courtesy", "en", "en"),  # a shipped one, in both
        ("mine", None, "zh"),
        ("mine", "fr", "zh"),
    ],
)
def test_a_language_without_words_falls_back_on_the_portfolios(
    chinese: Book, template: str, declared: str | None, language: str
) -> None:
    assert worded_in(chinese, "sms", template, declared) == language


def test_a_text_that_is_begun_in_a_language_is_not_passed_over(chinese: Book) -> None:
    """One of its files is there, so somebody meant to write it: that the others lack is a fault."""
    begun = chinese.folder / "templates/en/mine/subject.txt"
    begun.parent.mkdir(parents=True)
    begun.write_text("Your account", encoding="utf-8")
    by = [worded_in(chinese, channel, "mine", "en") for channel in ("email", "sms")]
    assert by == ["en", "zh"]


def _only_in_chinese(home: Path) -> None:
    """The shop words its courtesy itself, and one of its customers reads English."""
    folder = home / "portfolios" / "shop"
    mine = folder / "templates/zh/mine"
    mine.mkdir(parents=True)
    for file in (SHIPPED / "zh/courtesy").iterdir():
        (mine / file.name).write_text(file.read_text("utf-8"), encoding="utf-8")
    policy = (folder / "policy.yaml").read_text("utf-8")
    (folder / "policy.yaml").write_text(policy.replace("template: courtesy", "template: mine"))
    portfolio = yaml.safe_load((folder / "portfolio.yaml").read_text("utf-8"))
    portfolio["source"].setdefault("columns", {})["language"] = "language"
    (folder / "portfolio.yaml").write_text(yaml.safe_dump(portfolio, allow_unicode=True))
    rows = folder / f"{DATE}.csv"
    head, first, *others = rows.read_text("utf-8").splitlines()
    told = [f"{head},language", f"{first},en", *(f"{row},zh" for row in others)]
    rows.write_text("\n".join(told) + "\n", encoding="utf-8")


def test_one_customers_language_keeps_nobody_from_being_told(
    day: tuple[stages.Day, Path],  # noqa: F811
) -> None:
    opened, home = day
    _only_in_chinese(home)
    opened = replace(opened, book=read_book("shop"))
    for stage in (stages.snapshot, stages.gate, stages.decide, stages.remind):
        stage(opened)
    with opened.engine.connect() as conn:
        states = Counter(conn.execute(select(contact.c.state)).scalars())
        reads_english = conn.execute(
            select(contact_text.c.body)
            .join(contact, contact.c.contact_id == contact_text.c.contact_id)
            .join(customer, customer.c.customer_id == contact.c.customer_id)
            .where(customer.c.language == "en")
        ).scalar_one()
    assert states["accepted"] > PEOPLE // 2
    assert "您" in reads_english


@pytest.fixture
def shop(
    day: tuple[stages.Day, Path],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The folder of its portfolios; `check` asks its ledger, and starts none of its own."""
    url = day[0].engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv(URL_VARIABLE, url)
    return day[1]


def test_check_warns_of_it_and_finds_no_fault(shop: Path) -> None:
    _only_in_chinese(shop)
    told = check("shop")
    warned = (
        "template en/mine is not written for email, sms: customers whose language is en get zh/mine"
    )
    assert (told.errors, warned in told.warnings) == ([], True)


def test_check_finds_what_lacks_in_the_portfolios_own_language(shop: Path) -> None:
    _only_in_chinese(shop)
    (shop / "portfolios/shop/templates/zh/mine/sms.txt").unlink()
    assert [error.split(":")[0] for error in check("shop").errors] == ["template zh/mine/sms.txt"]
