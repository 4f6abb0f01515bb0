"""How a name and an address stand in the window of an envelope."""

import pytest

from dunflow.remind.letters.fonts import widths
from dunflow.remind.letters.window import WIDTH, lines_in_window


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("12 Some Street", ["12 Some Street"]),
        ("王" * 22, ["王" * 22]),
        ("王" * 23, ["王" * 22, "王"]),
        ("Flat 4 " + "王" * 22, ["Flat 4", "王" * 22]),
        ("W" * 26, ["W" * 25, "W"]),
        ("i" * 26, ["i" * 26]),
    ],
)
def test_a_line_breaks_where_the_window_ends(line: str, parts: list[str]) -> None:
    assert list(lines_in_window([line])) == parts


def test_no_line_is_wider_than_the_window_and_nothing_is_lost() -> None:
    line = "The Very Long Name Of A House Without Any Number, Llanfairpwllgwyngyllgogerych 上海市"
    broken = lines_in_window([line * 3])
    assert "".join(broken).replace(" ", "") == (line * 3).replace(" ", "")
    assert all(sum(widths()[sign] for sign in part) <= WIDTH for part in broken)


@pytest.mark.parametrize(
    "name", ["Łukasz Żółć", "Ğülşen Őry", "Αθηνά Ὀδυσσεύς", "Ольга Ёж", "Nguyễn Hằng", "王伟"]
)
def test_the_fonts_have_the_signs_of_names(name: str) -> None:
    assert set(name) <= widths().keys()
