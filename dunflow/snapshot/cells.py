"""Reads columns of raw cells into typed Arrow arrays, whole columns at a time.

Each reader takes one column of one chunk and gives the values (null where a cell is empty or
faulty) with the faults. Formats are the portfolio's; nothing is guessed. Typed columns, as a
database or a Parquet file delivers them, are taken as what they are.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from dunflow.clock import time_zones
from dunflow.config.portfolio import LANGUAGES
from dunflow.errors import SourceError
from dunflow.money import CURRENCIES, decimals_of
from dunflow.snapshot import scan

# Enough for every currency (at most 4 decimals) and for an attribute's fraction.
AMOUNT = pa.decimal128(24, 4)
NUMBER = pa.decimal128(30, 10)

# How a source hands on a cell that it could not read exactly: this mark, then a key of DAMAGE.
DAMAGED = "\ufffd"
DAMAGE = {
    "bytes": "holds bytes that are no text in the declared encoding",
    "number": "is a number that a spreadsheet has rounded or rewritten",
    "date": "is a date that a spreadsheet made of something else",
    "formula error": "is a spreadsheet's error value",
    "cells": "the row has more or fewer cells than the header",
}

# What other systems write for "no date": 0001-01-01, 1900-01-00.
EARLIEST = 1901
LATEST = dt.MAXYEAR  # a database may go on to "infinity", which is no day
LONGEST_REF = 200
LONGEST_TEXT = 1000
FLAGS = dict.fromkeys(("true", "t", "yes", "y", "1", "是"), True) | dict.fromkeys(
    ("false", "f", "no", "n", "0", "否"), False
)

_WIDE_OR_ASCII = r"^[\x00-\x7f\x{3000}\x{ff01}-\x{ff5e}]*$"
CONTROL_SIGNS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
CONTROLS = "holds control characters, as text does that is read in another encoding than its own"
_INVISIBLE = r"[\x00-\x1f\x7f-\x9f\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}\x{feff}]"
_REWRITTEN_NUMBER = r"^[0-9](\.[0-9]+)?[eE]\+[0-9]+$|^[0-9]+\.0$"
_SHORT_NUMBER = r"^[0-9]{1,18}(\.[0-9]{1,4}0{0,16})?$"  # fits any of our types as it is
_WHOLE_NUMBER = r"^[0-9]{1,6}$"


@dataclass(frozen=True)
class Fault:
    """Rows (a mask as long as the chunk) of a column that could not be read, and why."""

    rows: pa.BooleanArray
    reason: str


@dataclass(frozen=True)
class Cells:
    """A column as read: one value per row, null where it is empty or faulty."""

    values: pa.Array
    faults: tuple[Fault, ...] = ()


Reader = Callable[[pa.Array], Cells]


def true_in(mask: pa.BooleanArray) -> pa.BooleanArray:
    """The mask with null as false."""
    return pc.fill_null(mask, False)


def trimmed(column: pa.Array) -> pa.Array:
    """Text without blanks around it; null where nothing is left."""
    text = pc.utf8_trim_whitespace(column)
    return _nulled(text, pc.equal(text, ""))


def _nulled(values: pa.Array, where: pa.BooleanArray) -> pa.Array:
    mask = true_in(where)
    if not pc.any(mask).as_py():
        return values
    return pc.if_else(mask, pa.scalar(None, values.type), values)


def narrow(text: pa.Array) -> pa.Array:
    """Full-width digits and signs as ASCII; other characters stay, so that no ½ becomes 1/2."""
    if scan.is_ascii(text):
        return text
    wide = true_in(pc.match_substring_regex(text, _WIDE_OR_ASCII))
    return pc.if_else(wide, pc.utf8_normalize(text, "NFKC"), text)


def settle(values: pa.Array, *faults: tuple[pa.BooleanArray, str]) -> Cells:
    """Null the faulty values; a row has the first fault that speaks, not several."""
    kept: list[Fault] = []
    seen: pa.BooleanArray | None = None
    for mask, reason in faults:
        rows = true_in(mask)
        if seen is not None:
            rows = pc.and_not(rows, seen)
        if pc.any(rows).as_py():
            kept.append(Fault(rows, reason))
            seen = rows if seen is None else pc.or_(seen, rows)
    return Cells(values if seen is None else _nulled(values, seen), tuple(kept))


def damage(text: pa.Array) -> list[tuple[pa.BooleanArray, str]]:
    """Faults of cells that the source itself could not read."""
    if not scan.holds(text, DAMAGED):
        return []
    marked = pc.match_substring(text, DAMAGED)
    found = [(pc.equal(text, DAMAGED + key), reason) for key, reason in DAMAGE.items()]
    return [*found, (marked, DAMAGE["bytes"])]


def _whole_column_fault(column: pa.Array, wanted: str) -> SourceError:
    return SourceError(f"holds values of type {column.type}; cast it to {wanted} at the source")


# --- identifiers and text ---------------------------------------------------------------------


def as_text(column: pa.Array) -> pa.Array:
    """A column of any readable type as text. Raises SourceError for floats: 19 digits stay 19."""
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_floating(kind):
        raise _whole_column_fault(column, "text")
    try:
        return pc.cast(column, pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        raise _whole_column_fault(column, "text") from None


def read_ref(column: pa.Array) -> Cells:
    """An identifier, verbatim but for blanks around it: `0010` is not `10`."""
    if pa.types.is_temporal(column.type) or pa.types.is_boolean(column.type):
        raise _whole_column_fault(column, "text")
    text = trimmed(as_text(column))
    faults = [*damage(text), _too_long(text, LONGEST_REF)]
    if scan.has_controls(text) or not scan.is_ascii(text):
        invisible = pc.match_substring_regex(text, _INVISIBLE)
        faults.append((invisible, "holds control or invisible characters"))
    if scan.holds(text, "+") or scan.holds(text, ".0"):
        faults.append((pc.match_substring_regex(text, _REWRITTEN_NUMBER), DAMAGE["number"]))
    return settle(text, *faults)


def read_text(column: pa.Array) -> Cells:
    text = trimmed(as_text(column))
    faults = [*damage(text), _too_long(text, LONGEST_TEXT)]
    if scan.has_controls(text):
        faults.append((pc.match_substring_regex(text, CONTROL_SIGNS), CONTROLS))
    return settle(text, *faults)


def _too_long(text: pa.Array, longest: int) -> tuple[pa.BooleanArray, str]:
    return pc.greater(pc.utf8_length(text), longest), f"is longer than {longest} characters"


def read_contact(column: pa.Array) -> Cells:
    """A phone or email as delivered; whether it can be used is judged only once (contacts.py).

    What can't be stored is marked, and so found unusable there; half a value might be another's.
    """
    text = trimmed(as_text(column))
    if scan.has_controls(text):
        text = pc.replace_substring_regex(text, CONTROL_SIGNS, DAMAGED)
    longer, _ = _too_long(text, LONGEST_REF)
    if pc.any(longer).as_py():
        cut = pc.utf8_slice_codeunits(text, 0, LONGEST_REF)
        text = pc.if_else(longer, pc.binary_join_element_wise(cut, DAMAGED, ""), text)
    return Cells(text)


def read_name(column: pa.Array) -> Cells:
    """A name; what programs write for "no name" is none, so that no text greets "Dear NaN"."""
    cells = read_text(column)
    absent = pc.is_in(cells.values, pa.array(["NaN", "nan", "None", "NULL", "null", "#N/A"]))
    return Cells(_nulled(cells.values, absent), cells.faults)


def read_choice(column: pa.Array, known: Collection[str], reason: str) -> Cells:
    text = narrow(trimmed(as_text(column)))
    unknown = pc.and_(pc.is_valid(text), pc.invert(pc.is_in(text, pa.array(sorted(known)))))
    return settle(text, *damage(text), (unknown, reason))


def read_currency(column: pa.Array) -> Cells:
    return read_choice(column, CURRENCIES, "is no ISO 4217 currency code")


def read_time_zone(column: pa.Array) -> Cells:
    return read_choice(column, time_zones(), "is no IANA time zone")


def read_language(column: pa.Array) -> Cells:
    """`zh`, or a tag such as `zh-CN` by its first part."""
    text = trimmed(as_text(column))
    first = pc.utf8_lower(pc.replace_substring_regex(text, r"[-_].*$", ""))
    return read_choice(first, set(LANGUAGES), f"is none of the languages {', '.join(LANGUAGES)}")


def read_flag(column: pa.Array) -> Cells:
    """true/false, t/f, yes/no, y/n, 1/0, 是/否, in any case."""
    if pa.types.is_boolean(column.type):
        return Cells(column)
    text = pc.utf8_lower(narrow(trimmed(as_text(column))))
    where = pc.index_in(text, pa.array(list(FLAGS)))
    values = pc.take(pa.array(list(FLAGS.values())), where)
    unknown = pc.and_(pc.is_valid(text), pc.is_null(values))
    return settle(values, *damage(text), (unknown, "is neither true nor false"))


# --- numbers ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Numerals:
    """How numbers are written: the decimal sign, and the sign between thousands ("" for none)."""

    decimal: str = "."
    grouping: str = ""

    @property
    def pattern(self) -> str:
        """Thousands in groups of three, or of two above the last three as in India."""
        signs = r"[ \x{a0}\x{202f}]" if self.grouping == " " else re.escape(self.grouping)
        fraction = rf"({re.escape(self.decimal)}[0-9]+)?$"
        plain = rf"^[-+]?[0-9]+{fraction}"
        if not self.grouping:
            return plain
        return rf"{plain}|^[-+]?[0-9]{{1,3}}({signs}[0-9]{{2,3}})*{signs}[0-9]{{3}}{fraction}"

    def canonical(self, text: pa.Array) -> pa.Array:
        """Text that matches `pattern` as plain digits with a dot, no plus, no trailing zeros."""
        if self.grouping == " ":
            text = pc.replace_substring_regex(text, r"[ \x{a0}\x{202f}]", "")
        elif self.grouping:
            text = pc.replace_substring(text, self.grouping, "")
        if self.decimal != ".":
            text = pc.replace_substring(text, self.decimal, ".")
        return pc.utf8_ltrim(text, "+")


PLAIN = Numerals()


def _number_text(column: pa.Array, numerals: Numerals) -> tuple[pa.Array, Numerals]:
    """The column as text, and how its numbers are written: typed ones always plainly."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):  # PostgreSQL's numeric, as ADBC hands it on
        return pc.cast(column.storage, pa.string()), PLAIN
    if pa.types.is_decimal(kind):
        # By way of Python, as Arrow writes small ones with an exponent.
        plain = [None if value is None else f"{value:f}" for value in column.to_pylist()]
        return pa.array(plain, pa.string()), PLAIN
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _without_exponents(pc.cast(column, pa.string())), PLAIN
    if pa.types.is_temporal(kind) or pa.types.is_boolean(kind):
        raise _whole_column_fault(column, "a number")
    return narrow(trimmed(as_text(column))), numerals


def _without_exponents(numbers: pa.Array) -> pa.Array:
    """Arrow writes large and tiny floats with one: 1.2e+10."""
    if not scan.holds(numbers, "e"):
        return numbers
    plain = [each and f"{Decimal(each):f}" for each in numbers.to_pylist()]
    return pa.array(plain, pa.string())


def read_number(column: pa.Array, numerals: Numerals, kind: pa.Decimal128Type = NUMBER) -> Cells:
    """Exact decimals. Exponents, NaN, and signs that were not declared are faults."""
    text, numerals = _number_text(column, numerals)
    if pc.all(pc.match_substring_regex(text, _SHORT_NUMBER)).as_py():
        return Cells(pc.cast(text, kind))  # the usual column, in one step
    odd = pc.invert(pc.match_substring_regex(text, numerals.pattern))
    plain = pc.replace_substring_regex(
        numerals.canonical(_nulled(text, odd)), r"(\.[0-9]*?)0+$", r"\1"
    )
    plain = pc.utf8_rtrim(plain, ".")
    whole_digits = kind.precision - kind.scale
    large = pc.match_substring_regex(plain, rf"[0-9]{{{whole_digits + 1},}}(\.|$)")
    fine = pc.match_substring_regex(plain, rf"\.[0-9]{{{kind.scale + 1},}}$")
    unfit = pc.or_(true_in(large), true_in(fine))
    return settle(
        pc.cast(_nulled(plain, unfit), kind),
        *damage(text),
        (odd, "is no number as the portfolio declares them"),
        (large, "is too large"),
        (fine, "has more decimals than can be kept"),
    )


def read_amount(
    column: pa.Array, numerals: Numerals, currency: pa.Array, *, may_be_negative: bool
) -> Cells:
    """Money with no more decimals than its currency has (trailing zeros aside)."""
    cells = read_number(column, numerals, AMOUNT)
    values, faults = cells.values, [(fault.rows, fault.reason) for fault in cells.faults]
    for code in pc.unique(currency).to_pylist():
        if code is None:
            continue
        kept = pc.round(values, ndigits=decimals_of(code))
        too_fine = pc.and_(pc.equal(currency, code), pc.not_equal(values, kept))
        faults.append((too_fine, f"has more decimals than {code}"))
    if not may_be_negative:
        faults.append((pc.less(values, pa.scalar(0, AMOUNT)), "is negative"))
    return settle(values, *faults)


def read_count(column: pa.Array) -> Cells:
    """A whole number from 0."""
    text, _ = _number_text(column, PLAIN)
    odd = pc.invert(pc.match_substring_regex(text, _WHOLE_NUMBER))
    values = pc.cast(_nulled(text, odd), pa.int32())
    return settle(values, *damage(text), (odd, "is no whole number"))


# --- dates ------------------------------------------------------------------------------------


def read_date(column: pa.Array, declared: str) -> Cells:
    """Dates in the declared strptime format. Typed dates are taken; an instant is no date."""
    kind = column.type
    if pa.types.is_date(kind):
        days = pc.cast(column, pa.date32())
        return settle(days, *_off_calendar(days))
    if pa.types.is_timestamp(kind):
        if kind.tz is not None:
            raise _whole_column_fault(column, "date")
        days = pc.floor_temporal(_nulled(column, _is_off(column)), unit="day")
        timed = (pc.not_equal(column, days), "is an instant, not a date")
        return settle(pc.cast(days, pa.date32(), safe=False), timed, *_off_calendar(column))
    if not pa.types.is_string(kind):
        raise _whole_column_fault(column, "date")
    text = narrow(trimmed(column))
    written = text.dictionary_encode()  # a book has few different dates: each is read once
    parse = _date_parser(declared)
    days = pa.array([parse(value) for value in written.dictionary.to_pylist()], pa.date32())
    values = pc.take(days, written.indices)
    odd = pc.and_(pc.is_valid(text), pc.is_null(values))
    unread = (odd, f"is no date of the format {declared}")
    return settle(values, *damage(text), unread, *_off_calendar(values))


def _off_calendar(days: pa.Array) -> list[tuple[pa.BooleanArray, str]]:
    """Of days, or of instants without a zone: as numbers, since what counts in years wraps around
    where a database has its infinity."""
    in_a_day = 1 if pa.types.is_date(days.type) else 86_400 * _IN_A_SECOND[days.type.unit]
    counted = days.view(pa.int32() if pa.types.is_date(days.type) else pa.int64()).cast(pa.int64())
    first = _FIRST * in_a_day
    end = min(_END * in_a_day, _MOST)
    return [
        (pc.less(counted, first), f"lies before {EARLIEST}"),
        (pc.greater_equal(counted, end), f"lies after {LATEST}"),
    ]


_FIRST = (dt.date(EARLIEST, 1, 1) - dt.date(1970, 1, 1)).days
_END = (dt.date(LATEST, 12, 31) - dt.date(1970, 1, 1)).days + 1
_IN_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_MOST = 2**63 - 1
"""More than this no count of nanoseconds is; for other units the end of the calendar is less."""


def _is_off(days: pa.Array) -> pa.BooleanArray:
    return pc.or_(*[rows for rows, _ in _off_calendar(days)])


def _date_parser(declared: str) -> Callable[[str], dt.date | None]:
    # "2026-3-1" is clear where signs stand between the parts, "2026111" is not.
    padded = re.search(r"%[a-zA-Z]%[a-zA-Z]", declared) is not None

    def parse(text: str) -> dt.date | None:
        try:
            instant = dt.datetime.strptime(text, declared)  # noqa: DTZ007 - a date has no zone
        except ValueError:
            return None
        if instant.time() != dt.time(0) or (padded and instant.strftime(declared) != text):
            return None
        return instant.date()

    return parse
