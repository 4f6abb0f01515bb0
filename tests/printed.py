"""What a printed PDF shows."""

from ctypes import create_string_buffer
from pathlib import Path

import pypdfium2 as pdfium
from pypdfium2.raw import FPDFText_GetFontInfo


def fonts_of(pdf: Path, of: str | None = None) -> set[str]:
    """The fonts of every sign, or of these ones, without the tags of their subsets."""
    found = set()
    name = create_string_buffer(100)
    for page in pdfium.PdfDocument(pdf):
        signs = page.get_textpage()
        for number in range(signs.count_chars()):
            if of is None or signs.get_text_range(number, 1) in of:
                FPDFText_GetFontInfo(signs, number, name, 100, None)
                found.add(name.value.decode().split("+")[-1])
    return found - {""}  # of spaces that only the reader makes
