"""Which header of the source feeds which of our columns, and how each is to be read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import get_args

import pyarrow as pa

from dunflow.config.portfolio import REQUIRED_COLUMNS, Column, Source
from dunflow.errors import SourceError
from dunflow.snapshot import cells

READERS: dict[Column, tuple[cells.Reader, pa.DataType]] = {
    "account": (cells.read_ref, pa.string()),
    "customer": (cells.read_ref, pa.string()),
    "currency": (cells.read_currency, pa.string()),
    "product": (cells.read_text, pa.string()),
    "segment": (cells.read_text, pa.string()),
    "instalments_overdue": (cells.read_count, pa.int32()),
    "name": (cells.read_name, pa.string()),
    "phone": (cells.read_contact, pa.string()),
    "email": (cells.read_contact, pa.string()),
    "address": (cells.read_text, pa.string()),
    "language": (cells.read_language, pa.string()),
    "time_zone": (cells.read_time_zone, pa.string()),
}
DATES: tuple[Column, ...] = ("due_on", "last_payment_on")
AMOUNTS: tuple[Column, ...] = ("overdue", "balance")
ALL_FIELDS: dict[str, pa.DataType] = (
    {str(name): kind for name, (_, kind) in READERS.items()}
    | {str(name): pa.date32() for name in DATES}
    | {str(name): cells.AMOUNT for name in AMOUNTS}
)


@dataclass(frozen=True)
class Field:
    """One column to be read: our name for it, the source's header, and its Arrow type.

    Attributes are called `a0`, `a1`, … here; `attribute` is the name of the fact.
    """

    name: str
    header: str
    kind: pa.DataType
    read: cells.Reader | None  # None: an amount, which is read beside its currency
    needed: bool = False  # an empty cell is a fault
    attribute: str | None = None


@dataclass(frozen=True)
class Layout:
    """The fields of one source, in our order; settled by the first frame's headers.

    `key` is the one by which a row is named where another of its cells can't be read.
    """

    fields: tuple[Field, ...]
    numerals: cells.Numerals
    key: str = "account"

    @property
    def names(self) -> frozenset[str]:
        return frozenset(field.name for field in self.fields)

    def header_of(self, name: str) -> str:
        """The source's header of our column `name`; our own name where the source has none."""
        return next((field.header for field in self.fields if field.name == name), name)

    @property
    def attributes(self) -> tuple[Field, ...]:
        return tuple(field for field in self.fields if field.attribute is not None)


def make_layout(source: Source, headers: Sequence[str]) -> Layout:
    """Match the declared columns with the headers that came.

    Raises SourceError if a required or declared column is missing, stands twice, or seems to have
    been renamed; it names the column and the headers that look similar.
    """
    given = [str(header) for header in headers]
    numerals = cells.Numerals(source.decimal, source.grouping)
    columns = {str(name): source.columns.get(name, name) for name in get_args(Column)}
    wanted = {**columns, **{name: each.column for name, each in source.attributes.items()}}
    must = {*REQUIRED_COLUMNS, *source.columns}
    fields = [
        _field(source, name, header)
        for name in get_args(Column)
        if (header := find_header(wanted, name, given, needed=name in must))
    ]
    for number, (name, attribute) in enumerate(source.attributes.items()):
        header = _found(wanted, name, given)
        read, kind = _attribute_reader(attribute.kind, numerals)
        fields.append(Field(f"a{number}", header, kind, read, attribute=name))
    return Layout(tuple(fields), numerals)


@dataclass(frozen=True)
class Heads:
    """Headers below which a reader of text must know what stands there.

    `certain`: kept in the first column, though its row does not fit the header. `dates` and
    `instants`: with how they are written in text; None: ISO 8601.
    """

    certain: frozenset[str]
    refs: frozenset[str]
    dates: Mapping[str, str]
    instants: Mapping[str, str | None] = field(default_factory=dict)


def heads_of(source: Source) -> Heads:
    def headers(*names: Column) -> frozenset[str]:
        return frozenset(source.columns.get(name, name) for name in names)

    dates = dict.fromkeys(headers(*DATES), source.dates)
    return Heads(headers("account"), headers("account", "customer"), dates)


def find_header(
    wanted: Mapping[str, str], name: str, given: list[str], *, needed: bool
) -> str | None:
    """The header of our column `name`; None: the source has no such column.

    `wanted`: all of our columns, with their headers. Raises SourceError if it must be there and is
    not, or seems to have been renamed.
    """
    header = wanted[name]
    if header in given or needed:
        return _found(wanted, name, given)
    same = [other for other in given if _bare(other) == _bare(header)]
    if same:  # an optional column under a changed name would silently read as empty
        raise SourceError(
            f"column {header!r} is missing, but there is {same[0]!r}: declare it in the "
            f"portfolio's columns as {name}: {same[0]!r}, or give it its name back"
        )
    return None


def _found(wanted: Mapping[str, str], name: str, given: list[str]) -> str:
    header = wanted[name]
    times = given.count(header)
    if times == 1:
        return header
    if times > 1:
        raise SourceError(f"column {header!r} stands {times} times; it must stand once")
    shown = shown_headers(wanted, given)
    similar = [other for other in shown if _bare(other) == _bare(header)]
    similar += [o for o in get_close_matches(header, shown, n=3, cutoff=0.6) if o not in similar]
    hint = f"similar ones are {', '.join(map(repr, similar))}" if similar else "none is similar"
    meant = "" if header == name else f" (our {name})"
    found = (
        f"{hint} (found: {', '.join(map(repr, shown))})"
        if shown
        else f"the first row has {len(given)} cells and none of our columns: is it a header at all?"
    )
    raise SourceError(
        f"column {header!r}{meant} is missing; {found}. Mend the source, or the portfolio's "
        "columns; nothing was loaded"
    )


def shown_headers(wanted: Mapping[str, str], given: list[str]) -> list[str]:
    """The headers that may be told of; none where the first row has no column of ours.

    Where the header is missing, that row is a person's: their name, phone and email.
    """
    ours = {_bare(header) for header in wanted.values()}
    if not any(_bare(each) in ours for each in given):
        return []
    return [each if _LIKE_A_HEADER.fullmatch(each) else "…" for each in given]


_LIKE_A_HEADER = re.compile(r"(?!.*\d{5})[^\W\d][\w .:()/#%-]{0,60}")
"""Neither a phone number nor an email address, nor what a wrong delimiter makes of a line."""


def _bare(header: str) -> str:
    return re.sub(r"[\W_]+", "", header).casefold()


def _field(source: Source, name: Column, header: str) -> Field:
    needed = name in REQUIRED_COLUMNS
    if name in AMOUNTS:
        return Field(name, header, cells.AMOUNT, None, needed)
    if name in DATES:
        as_declared = partial(cells.read_date, declared=source.dates)
        return Field(name, header, pa.date32(), as_declared, needed)
    read, kind = READERS[name]
    return Field(name, header, kind, read, needed)


def _attribute_reader(kind: str, numerals: cells.Numerals) -> tuple[cells.Reader, pa.DataType]:
    match kind:
        case "number":
            return partial(cells.read_number, numerals=numerals), cells.NUMBER
        case "flag":
            return cells.read_flag, pa.bool_()
        case _:
            return cells.read_text, pa.string()
