"""A text as the rules read it, however it was typed."""

import re
import unicodedata
from typing import Final

_BETWEEN_CJK: Final = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")


def normalise(text: str) -> str:
    """Lower case, ordinary width, no invisible characters, no blanks between Chinese ones."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    return _BETWEEN_CJK.sub("", " ".join(plain.split()))


def bare(text: str) -> str:
    """Only the letters and digits: `" s.T.o.P!! "` is `stop`."""
    return "".join(char for char in normalise(text) if char.isalnum())
