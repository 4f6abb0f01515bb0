"""What a pack asks of the lender: content, notices before hand-off, limitation, retention."""

from typing import Literal

from pydantic import Field, model_validator

from dunflow.config.base import Model
from dunflow.config.period import Period
from dunflow.config.policy import Channel
from dunflow.config.rights import Rule, WholeDays, days_of

Slot = Literal[
    "institution_name",
    "debtor_name",
    "account_tail",
    "amount_due",
    "as_of",
    "reason",
    "how_to_pay",
    "how_to_object",
    "official_contact",
    "opt_out_instruction",
]
"""What a text must say, by the names that packs use."""


class ContentRule(Rule):
    """What every text by these channels must say."""

    channels: list[Channel] = Field(min_length=1)
    require: list[Slot] = Field(min_length=1)


class Need(Rule):
    """Something that must have happened before a hand-off.

    An `event` is the notice that the policy's `after` names, given so long ago; a `check` is ticked
    by the person who approves, and kept with the approval. `proof: delivered`: a text or an email
    is given once its receipt says that it arrived. Of a letter no receipt comes, so it is given
    when the printer had it.
    """

    event: str | None = None
    min_age: WholeDays = "P0D"
    proof: Literal["sent", "delivered"] = "sent"
    check: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Need":
        if (self.event is None) == (self.check is None):
            raise ValueError("names no event and no check, or both; name one of them")
        return self


class HandOffDuty(Rule):
    """Before one kind of destination."""

    needs: list[Need] = []
    deny_if: list[Literal["hold_open", "plan_kept", "disputed", "limitation_passed"]] = []

    @property
    def notice_days(self) -> int | None:
        """How long ago the notice must have been given; None if none is asked for."""
        ages = [days_of(need.min_age) for need in self.needs if need.event]
        return max(ages) if ages else None

    @property
    def must_arrive(self) -> bool:
        """Whether a notice that only went out is none yet."""
        return any(need.event and need.proof == "delivered" for need in self.needs)

    @property
    def checks(self) -> list[str]:
        return [need.check for need in self.needs if need.check]


class HandOffDuties(Model):
    """By where an account goes: `legal`, a credit bureau, a buyer, or (any other) an agency."""

    agency: HandOffDuty = HandOffDuty()
    legal: HandOffDuty = HandOffDuty()
    bureau: HandOffDuty = HandOffDuty()
    sale: HandOffDuty = HandOffDuty()
    deny_fields: list[str] = []

    def for_(self, kind: str) -> HandOffDuty:
        """What is owed before an account goes to a receiver of this kind."""
        match kind:
            case "legal" | "bureau" | "sale":
                duty: HandOffDuty = getattr(self, kind)
                return duty
            case _:
                return self.agency


class Limitation(Rule):
    """When a claim is barred. Years count from the oldest unpaid due date, which is the strictest.

    Where a demand restarts it, an account on the ladder is never barred.
    """

    years: int | None = Field(None, ge=1)
    demand_restarts: bool = False


class Retention(Rule):
    """How long something is kept at least and at most."""

    what: str
    min: Period | None = None
    max: Period | None = None
    from_: str = Field("last_activity", alias="from")


class Tools(Rule):
    """How calls are made; for the people who make them."""

    call_recording: Literal["required", "allowed"] = "allowed"
    private_devices: Literal["forbidden", "allowed"] = "allowed"


class Delivery(Rule):
    """What a bounce means: `not_sent` where the law takes it for no message at all."""

    bounce_means: Literal["not_sent", "sent"] = "not_sent"


class AppliesTo(Rule):
    """Whom the law binds, and for which products. A policy that names the pack takes it for all."""

    roles: list[Literal["lender", "agency", "purchaser"]] = []
    products: list[str] = []
