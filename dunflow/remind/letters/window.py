"""The window of the envelope: a name and an address, in the lines in which they stand there."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from dunflow.remind.letters.fonts import widths

LINES: Final = 7
"""So many fit below the lender's line (_base/letter.typ)."""
WIDTH: Final = 22.5
"""In ems: the window's 85 mm hold 22.9 of them, and signs are not set to the hair."""


def lines_in_window(lines: Iterable[str]) -> tuple[str, ...]:
    """These lines, broken where the window ends. Every sign must be one that the fonts have."""
    return tuple(part for line in lines for part in _broken(line))


def _broken(line: str) -> Iterator[str]:
    """At a space if there is one, or else within the word, as Chinese is written without any."""
    while line:
        ends = list(accumulate(widths()[sign] for sign in line))
        end = max(bisect_right(ends, WIDTH), 1)
        if end < len(line):
            end = max(line.rfind(" ", 0, end + 1), 0) or end
        yield line[:end].rstrip()
        line = line[end:].lstrip()
