"""A jurisdiction's floor, as data: hours, quiet days, caps, rights and duties.

Packs are put together as a `Floor`, which only ever tightens: what several allow is what each of
them allows.
"""

import datetime as dt
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from dunflow.config.base import Model, WallTime
from dunflow.config.duties import (
    AppliesTo,
    ContentRule,
    Delivery,
    HandOffDuties,
    Limitation,
    Retention,
    Slot,
    Tools,
)
from dunflow.config.period import longest, shortest
from dunflow.config.policy import Channel
from dunflow.config.rights import (
    ConsentRule,
    Cooldown,
    DebtorPrefs,
    HoldRule,
    OptOut,
    Parties,
    Visits,
    days_of,
    minutes_of,
)

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AGREEMENT = "processing_agreement"
"""The check that no person is asked for: `portfolio.yaml` has the agreement, and its days."""
HOLIDAYS = "holidays"
"""As a quiet day: the public holidays of the portfolio's region, see `days_off.py`."""


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
    extends: str | None = None


ZoneSource = Literal["customer", "address", "phone", "portfolio"]


class PackClock(Model):
    """Where a customer's time zone comes from, and what holds where it is unknown."""

    tz_from: list[ZoneSource] = ["customer"]
    """`customer` is the zone that the lender gives: where it is given, the others don't count."""
    on_conflict: Literal["intersect", "deny"] = "intersect"
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
    cooldowns: list[Cooldown] = []
    consent: dict[str, ConsentRule] = {}
    opt_out: OptOut = OptOut()
    holds: list[HoldRule] = []
    content: list[ContentRule] = []
    handoff: HandOffDuties = HandOffDuties()
    limitation: Limitation = Limitation()
    retention: list[Retention] = []
    applies_to: AppliesTo = AppliesTo()
    parties: Parties = Parties()
    debtor_prefs: DebtorPrefs = DebtorPrefs()
    visits: Visits = Visits()
    tools: Tools = Tools()
    delivery: Delivery = Delivery()
    overlays: list[str] = []

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
    def zone_sources(self) -> set[ZoneSource]:
        """What any of them goes by to find a customer's time zone."""
        return {source for pack in self.packs for source in pack.clock.tz_from}

    @property
    def needs_calendar(self) -> bool:
        """Whether the public holidays of the portfolio's region must be known."""
        return any(HOLIDAYS in pack.quiet_days for pack in self.packs)

    @property
    def caps(self) -> list[Cap]:
        return [cap for pack in self.packs for cap in pack.caps]

    @property
    def cooldowns(self) -> list[Cooldown]:
        return [each for pack in self.packs for each in pack.cooldowns]

    @property
    def consent(self) -> list[ConsentRule]:
        """Every one of them must be met."""
        return [rule for pack in self.packs for rule in pack.consent.values()]

    @property
    def confirms_within(self) -> dt.timedelta | None:
        """How soon an opt-out may be confirmed; None if not every pack lets it be."""
        said = [pack.opt_out for pack in self.packs]
        if not said or any(each.confirm_max == 0 for each in said):
            return None
        return min(minutes_of(each.confirm_within) for each in said)

    @property
    def answered_holds(self) -> set[str]:
        """Kinds of holds during which every pack that knows them lets a reply go out."""
        rules = [rule for pack in self.packs for rule in pack.holds]
        silent = {rule.kind for rule in rules if "reply" not in rule.allow}
        return {rule.kind for rule in rules} - silent

    @property
    def grounds(self) -> list[str]:
        """The packs' words for why somebody may be contacted by a channel that wants a consent."""
        asked = [
            basis for pack in self.packs for rule in pack.consent.values() for basis in rule.basis
        ]
        return list(dict.fromkeys([*asked, "prior_express"]))

    @property
    def customer_wide_holds(self) -> set[str]:
        """Kinds of holds that bind all accounts of a customer, though recorded on one."""
        rules = [rule for pack in self.packs for rule in pack.holds]
        return {rule.kind for rule in rules if rule.scope == "customer"}

    @property
    def released_only(self) -> dict[str, str]:
        """Kinds of holds that no day ends, though they were given a last one, each with a pack that
        says so: it knows the kind, and nothing of an end by time.
        """
        return {
            rule.kind: pack.pack.id
            for pack in self.packs
            for rule in pack.holds
            if rule.max_for is None
        }

    def never_released(self, kind: str) -> str | None:
        """The pack in which nothing ends this kind of hold; None if a person may release it."""
        return next(
            (
                pack.pack.id
                for pack in self.packs
                for rule in pack.holds
                if rule.kind == kind and rule.ends == "never"
            ),
            None,
        )

    def required_slots(self, channel: Channel) -> set[Slot]:
        """What a text by this channel must say."""
        rules = [rule for pack in self.packs for rule in pack.content]
        return {slot for rule in rules if channel in rule.channels for slot in rule.require}

    def notice_days(self, kind: str) -> int | None:
        """How long before a hand-off the notice must have been given; None if none is asked for."""
        asked = [pack.handoff.for_(kind).notice_days for pack in self.packs]
        return max((days for days in asked if days is not None), default=None)

    @property
    def visit_notice_days(self) -> int:
        """How many days before a visit it must be announced; 0 if no pack asks for it."""
        asked = [pack.visits.notice for pack in self.packs]
        return max((days_of(each) for each in asked if each is not None), default=0)

    def notice_asked_by(self, kind: str) -> list[str]:
        """The packs that ask for a notice before a hand-off; no person can waive it."""
        return [
            pack.pack.id for pack in self.packs if pack.handoff.for_(kind).notice_days is not None
        ]

    def notice_must_arrive(self, kind: str) -> bool:
        """Whether any pack asks that the notice before a hand-off was delivered."""
        return any(pack.handoff.for_(kind).must_arrive for pack in self.packs)

    def checks(self, kind: str) -> list[str]:
        """What the person who approves a hand-off must have checked."""
        return [check for check in self._checks(kind) if check != AGREEMENT]

    def needs_agreement(self, kind: str) -> bool:
        """Whether any pack asks for an agreement with the receiver in force."""
        return AGREEMENT in self._checks(kind)

    def _checks(self, kind: str) -> list[str]:
        asked = [check for pack in self.packs for check in pack.handoff.for_(kind).checks]
        return list(dict.fromkeys(asked))

    def may_leave(self, field: str) -> bool:
        """Whether every pack lets this field of an account be given away."""
        return all(field not in pack.handoff.deny_fields for pack in self.packs)

    @property
    def keep_at_least(self) -> str | None:
        """How long records are to be kept; None if no pack says."""
        return longest(each.min for pack in self.packs for each in pack.retention if each.min)

    @property
    def keep_at_most(self) -> str | None:
        """How long records may be kept; None if no pack says."""
        said = [each.max for pack in self.packs for each in pack.retention if each.max]
        return shortest(said)

    def barred_after_years(self, kind: str) -> int | None:
        """From which age on an account may not be handed over; None: whatever its age."""
        years = [
            pack.limitation.years
            for pack in self.packs
            if "limitation_passed" in pack.handoff.for_(kind).deny_if
            and not pack.limitation.demand_restarts
        ]
        return min((each for each in years if each is not None), default=None)
