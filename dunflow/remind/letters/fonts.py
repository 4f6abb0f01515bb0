"""The fonts of what is printed: where they lie, and which signs they have."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

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
