"""The fonts of what is printed: where they lie, and which signs they have."""

import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import font_roboto
import pylopdf_fonts_zh_cn

LATIN: Final = Path(font_roboto.font_directory) / "Roboto-Regular.ttf"
"""Has the composed letters of Latin, Greek and Cyrillic, which the Chinese one lacks."""
CHINESE: Final = pylopdf_fonts_zh_cn.sans_path()
FOLDERS: Final = [str(font.parent) for font in (LATIN, CHINESE)]
"""What Typst is given. The machine's own fonts are left out, so that a page looks the same
everywhere."""


@cache
def widths() -> Mapping[str, float]:
    """Sign → its width in ems, in the wider font that has it. A sign that is not there would be
    printed as a box."""
    from fontTools.ttLib import TTFont  # only who prints needs it

    found: dict[str, float] = {}
    for file in (LATIN, CHINESE):
        font = TTFont(file, lazy=True)
        em, advances = font["head"].unitsPerEm, font["hmtx"].metrics
        for code, glyph in font.getBestCmap().items():
            sign = chr(code)
            found[sign] = max(advances[glyph][0] / em, found.get(sign, 0.0))
    return found


def composed(text: str) -> str:
    """With each letter and its accents as one sign: so the fonts have more of them."""
    return unicodedata.normalize("NFC", text)


def spelled(told: Any) -> Any:
    """What is to be printed (texts, also within lists and dicts), with each sign that the fonts
    lack as its code, such as `[U+AE40]`: for papers that must be there whatever a name is."""
    match told:
        case str():
            return "".join(map(_spelled, composed(told)))
        case dict():
            return {key: spelled(each) for key, each in told.items()}
        case list():
            return [spelled(each) for each in told]
        case _:
            return told


def lacks_signs(told: Any) -> bool:
    """Whether anything in it is spelled by codes."""
    match told:
        case str():
            return any(_spelled(sign) != sign for sign in composed(told))
        case dict():
            return any(map(lacks_signs, told.values()))
        case list():
            return any(map(lacks_signs, told))
        case _:
            return False


def _spelled(sign: str) -> str:
    # Spaces, and signs that are there to be not seen, leave no box.
    has_it = sign in widths() or sign.isspace() or unicodedata.category(sign) == "Cf"
    return sign if has_it else f"[U+{ord(sign):04X}]"
