"""The policy: tiers, steps and hand-off rules, as data."""

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from dunflow.config.base import Amount, Currency, Model
from dunflow.config.facts import When

Channel = Literal["sms", "email", "voice", "call", "letter", "visit"]
CHANNELS: tuple[Channel, ...] = ("sms", "email", "voice", "call", "letter", "visit")
WRITTEN: tuple[Channel, ...] = ("sms", "email", "letter")
"""By these a notice is given; what is only heard, or said at a door, is none."""

Name = str


class Repeat(Model):
    """Repetitions of a step: `times` more, `every_days` apart."""

    every_days: int = Field(ge=1)
    times: int = Field(ge=1)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Step(Model):
    """One rung: a channel (or several, the preferred first), a template and when it falls due."""

    step: Name
    was: Annotated[list[Name], BeforeValidator(_as_list)] = []
    """The names that it had before: what was done under those is done."""
    at_dpd: int
    channel: Annotated[list[Channel], BeforeValidator(_as_list)]
    template: str
    mandatory: bool = False
    purpose: Literal["reminder", "notice"] = "reminder"
    gap_days: int | None = Field(None, ge=1)
    repeat: Repeat | None = None
    when: When = {}

    @field_validator("channel")
    @classmethod
    def _some_and_distinct(cls, value: list[Channel]) -> list[Channel]:
        if not value or len(set(value)) != len(value):
            raise ValueError(f"is {value!r}; name each channel once, and at least one")
        return value

    @property
    def names(self) -> list[Name]:
        """Its name, and those that it had before."""
        return [self.step, *self.was]

    @property
    def times(self) -> int:
        """How often the step is done in all."""
        return 1 + (self.repeat.times if self.repeat else 0)


class Tier(Model):
    """A severity: reached from `from_dpd` on, where `when` holds."""

    tier: Name
    was: Annotated[list[Name], BeforeValidator(_as_list)] = []
    """The names that it had before: who reached it under those stands in it."""
    from_dpd: int
    when: When = {}
    steps: list[Step] = []

    @property
    def names(self) -> list[Name]:
        """Its name, and those that it had before."""
        return [self.tier, *self.was]

    @model_validator(mode="after")
    def _steps_rise(self) -> "Tier":
        for before, after in zip(self.steps, self.steps[1:], strict=False):
            if after.at_dpd <= before.at_dpd:
                raise ValueError(
                    f"step {after.step!r}: at_dpd is {after.at_dpd}; it must exceed "
                    f"{before.at_dpd} of {before.step!r}, which stands before it"
                )
        for step in self.steps:
            if step.at_dpd < 0 and self.from_dpd >= 0:
                raise ValueError(
                    f"step {step.step!r}: at_dpd is {step.at_dpd}; a step before the due date "
                    f"needs a tier with a negative from_dpd, and {self.tier!r} has {self.from_dpd}"
                )
        return self


class After(Model):
    """A hand-off waits until `step` was done so many days ago."""

    step: Name
    days: int = Field(ge=0)


class HandOffRule(Model):
    """Where an account goes when the ladder did not help."""

    to: Name
    when: When
    after: After | None = None
    share: int = Field(100, ge=1, le=100)
    """So many of a hundred customers; the others are left to the rules before this one."""


class Policy(Model):
    """Tiers mild to severe, each with its steps; then the hand-off rules, mild to severe."""

    policy: Name
    packs: list[str] = ["strict"]
    settle_below: dict[Currency, Amount] = {}
    gap_days: int = Field(1, ge=1)
    per_customer: Literal["one_per_day", "per_account"] = "one_per_day"
    attempts: int = Field(3, ge=1)
    broken_promise_grace_days: int = Field(0, ge=0)
    tier_may_fall: bool = False
    tiers: list[Tier] = Field(min_length=1)
    hand_off: list[HandOffRule] = []

    @model_validator(mode="after")
    def _hangs_together(self) -> "Policy":
        for before, after in zip(self.tiers, self.tiers[1:], strict=False):
            if after.from_dpd <= before.from_dpd:
                raise ValueError(
                    f"tier {after.tier!r}: from_dpd is {after.from_dpd}; it must exceed "
                    f"{before.from_dpd} of {before.tier!r}, which stands before it"
                )
        _refuse_twice("tier", [name for tier in self.tiers for name in tier.names])
        _refuse_twice("step", [name for step in self.ladder for name in step.names])
        _refuse_twice("hand_off to", [rule.to for rule in self.hand_off])
        names = {step.step for step in self.ladder}
        for rule in self.hand_off:
            if rule.after and rule.after.step not in names:
                raise ValueError(
                    f"hand_off to {rule.to!r}: after.step is {rule.after.step!r}; "
                    f"name one of the steps {', '.join(sorted(names))}"
                )
        return self

    @cached_property
    def ladder(self) -> list[Step]:
        """Every step, mild to severe."""
        return [step for tier in self.tiers for step in tier.steps]

    @cached_property
    def rank_of_step(self) -> dict[Name, int]:
        """The rank (0 is the mildest) of the tier to which each step belongs."""
        return {step.step: rank for rank, tier in enumerate(self.tiers) for step in tier.steps}

    @cached_property
    def step_now(self) -> dict[Name, Name]:
        """Each name that a step had before → its name."""
        return {name: step.step for step in self.ladder for name in step.was}

    @property
    def ladder_from_dpd(self) -> int:
        """The DPD from which an account is on the ladder: 1, or the first tier's if before due."""
        return min(1, self.tiers[0].from_dpd)

    @property
    def facts(self) -> set[str]:
        """Every fact that some condition names."""
        conditions = [tier.when for tier in self.tiers]
        conditions += [step.when for step in self.ladder]
        conditions += [rule.when for rule in self.hand_off]
        return {fact for when in conditions for fact in when}

    @property
    def channels(self) -> set[Channel]:
        """Every channel that some step names."""
        return {channel for step in self.ladder for channel in step.channel}


def _refuse_twice(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} {name!r} stands twice; each needs a name of its own")
