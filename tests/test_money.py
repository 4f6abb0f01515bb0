"""Amounts: exact, with their currency's own decimals."""

from decimal import Decimal

import pytest
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st

from dunflow.money import for_people, parse_amount, plain


def test_a_decimal_is_read_exactly() -> None:
    assert parse_amount("179.99") + parse_amount("69.99") == Decimal("249.98")


@pytest.mark.parametrize("text", ["", "12.3.4", "1,000.00", "NaN", "Infinity", "-inf", "¥5", "one"])
def test_what_is_no_amount_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like '1300\.00'") as refused:
        parse_amount(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("1935", "JPY", "1935"),
        ("1935.00", "JPY", "1935"),
        ("1.234", "KWD", "1.234"),
        ("1300", "CNY", "1300.00"),
        ("10000000000000000000.10", "CNY", "10000000000000000000.10"),
    ],
)
def test_a_plain_amount_has_the_decimals_of_its_currency(
    amount: str, currency: str, shown: str
) -> None:
    assert plain(Decimal(amount), currency) == shown


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "shown"),
    [
        ("1935", "JPY", "en", "¥1,935"),
        ("1935", "JPY", "zh", "JP¥1,935"),
        ("1300", "CNY", "zh", "¥1,300.00"),
        ("1300", "CNY", "en", "CN¥1,300.00"),
        ("1.234", "KWD", "en", "KWD1.234"),
    ],
)
def test_people_read_an_amount_in_their_own_way(
    amount: str, currency: str, locale: str, shown: str
) -> None:
    assert for_people(Decimal(amount), currency, locale) == shown


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12),
    st.sampled_from(["CNY", "JPY", "KWD", "USD", "INR", "XXX"]),
    st.sampled_from(["zh", "en", "de", "hi", "fr", "en_IN"]),
)
def test_it_is_what_babel_writes(amount: Decimal, currency: str, locale: str) -> None:
    assert for_people(amount, currency, locale) == format_currency(amount, currency, locale=locale)
