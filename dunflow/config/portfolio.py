"""The portfolio: a book of accounts run under one config."""

import re
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import phonenumbers
from pydantic import AfterValidator, Field, field_validator, model_validator

from dunflow.clock import BusinessCalendar, time_zones
from dunflow.config.base import Currency, Model, WallTime
from dunflow.config.destination import LEGAL_FIELDS, Destination
from dunflow.config.facts import BUILT_IN_FACTS
from dunflow.config.feeds import Intake
from dunflow.config.period import Period
from dunflow.config.reading import Reading


def _zone(value: str) -> str:
    if value not in time_zones():
        raise ValueError(f"is {value!r}; use an IANA zone such as Asia/Shanghai")
    return value


def _region(value: str) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f'is {value!r}; use a two-letter region such as "CN", in quotes')
    return value


def shown(value: str) -> str:
    """A text that Airflow's database takes. Raises ValueError for any other.

    All portfolios' DAGs are saved at once, so that one such text would keep back all of them.
    """
    if re.search("[\0\ud800-\udfff]", value):
        raise ValueError(f"is {value!r}; leave out what is no character")
    if len(value) > _SHOWN_LENGTH:
        raise ValueError(f"has {len(value)} characters; write {_SHOWN_LENGTH} at most")
    return value


_SHOWN_LENGTH = 500

Shown = Annotated[str, AfterValidator(shown)]
Zone = Annotated[str, AfterValidator(_zone)]
Region = Annotated[str, AfterValidator(_region)]
Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
Column = Literal[
    "account",
    "customer",
    "due_on",
    "overdue",
    "balance",
    "currency",
    "product",
    "segment",
    "instalments_overdue",
    "last_payment_on",
    "name",
    "phone",
    "email",
    "address",
    "language",
    "time_zone",
]
REQUIRED_COLUMNS: tuple[Column, ...] = ("account", "customer", "due_on", "overdue")


class Attribute(Model):
    """A fact of the lender's own, usable in `when` under its name."""

    column: str
    kind: Literal["text", "number", "flag"]


class Source(Reading):
    """Where the snapshot comes from, and how its cells are to be read.

    `columns` maps our names to the source's headers; without an entry the header equals our name.
    Only what is declared is read: formats are never guessed. `query` binds `:business_date`, and
    `path` holds `{business_date}`.
    """

    query: str | None = "snapshot.sql"
    history: Literal["by_date", "current_only"] = "by_date"
    columns: dict[Column, str] = {}
    attributes: dict[str, Attribute] = {}

    @model_validator(mode="after")
    def _dated(self) -> "Source":
        by_date = self.kind == "files" and self.history == "by_date"
        if by_date and "{business_date}" not in str(self.path):
            raise ValueError(f"path is {self.path!r}; history by_date needs {{business_date}}")
        return self

    @field_validator("attributes")
    @classmethod
    def _names_are_free(cls, value: dict[str, Attribute]) -> dict[str, Attribute]:
        for name in value:
            if name in BUILT_IN_FACTS:
                raise ValueError(f"{name!r} is a built-in fact; give the attribute another name")
        return value


class Gate(Model):
    """How much a snapshot may differ from the nearest accepted one before it. Shares are 0…1."""

    min_rows: int = Field(1, ge=0)
    max_rejected: Decimal = Field(Decimal("0.02"), ge=0, le=1)
    max_rows_change: Decimal = Field(Decimal("0.5"), ge=0)
    max_overdue_change: Decimal = Field(Decimal("0.5"), ge=0)
    max_days_unchanged: int = Field(7, ge=1)
    """So many days without a single change in the source: it is no longer kept up."""
    max_contacts_changed: Decimal = Field(Decimal("0.2"), ge=0)
    """Of what share of the customers phone or email may be another one than before."""
    small: int = Field(50, ge=0)
    """Changes or rejections of fewer rows are never suspicious, whatever their share."""


class Volume(Model):
    """How many contacts one run may plan: an absolute limit, and times the usual (median of 7); and
    how many accounts it may find cured, as they all are that an extract left out."""

    max_contacts: int | None = Field(None, ge=0)
    max_times_usual: Decimal | None = Field(Decimal(5), gt=0)
    max_cured: Decimal | None = Field(Decimal("0.3"), ge=0, le=1)
    """The share of the accounts on the ladder that may leave it in a day."""
    small: int = Field(100, ge=0)
    """Fewer contacts or cures than this trip no comparison with the usual."""


class Lender(Model):
    """Who speaks, for the texts: true name, how to pay, whom to ask, where to object."""

    name: dict[Language, str] = Field(min_length=1)
    phone: str
    pay_url: str
    complaints: str

    @field_validator("pay_url")
    @classmethod
    def _is_a_link(cls, value: str) -> str:
        if not re.match(r"https?://[^/\s]", value):
            raise ValueError(f"is {value!r}; write the whole link, as https://pay.lender.example")
        return value


_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SMS_SENDER = re.compile(
    rf"{_NUMBER.pattern}|[1-9][0-9]{{2,7}}|MG[0-9a-f]{{32}}|(?=.*[A-Za-z])[A-Za-z0-9 ]{{1,11}}"
)
"""As Twilio takes them: a number, a short code, a Messaging Service, or a name with a letter."""


class Sender(Model):
    """By whom a channel's messages go out. `sandbox` is the real SDK on the bundled sandbox."""

    provider: Literal["sandbox", "twilio", "sendgrid"]
    from_: str = Field(alias="from")
    name: str | None = None
    reply_to: str | None = None
    """Email only: where answers go, if not to `from`. SendGrid's inbound parse must serve it."""
    per_second: Decimal | None = Field(None, gt=0)
    """At most so many messages a second, over all workers; none: as fast as the provider takes."""
    email_activity: bool = False
    """Whether the account has SendGrid's Email Activity, a paid add-on. Without it nobody can be
    asked about an email in doubt: it waits for an event, and then for a person."""
    suppressions: bool = True
    """Whether SendGrid's lists of whom it sends nothing to are asked for. The API key must be
    allowed to read them."""

    @property
    def answered_at(self) -> str:
        """The number or address to which people answer."""
        return self.reply_to or self.from_


class Senders(Model):
    sms: Sender | None = None
    email: Sender | None = None
    voice: Sender | None = None

    @model_validator(mode="after")
    def _right_providers(self) -> "Senders":
        for channel, right in (("sms", "twilio"), ("voice", "twilio"), ("email", "sendgrid")):
            sender: Sender | None = getattr(self, channel)
            if sender and sender.provider not in ("sandbox", right):
                raise ValueError(
                    f"{channel}.provider is {sender.provider!r}; use {right!r} or 'sandbox'"
                )
            if sender and channel != "email" and sender.reply_to:
                raise ValueError(
                    f"{channel}.reply_to is {sender.reply_to!r}; people answer to the number that "
                    "they see, so leave it out"
                )
        if self.email and "@" not in self.email.from_:
            raise ValueError(
                f"email.from is {self.email.from_!r}; write an address such as a@lender.example"
            )
        if self.email and "@" not in self.email.answered_at:
            raise ValueError(
                f"email.reply_to is {self.email.answered_at!r}; write an address such as "
                "answers@replies.lender.example"
            )
        if self.voice and not _NUMBER.fullmatch(self.voice.from_):
            raise ValueError(
                f'voice.from is {self.voice.from_!r}; write the number as "+8613490000000"'
            )
        if self.sms and not _SMS_SENDER.fullmatch(self.sms.from_):
            raise ValueError(
                f'sms.from is {self.sms.from_!r}; write the number as "+8613490000000", or a short '
                "code, a Messaging Service (MG…), or a name of up to eleven letters and digits"
            )
        return self

    @property
    def all_sandbox(self) -> bool:
        given = [sender for sender in (self.sms, self.email, self.voice) if sender]
        return all(sender.provider == "sandbox" for sender in given)


class Team(Model):
    """People who phone customers, and the languages that they speak."""

    team: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)
    languages: list[Language] = list(LANGUAGES)


class Calls(Model):
    """Who works on the call lists."""

    teams: list[Team] = Field([Team(team="calls")], min_length=1)

    @field_validator("teams")
    @classmethod
    def _names_differ(cls, value: list[Team]) -> list[Team]:
        names = [team.team for team in value]
        if len(set(names)) != len(names):
            raise ValueError(f"names {names}; each team needs a name of its own")
        return value


_NAME = r"^[a-z][a-z0-9_]*$"
_NAME_LENGTH = 40


def is_name(text: str) -> bool:
    """Whether a portfolio may be called so: its DAGs, assets and folders bear the name too."""
    return re.fullmatch(_NAME, text) is not None and len(text) <= _NAME_LENGTH


class Portfolio(Model):
    """A book of accounts: source, policy, senders, time zone."""

    portfolio: str = Field(pattern=_NAME, max_length=_NAME_LENGTH)
    owner: Shown = "collections"
    description: Shown = ""
    time_zone: Zone
    region: Region
    language: Language
    currency: Currency
    run_at: WallTime
    starts_on: str | None = None
    """The first business date that Airflow runs, as "2026-03-01"; without one, none in the past."""
    mode: Literal["live", "shadow"] = "live"
    clock: Literal["real", "replay"] = "real"
    policy: str = "policy.yaml"
    source: Source
    intake: Intake = Intake()
    gate: Gate = Gate()
    volume: Volume = Volume()
    lender: Lender
    senders: Senders = Senders()
    keep_records: Period | None = None
    """How long the records of collecting are kept after the last activity, if longer than the packs
    ask for."""
    calls: Calls = Calls()
    destinations: dict[str, Destination] = {}
    """Who takes accounts over, by the name in `hand_off`; without an entry it is an agency."""

    @model_validator(mode="after")
    def _replay_is_harmless(self) -> "Portfolio":
        if self.clock == "replay" and not self.senders.all_sandbox:
            raise ValueError(
                "clock is replay, which sends history's reminders again: "
                "every sender must have provider sandbox"
            )
        return self

    @model_validator(mode="after")
    def _legal_fields_are_declared(self) -> "Portfolio":
        for name, to in self.destinations.items():
            for field in (each for each in LEGAL_FIELDS if each in to.fields):
                if to.kind != "legal":
                    raise ValueError(f"destinations.{name}.fields: {field} is for kind legal only")
                if field not in self.source.attributes:
                    raise ValueError(
                        f"destinations.{name}.fields: {field} is not among source.attributes; "
                        "declare its column there"
                    )
        return self

    def destination(self, name: str) -> Destination:
        """The receiver `name`, with what holds for one that the portfolio says nothing about.

        One that is called `legal` is what it says.
        """
        is_legal = name == "legal"
        unsaid = Destination(kind="legal" if is_legal else "agency", evidence=is_legal)
        return self.destinations.get(name, unsaid)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def calendar(self) -> BusinessCalendar:
        return BusinessCalendar(self.zone, self.run_at)
