"""Who takes accounts over, how a package reaches them, and what it may hold."""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from dunflow.config.base import Model
from dunflow.config.reading import Strptime, Written

Kind = Literal["agency", "legal", "bureau", "sale"]
Format = Literal["csv", "excel", "json"]
FieldName = Literal[
    "placement",
    "account",
    "customer",
    "name",
    "phone",
    "email",
    "address",
    "language",
    "amount",
    "currency",
    "balance",
    "due_on",
    "dpd",
    "product",
    "segment",
    "last_contact_on",
    "as_of",
    "venue",
    "contract",
    "limitation_on",
]
"""All that may ever leave. What the source says beyond it (its `attributes`: employer, health, …)
has no way out: only what the receiver needs may be given (PIPL art. 6, GDPR art. 5(1)(c))."""
LEGAL_FIELDS: tuple[FieldName, ...] = ("venue", "contract", "limitation_on")
"""Where to sue, on which contract, and until when: for legal only, from the attributes of these
names that the source declares."""
USUAL_FIELDS: tuple[FieldName, ...] = (
    "placement",
    "account",
    "customer",
    "name",
    "phone",
    "email",
    "address",
    "language",
    "amount",
    "currency",
    "due_on",
    "dpd",
    "product",
    "as_of",
)
MOST_APPROVALS = 5
"""Airflow asks one person after the other, by tasks of their own."""
NEEDED: tuple[FieldName, ...] = ("placement", "account", "amount", "currency")
"""Without these neither side could say later which account and how much was meant."""


def _day(value: str) -> str:
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        raise ValueError(f'is {value!r}; write it like "2026-03-01"') from None
    return value


Day = Annotated[str, AfterValidator(_day)]


def _recipient(value: str) -> str:
    import pyrage  # only where somebody encrypts

    try:
        pyrage.x25519.Recipient.from_str(value)
    except pyrage.RecipientError:
        raise ValueError(f'is {value!r}; write the receiver\'s public key, "age1…"') from None
    return value


Recipient = Annotated[str, AfterValidator(_recipient)]


class Agreement(Model):
    """The contract under which accounts may be given away, both days included."""

    since: Day
    until: Day | None = None

    def covers(self, day: dt.date) -> bool:
        starts, ends = dt.date.fromisoformat(self.since), self.until
        return starts <= day and (ends is None or day <= dt.date.fromisoformat(ends))


HANDBACK: dict[str, bool] = {
    "ref": True,
    "kind": True,
    "at": True,
    "placement": False,
    "account": False,
    "amount": False,
    "currency": False,
    "commission": False,
    "remittance": False,
    "channel": False,
    "result": False,
    "reason": False,
}
"""The columns of a receiver's file, and whether each must be there and filled."""


class Handback(Written):
    """How a receiver writes the files that it sends back."""

    instants: Strptime | None = None
    """How an instant in text is written; none: ISO 8601, without an offset in the portfolio's
    zone."""
    columns: dict[str, str] = {}
    """Our column → its header in these files, where that is another."""

    @field_validator("columns")
    @classmethod
    def _known_columns(cls, value: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(value) - set(HANDBACK)):
            raise ValueError(f"names {unknown[0]!r}; there are {', '.join(HANDBACK)}")
        return value


class Destination(Model):
    """One receiver of placements."""

    kind: Kind = "agency"
    agreement: Agreement | None = None
    """Without one, whether it may be given accounts is not asked here (a pack may ask it)."""
    approvals: int = Field(1, ge=1, le=MOST_APPROVALS)
    """So many different people must approve an account before it leaves."""
    capacity: int | None = Field(None, ge=0)
    """At most so many accounts are proposed to it or with it; none: any number."""
    commission: Decimal | None = Field(None, ge=0, le=1)
    """The share of what it collects that it may keep; none: not checked."""
    evidence: bool = False
    """Whether a package has a PDF for each account: what was sent, agreed and paid."""
    encrypt_to: list[Recipient] = []
    """age recipients; with any, the files of a package are encrypted for them."""
    formats: list[Format] = ["csv", "excel", "json"]
    fields: list[FieldName] = list(USUAL_FIELDS)
    folder: str | None = None
    """A folder or an fsspec URL (`s3://…`, `sftp://…`); by default below DUNFLOW_HOME/exports."""
    connection: str | None = None
    """The environment variable that holds the URL, where it has credentials in it."""
    returns: str | None = Field(None, min_length=1)
    """A folder in that place (with a slash before it: elsewhere on that server) where the receiver
    leaves its files; the intake takes them in. None: a person hands them over."""
    handback: Handback = Handback()
    host_key: str | None = None
    """sftp: the server's public key; none: it is in the machine's known_hosts."""

    @field_validator("formats")
    @classmethod
    def _some_format(cls, value: list[Format]) -> list[Format]:
        if not value or len(set(value)) != len(value):
            raise ValueError(f"is {value!r}; name each format once, and at least one")
        return value

    @field_validator("fields")
    @classmethod
    def _fields_suffice(cls, value: list[FieldName]) -> list[FieldName]:
        missing = [name for name in NEEDED if name not in value]
        if missing or len(set(value)) != len(value):
            raise ValueError(
                f"is {value!r}; name each field once, and {', '.join(NEEDED)} among them"
            )
        return value
