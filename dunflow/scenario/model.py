"""What a scenario file may say. Unknown keys are refused."""

import datetime as dt
import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from dunflow.config.base import Amount, Currency, Model, WallTime
from dunflow.config.destination import Destination
from dunflow.config.feeds import KINDS
from dunflow.config.policy import Channel
from dunflow.config.portfolio import Gate, Language, Region, Zone


def _dates(value: object) -> object:
    """`2026-03-01` or `2026-03-01..2026-03-09`, both ends included."""
    if isinstance(value, dt.date):
        return (value, value)
    if isinstance(value, str) and (match := re.fullmatch(r"(\S{10})\.\.(\S{10})", value)):
        first, last = (dt.date.fromisoformat(part) for part in match.groups())
        if first <= last:
            return (first, last)
    raise ValueError(f"is {value!r}; write 2026-03-01 or 2026-03-01..2026-03-09")


def _instant(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f'is {value!r}; write an instant in quotes, like "2026-03-02 15:00"')
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f'is {value!r}; write it like "2026-03-02 15:00"') from None


Dates = Annotated[tuple[dt.date, dt.date], BeforeValidator(_dates)]
Instant = Annotated[dt.datetime, BeforeValidator(_instant)]
"""Without an offset it is meant in the portfolio's zone."""


class PortfolioChanges(Model):
    time_zone: Zone = "Asia/Shanghai"
    region: Region = "CN"
    language: Language = "zh"
    currency: Currency = "CNY"
    run_at: WallTime = dt.time(6, 30)
    destinations: dict[str, Destination] = {}
    history: Literal["by_date", "current_only"] = "by_date"
    mode: Literal["live", "shadow"] = "live"
    max_contacts: int | None = None
    # A story holds a handful of accounts: shares and counts mean nothing there unless it says so.
    gate: Gate = Gate(min_rows=0, max_rejected=Decimal(1))


class Customer(Model):
    """What the source says of a customer; what is not given gets a valid one of its own."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None
    language: str | None = None
    time_zone: str | None = None


class Account(Model):
    due: dt.date
    overdue: Amount
    customer: str | None = None
    currency: Currency | None = None
    balance: Amount | None = None
    product: str | None = None
    segment: str | None = None
    instalments_overdue: int | None = None
    last_payment_on: dt.date | None = None


class Down(Model):
    from_: Instant = Field(alias="from")
    to: Instant


class Pay(Model):
    account: str
    amount: Amount
    at: Instant
    feed: bool = True


class Credit(Model):
    customer: str
    amount: Amount
    at: Instant
    currency: Currency | None = None
    status: Literal["open", "cancelled"] = "open"


class Change(Model):
    """`since`: the source spoke otherwise before, as when an extract is corrected."""

    account: str
    from_: dt.date = Field(alias="from")
    since: Instant | None = None
    due: dt.date | None = None
    overdue: Amount | None = None
    customer: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None
    currency: Currency | None = None
    product: str | None = None


class Missing(Model):
    """`since`: the source was right before, as when an extract is corrected and comes again."""

    account: str
    dates: Dates
    since: Instant | None = None


def _day_or_instant(value: object) -> object:
    return value if isinstance(value, dt.date) else _instant(value)


DayOrInstant = Annotated[dt.date | dt.datetime, BeforeValidator(_day_or_instant)]


class Held(Model):
    """About one account, or a customer with all of theirs."""

    account: str | None = None
    customer: str | None = None
    kind: str

    @model_validator(mode="after")
    def _one_holder(self) -> "Held":
        if (self.account is None) == (self.customer is None):
            raise ValueError("names no account and no customer, or both; name one of them")
        return self


class Hold(Held):
    from_: DayOrInstant = Field(alias="from")
    to: dt.date | None = None
    at: Instant | None = None


class Release(Held):
    at: Instant


class Promise(Model):
    account: str
    amount: Amount
    by: dt.date
    at: Instant


class Instalment(Model):
    due: dt.date
    amount: Amount


class Plan(Model):
    account: str
    instalments: list[Instalment]
    grace_days: int = Field(0, ge=0)
    at: Instant


class Reply(Model):
    customer: str
    channel: Channel
    text: str
    at: Instant


FaultKind = Literal[
    "timeout_after_accept",
    "timeout_before_accept",
    "http_429",
    "http_503",
    "http_503_after_accept",
    "bad_credentials",
    "invalid_number",
    "landline",
    "opted_out",
    "queue_full",
    "undelivered",
    "unreachable",
    "bounced",
    "filtered",
    "sender_blocked",
    "no_answer",
    "busy",
    "machine",
    "unclear",
    "fax",
]


class Fault(Model):
    """How the next calls of a provider end."""

    channel: Literal["sms", "email", "voice"]
    kind: FaultKind
    times: int = Field(1, ge=1)
    customer: str | None = None


class Crash(Model):
    """Where the worker dies in the next daily run or dispatch."""

    stage: Literal["snapshot", "assess", "decide", "remind"]
    after: Literal["claim", "accept"] | None = None

    @model_validator(mode="after")
    def _after_belongs_to_remind(self) -> "Crash":
        if (self.stage == "remind") != (self.after is not None):
            raise ValueError("after is claim or accept where stage is remind, and nowhere else")
        return self


class Brake(Model):
    """A person stops a channel, or all, or lets it go on."""

    channel: Channel | None = None
    at: Instant


class Resolve(Model):
    """A person says what became of the account's contact that nobody knows about."""

    account: str
    sent: bool
    at: Instant


class Accept(Model):
    """A person vouches for a date that was stopped."""

    date: dt.date
    at: Instant


class Talk(Model):
    """Somebody talked with the customer about the account."""

    account: str
    at: Instant


class Result(Model):
    """What the account's newest call or visit came to, as the people tell it who made it."""

    account: str
    result: str
    at: Instant
    amount: Amount | None = None
    by: dt.date | None = None
    note: str = ""


class Waive(Model):
    """A person passes a mandatory step that blocks the account."""

    account: str
    step: str
    at: Instant


class Consent(Model):
    customer: str
    channel: Channel
    basis: str = "prior_express"
    address: str | None = None
    at: Instant


class Take(Model):
    """Rows of one kind come in, as a file of `dunflow take` would bring them."""

    kind: str
    rows: list[dict[str, str]] = Field(min_length=1)
    at: Instant

    @model_validator(mode="after")
    def _known_kind(self) -> "Take":
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; use one of {', '.join(KINDS)}")
        return self


class Edit(Model):
    """Somebody edits the policy: from then on these keys are laid over it."""

    at: Instant
    changes: dict[str, Any]


class Placement(Model):
    """What a person decides about the placement of an account."""

    account: str
    to: str
    at: Instant


class Approval(Placement):
    """That it may leave. Without `checked` the person has checked all that packs ask for."""

    checked: list[str] | None = None


class HandedBack(Model):
    """A file of what a receiver tells: rows by the columns of its layout.

    A row without `ref` or `at` gets one of its own, and the instant of the file.
    """

    to: str
    at: Instant
    rows: list[dict[str, str]]


class Entry(Model):
    """One entry of the timeline: exactly one thing that happens."""

    run: Dates | None = None
    at: Instant | None = None
    order: Literal["forwards", "backwards"] = "forwards"
    down: Down | None = None
    pay: Pay | None = None
    credit: Credit | None = None
    change: Change | None = None
    absent: Missing | None = None
    spoilt: Missing | None = None
    hold: Hold | None = None
    release: Release | None = None
    promise: Promise | None = None
    plan: Plan | None = None
    reply: Reply | None = None
    talk: Talk | None = None
    consent: Consent | None = None
    result: Result | None = None
    waive: Waive | None = None
    take: Take | None = None
    fault: Fault | None = None
    crash: Crash | None = None
    stop: Brake | None = None
    resume: Brake | None = None
    resolve: Resolve | None = None
    accept: Accept | None = None
    edit: Edit | None = None
    approve: Approval | None = None
    reject: Placement | None = None
    recall: Placement | None = None
    reopen: Placement | None = None
    handback: HandedBack | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> "Entry":
        given = self.model_fields_set - {"at", "order"}
        if len(given) != 1:
            raise ValueError(f"says {sorted(given)}; an entry is one thing that happens")
        if self.run is None and self.model_fields_set & {"at", "order"}:
            raise ValueError("at and order belong to run; write an instant inside the entry")
        return self


Row = dict[str, Any]
"""A row that is expected; each of its fields must match."""


class Expect(Model):
    contacts: list[Row] | None = None
    contacts_include: list[Row] = []
    outbox: list[Row] = []
    decisions: list[Row] = []
    hand_offs: list[Row] | None = None
    confirmed: list[Row] | None = None
    handbacks: list[Row] | None = None
    reconciled: list[Row] | None = None
    quarantined: list[str] | None = None
    gate: Row | None = None
    refused: list[str] | None = None


class Scenario(Model):
    scenario: str
    why: str = ""
    xfail: str | None = None
    portfolio: PortfolioChanges = PortfolioChanges()
    policy: str | dict[str, Any] = "plain"
    policy_changes: dict[str, Any] = {}
    customers: dict[str, Customer] = {}
    accounts: dict[str, Account]
    timeline: list[Entry]
    expect: Expect
    until: Instant | None = None


def same(wanted: object, found: object) -> bool:
    """Whether a value of a file is what was found; amounts are compared as numbers."""
    if isinstance(found, Decimal):
        return Decimal(str(wanted)) == found
    return wanted == found
