"""A jurisdiction's floor, as data: hours, quiet days and caps. Merging only ever tightens."""

import datetime as dt
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from dunflow.config.base import Model, WallTime
from dunflow.config.handoff import HandOffFloor
from dunflow.config.policy import Channel

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAYS = "holidays"
"""As a quiet day: the public holidays of the portfolio's region (the `holidays` library)."""


def _whole_days(value: str) -> str:
    if not re.fullmatch(r"P[1-9]\d*D", value):
        raise ValueError(f"is {value!r}; write whole days like P7D")
    return value


Days = Annotated[str, AfterValidator(_whole_days)]


class PackHead(Model):
    """Which law, in which version, as known on which day. No pack is legal advice."""

    id: str
    version: int
    jurisdiction: str
    as_of: dt.date
    legal_review: str


class PackClock(Model):
    """Where a customer's time zone comes from, and what holds where it is unknown."""

    tz_from: list[Literal["customer"]] = ["customer"]
    on_unknown: Literal["portfolio", "deny"] = "deny"


class Window(Model):
    """Hours [open, close) of the customer's wall clock in which channels may be used."""

    id: str
    channels: list[Channel]
    days: list[Weekday]
    open: WallTime
    close: WallTime
    src: list[str] = []
    force: str | None = None

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> "Window":
        if self.close <= self.open and self.close != dt.time(0):
            raise ValueError(f"window {self.id!r}: closes at {self.close} before it opens")
        return self


class Cap(Model):
    """At most `max` contacts by these channels in whole calendar days of the customer's zone.

    `P7D` is a day and the six before it. `by` says whose contacts are counted together.
    """

    id: str
    channels: list[Channel]
    count: Literal["attempt"] = "attempt"
    by: Literal["debtor", "debt", "contact_point"] = "debtor"
    max: int = Field(ge=0)
    per: Days
    span: Literal["calendar_day", "rolling"] = "rolling"
    src: list[str] = []
    force: str | None = None

    @property
    def days(self) -> int:
        return int(self.per[1:-1])


class Pack(Model):
    """One jurisdiction's floor."""

    pack: PackHead
    clock: PackClock = PackClock()
    windows: list[Window] = []
    quiet_days: list[str] = []
    caps: list[Cap] = []
    handoff: HandOffFloor = HandOffFloor()

    @field_validator("quiet_days")
    @classmethod
    def _known_days(cls, value: list[str]) -> list[str]:
        for day in value:
            if day not in (*WEEKDAYS, HOLIDAYS):
                raise ValueError(f"is {day!r}; use a weekday (mon … sun) or {HOLIDAYS!r}")
        return value


class Floor(Model):
    """All packs of a policy together: what each of them allows, and nothing else."""

    packs: list[Pack]

    @property
    def deny_unknown_zone(self) -> bool:
        """Whether a customer without a known zone may not be contacted in any hour."""
        return any(pack.clock.on_unknown == "deny" for pack in self.packs)

    @property
    def caps(self) -> list[Cap]:
        return [cap for pack in self.packs for cap in pack.caps]

    @property
    def hand_offs(self) -> list[HandOffFloor]:
        return [pack.handoff for pack in self.packs]
