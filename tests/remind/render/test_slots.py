"""Facts become values fit for a reader."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from dunflow.config.portfolio import Lender
from dunflow.errors import ConfigError
from dunflow.remind.render.slots import Line, Slots, called, one_line, values


@pytest.mark.parametrize(
    "name",
    [
        None,
        math.nan,
        "",
        " ",
        "\u3000",
        "None",
        "nan",
        "NULL",
        "n/a",
        "#N/A",
        "无",
        "-",
        "0",
        "a" * 81,
    ],
)
def test_a_name_that_is_none_gives_the_neutral_greeting(name: Any) -> None:
    assert called(name, "en") == "customer"
    assert called(name, "zh") == "客户"


@pytest.mark.parametrize("name", ["王芳", "O'Brien & Söhne", "Li Nan", "Jean None Null", "李"])
def test_a_name_is_kept_as_it_is(name: str) -> None:
    assert called(f"  {name}\n", "en") == name


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("a\r\nBcc: x@y.z", "a Bcc: x@y.z"),
        ("a\x00\x07b\u2028c\u0085d", "a b c d"),
        ("\u202eabc\u200b", "abc"),
        ("a\ud800b", "ab"),
        ("KWD\u00a01.234", "KWD 1.234"),
        ("क\u094dष", "क\u094dष"),
        ("👩\u200d👧", "👩\u200d👧"),
    ],
)
def test_nothing_that_breaks_a_line_is_left(given: str, clean: str) -> None:
    assert one_line(given) == clean


@pytest.mark.parametrize(
    ("currency", "amount", "language", "shown"),
    [
        ("JPY", "1935", "en", "¥1,935"),
        ("JPY", "1935", "zh", "JP¥1,935"),
        ("KWD", "1.234", "en", "1.234"),
        ("KWD", "1.234", "zh", "1.234"),
        ("CNY", "1300", "zh", "¥1,300.00"),
        ("CNY", "1300", "en", "CN¥1,300.00"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(
    currency: str,
    amount: str,
    language: str,
    shown: str,
    slots: Callable[..., Slots],
    line: Callable[..., Line],
) -> None:
    given = slots(currency=currency, language=language, accounts=(line(amount=amount),))
    assert str(values(given)["total"]).endswith(shown)


def test_dates_are_written_as_the_language_writes_them(slots: Callable[..., Slots]) -> None:
    assert values(slots(language="zh"))["as_of"] == "2026年3月10日"
    assert values(slots(language="en"))["as_of"] == "10 March 2026"


def test_the_longest_overdue_are_listed_and_the_rest_is_summed_up(
    slots: Callable[..., Slots], line: Callable[..., Line]
) -> None:
    accounts = tuple(line(number, "10.01", dpd=number) for number in range(1, 401))
    given: Any = values(slots(accounts=accounts))
    assert [account.dpd for account in given["accounts"]] == list(range(400, 380, -1))
    assert given["account_count"] == 400
    assert given["more_count"] == 380
    assert given["more_total"] == "CN¥3,803.80"
    assert given["total"] == "CN¥4,004.00"


@pytest.mark.parametrize(("dpd", "overdue"), [(-3, False), (0, False), (1, True)])
def test_an_account_due_today_is_not_overdue(
    dpd: int, overdue: bool, slots: Callable[..., Slots], line: Callable[..., Line]
) -> None:
    given: Any = values(slots(accounts=(line(dpd=dpd),)))
    assert given["is_overdue"] is overdue
    assert given["accounts"][0].is_overdue is overdue


def test_one_account_that_is_not_overdue_speaks_for_all(
    slots: Callable[..., Slots], line: Callable[..., Line]
) -> None:
    assert values(slots(accounts=(line(1), line(2, dpd=0))))["is_overdue"] is False


@pytest.mark.parametrize(
    ("days", "some"), [((-3, 0), False), ((1, 0), True), ((*[8] * 20, -3), True)]
)
def test_one_account_that_is_overdue_is_some(
    days: tuple[int, ...],
    some: bool,
    slots: Callable[..., Slots],
    line: Callable[..., Line],
) -> None:
    accounts = tuple(line(number, dpd=dpd) for number, dpd in enumerate(days))
    assert values(slots(accounts=accounts))["any_overdue"] is some


def test_only_the_tail_of_an_account_is_told(
    slots: Callable[..., Slots], line: Callable[..., Line]
) -> None:
    short = Line("07", Decimal(1), line().due_on, 8)
    given: Any = values(slots(accounts=(line(423), short)))
    assert {account.tail for account in given["accounts"]} == {"0423", "07"}


def test_the_lender_has_its_name_in_the_one_language_there_is(
    slots: Callable[..., Slots],
) -> None:
    lender = Lender(name={"zh": "星桥"}, phone="1", pay_url="https://x.example", complaints="c")
    given: Any = values(slots(language="en", lender=lender))
    assert given["lender"].name == "星桥"


def test_an_empty_fact_of_the_lender_is_named(slots: Callable[..., Slots]) -> None:
    lender = Lender(name={"en": "S"}, phone=" ", pay_url="https://x.example", complaints="c")
    with pytest.raises(ConfigError, match=r"lender\.phone: is empty"):
        values(slots(lender=lender))


def test_a_contact_without_accounts_is_refused(slots: Callable[..., Slots]) -> None:
    with pytest.raises(ValueError, match="accounts is empty"):
        slots(accounts=())


def test_personal_data_is_not_in_the_repr(slots: Callable[..., Slots]) -> None:
    assert "Wang" not in repr(slots())
