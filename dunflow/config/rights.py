"""What a pack says of people's rights: consent, saying no, rest after a talk, holds."""

import datetime as dt
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dunflow.config.base import Model
from dunflow.config.policy import Channel

Force = Literal["statute", "rule", "standard", "self_discipline", "policy"]
"""How binding a rule is; `policy` is a choice of ours."""


def _duration(value: str) -> str:
    if not re.fullmatch(r"P(\d+(D|BD|M|Y)|T\d+[HMS])", value):
        raise ValueError(f"is {value!r}; write a duration like P7D, P10BD, P3Y or PT24H")
    return value


def _whole_days(value: str) -> str:
    if not re.fullmatch(r"P\d+D", value):
        raise ValueError(f"is {value!r}; write whole days like P7D")
    return value


def _minutes(value: str) -> str:
    if not re.fullmatch(r"PT[1-9]\d{0,2}M", value):
        raise ValueError(f"is {value!r}; write minutes like PT5M")
    return value


Duration = Annotated[str, AfterValidator(_duration)]
WholeDays = Annotated[str, AfterValidator(_whole_days)]
Minutes = Annotated[str, AfterValidator(_minutes)]


def days_of(value: str) -> int:
    """`P7D` → 7."""
    return int(value[1:-1])


def minutes_of(value: str) -> dt.timedelta:
    """`PT5M` → five minutes."""
    return dt.timedelta(minutes=int(value[2:-1]))


class Rule(Model):
    """Where a rule stands, and how binding it is: kept for readers and for the decision log."""

    src: list[str] = []
    force: Force | None = None


class ConsentRule(Rule):
    """These channels need a consent on file, on one of these grounds.

    It may not be older than `fresh_within`. Rules of several packs all hold.
    """

    channels: list[Channel] = Field(min_length=1)
    basis: list[str] = Field(min_length=1)
    fresh_within: WholeDays | None = None


class Cooldown(Rule):
    """No contact by these channels for so many days after a talk; its own day is the first of them.

    `by`: a talk with the debtor about whatever debt, or about the very debt.
    """

    id: str
    after: Literal["conversation"] = "conversation"
    channels: list[Channel] = Field(min_length=1)
    by: Literal["debtor", "debt"] = "debtor"
    for_: WholeDays = Field(alias="for")

    @property
    def days(self) -> int:
        return days_of(self.for_)


class OptOut(Rule):
    """How people say no to a channel. It binds at once, and as widely as can be."""

    words: list[str] = []
    offer_in: list[Channel] = []
    scope: Literal["address", "medium_and_address"] = "medium_and_address"
    honour_within: Duration | None = None
    confirm_max: int = Field(0, ge=0, le=1)
    confirm_within: Minutes = "PT5M"


class HoldRule(Rule):
    """What opens a kind of hold, whom it binds and what ends it. A hold stops every contact.

    `scope: customer`: one on an account binds all accounts of its customer. `ends: never`: nobody
    releases it. `max_for`: the law lets it end by time, so the last day that it was given counts;
    without it time alone ends none.
    """

    kind: str
    trigger: list[str] = []
    scope: Literal["account", "customer"] = "account"
    allow: list[str] = []
    ends: list[str] | Literal["never"] = []
    max_for: Duration | None = None


class Parties(Rule):
    """Who may be asked to pay. Dunflow contacts the customer alone, and so nobody else."""

    collect_from: list[str] = []
    need_review: list[str] = []
    locate_only: list[str] = []
    forbid_origin: list[str] = []


class DebtorPrefs(Rule):
    """What a customer may ask for: times, places, media."""

    honour: list[Literal["times", "places", "media", "employer_forbids"]] = []


class Visits(Rule):
    """How a visit is made."""

    min_people: int = Field(1, ge=1)
    max_people: int | None = None
    notice: WholeDays | None = None
    entry_needs_consent: list[str] = []
    id_shown: bool = True
    record: bool = False
