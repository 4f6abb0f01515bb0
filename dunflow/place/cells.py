"""Values as cells that a reader gets back exactly, and that a spreadsheet never executes."""

import datetime as dt
import re
from decimal import Decimal

from dunflow.money import exact
from dunflow.place.content import Value

GUARD = "'"
"""Stands before a text that a spreadsheet would take for a formula; a reader takes it off again."""

_STARTS_FORMULA = tuple("=+-@＝＋－＠")
_HARMLESS = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
"""A plain number, or a phone in E.164: nothing that could call anything."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def guarded(text: str) -> str:
    """`text` as it stands in a CSV file.

    After OWASP's advice on CSV injection. What already begins with guards gets one more, so taking
    off one always gives the original back.
    """
    bare = text.lstrip().lstrip(GUARD).lstrip()
    if bare.startswith(_STARTS_FORMULA) and not _HARMLESS.fullmatch(text):
        return GUARD + text
    return text


def unguarded(cell: str) -> str:
    """The text of a cell of a CSV file that `guarded` wrote."""
    is_guarded = cell.startswith(GUARD) and guarded(cell[1:]) == cell
    return cell[1:] if is_guarded else cell


def printable(text: str) -> str:
    """Without characters that no file format can hold; line breaks as \\n."""
    return _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))


def as_text(value: Value, currency: str) -> str | None:
    """The value as JSON and CSV tell it; None where there is none."""
    if value is None:
        return None
    if isinstance(value, Decimal):
        return exact(value, currency)
    if isinstance(value, dt.date):
        return value.isoformat()
    return printable(value) if isinstance(value, str) else str(value)
