"""How a table that somebody else made is to be reached and read."""

import codecs
from typing import Literal

from pydantic import Field, field_validator, model_validator

from dunflow.config.base import Model


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
    dates: str = "%Y-%m-%d"

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
