"""Vectors that carriers' rules give; several are where dividing goes wrong and packing is right."""

import pytest

from dunflow.remind.render.segments import Size, measure, spell_plainly

EMOJI = "\U0001f600"


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 158 + "€", 1),
        ("a" * 159 + "€", 2),
        ("a" * 152 + "{" + "a" * 153, 3),
        ("字" * 70, 1),
        ("字" * 71, 2),
        ("字" * 134, 2),
        ("字" * 135, 3),
        ("字" * 69 + EMOJI, 2),
        ("字" * 66 + EMOJI + "字" * 66, 3),
        ("it’s " + "a" * 155, 3),
        ("it's " + "a" * 155, 1),
        ("ç" * 161, 3),
        ("", 0),
    ],
)
def test_a_text_is_packed_into_so_many_segments(text: str, segments: int) -> None:
    assert measure(text).segments == segments


def test_brackets_cost_one_unit_once_an_emoji_makes_it_ucs2() -> None:
    assert measure("a]" * 42 + EMOJI) == Size("UCS-2", 86, 2)


def test_an_extension_character_costs_two_units() -> None:
    assert measure("a" * 159 + "€") == Size("GSM-7", 161, 2)


@pytest.mark.parametrize("char", "¥@\n_Ç£")
def test_these_stay_in_gsm7(char: str) -> None:
    assert measure(char).encoding == "GSM-7"


@pytest.mark.parametrize("char", "￥ç`\u00a0\t…")
def test_these_turn_the_text_to_ucs2(char: str) -> None:
    assert measure(char).encoding == "UCS-2"


def test_typographic_signs_are_made_plain_where_that_saves() -> None:
    assert spell_plainly("it’s “due” – KWD\u00a01.234…") == 'it\'s "due" - KWD 1.234...'


def test_a_chinese_text_keeps_its_punctuation() -> None:
    assert spell_plainly("请回复“退订”…") == "请回复“退订”…"
