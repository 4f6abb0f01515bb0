"""How a table that somebody else made is to be reached and read."""

import codecs
import datetime as dt
import hashlib
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from dunflow.config.base import Model

_SAMPLE = dt.datetime(2026, 11, 25, 13, 45, tzinfo=dt.UTC)


def _tells_a_date(declared: str) -> str:
    try:
        read = dt.datetime.strptime(_SAMPLE.strftime(declared), declared)  # noqa: DTZ007
    except ValueError:
        read = None
    if read is None or read.date() != _SAMPLE.date():
        raise ValueError(
            f"is {declared!r}, which tells no year, month and day; write it as strptime has it, "
            "such as %Y-%m-%d, %d.%m.%Y or %m/%d/%y"
        )
    return declared


Strptime = Annotated[str, AfterValidator(_tells_a_date)]
"""How dates, or instants, are written, in the letters of strptime."""


class Written(Model):
    """How the cells of a file are written. Only what is declared is read."""

    format: Literal["csv", "excel", "parquet"] = "csv"
    sheet: str | None = None
    encoding: str = "utf-8"
    """Any that Python knows, such as gb18030 or cp1250. A UTF-8 byte-order mark is skipped."""
    delimiter: str = ","
    decimal: Literal[".", ","] = "."
    grouping: Literal[",", ".", " ", "'", ""] = ""
    """The sign between thousands; empty: none is allowed."""
    chunk_rows: int = Field(100_000, ge=1)

    @property
    def mark(self) -> str:
        """Tells this way of reading from another one, wherever the rows lie."""
        where = {"connection", "query", "path", "overlap_days", "chunk_rows"}
        return hashlib.sha256(self.model_dump_json(exclude=where).encode()).hexdigest()[:16]

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            "a".encode(value)
        except LookupError:
            raise ValueError(
                f"is {value!r}, which is no encoding of text; write one such as utf-8, gb18030, "
                "cp1250, cp1252 or iso-8859-2"
            ) from None
        return codecs.lookup(value).name

    @field_validator("delimiter")
    @classmethod
    def _is_one_sign(cls, value: str) -> str:
        if len(value) != 1 or value in '"\r\n':
            tab = r"""; for a tab write "\t", in double quotes""" if value == r"\t" else ""
            raise ValueError(f"is {value!r}, and one sign is wanted between two cells{tab}")
        return value

    @model_validator(mode="after")
    def _numbers_are_clear(self) -> "Written":
        if self.decimal == self.grouping:
            raise ValueError(f"decimal and grouping are both {self.decimal!r}; they must differ")
        return self


class Reading(Written):
    """Where rows lie, and how their cells are written."""

    kind: Literal["sql", "files"]
    connection: str | None = None
    """sql: the environment variable (or Airflow connection id) that holds the SQLAlchemy URL."""
    query: str | None = None
    """sql: file beside portfolio.yaml."""
    path: str | None = None
    """files: a path or object-storage URL."""
    dates: Strptime = "%Y-%m-%d"

    @model_validator(mode="after")
    def _reachable(self) -> "Reading":
        if self.kind == "sql" and not (self.connection and self.query):
            missing = "query" if self.connection else "connection"
            raise ValueError(
                f"kind is sql, so {missing} must be given: connection names where the database's "
                "URL is found, and query the file with the question"
            )
        if self.kind == "files" and not self.path:
            raise ValueError("kind is files, so path must say where they lie")
        return self
