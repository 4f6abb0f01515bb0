"""How many parts an SMS is billed as, and spelling that keeps it in few.

GSM-7 holds 160 units alone and 153 per part; one character outside it turns the whole message into
UCS-2, with 70 units alone and 67 per part.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("^{}\\[]~|€\f")
"""Sent as an escape and a character: two units that stay together."""
_GSM = GSM_BASIC | GSM_EXTENSION

_LOOK_ALIKES = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u2026": "...",
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
        "`": "'",
        "\t": " ",
    }
)
_PLAINABLE = _GSM | {chr(code) for code in _LOOK_ALIKES}


@dataclass(frozen=True)
class Size:
    """What an SMS comes to."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int


def measure(text: str) -> Size:
    """The size of `text` as an SMS; an empty one has no segment."""
    if is_gsm(text):
        widths = [2 if char in GSM_EXTENSION else 1 for char in text]
        return Size("GSM-7", sum(widths), _parts(widths, alone=160, joined=153))
    widths = [2 if ord(char) > 0xFFFF else 1 for char in text]
    return Size("UCS-2", sum(widths), _parts(widths, alone=70, joined=67))


def is_gsm(text: str) -> bool:
    """Whether `text` fits into GSM-7."""
    return _GSM.issuperset(text)


def spell_plainly(text: str) -> str:
    """`text` with typographic quotes, dashes and spaces made plain, if that makes it GSM-7.

    We do it ourselves, as a provider's own replacing would change the text by which a message in
    doubt is looked up. Texts that stay in UCS-2, such as Chinese ones, keep their punctuation.
    """
    if not _PLAINABLE.issuperset(text):
        return text
    return text.translate(_LOOK_ALIKES)


def _parts(widths: Iterable[int], *, alone: int, joined: int) -> int:
    """Packs rather than divides: a pair never lies across the border of two parts."""
    widths = list(widths)
    if sum(widths) <= alone:
        return 1 if widths else 0
    parts, room = 1, joined
    for width in widths:
        if width > room:
            parts, room = parts + 1, joined
        room -= width
    return parts
