"""What is known of accounts and customers when a run looks, and the words for what was sent."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

DONE = ("accepted", "delivered")
ACTUAL = (*DONE, "undelivered")
FAILED = ("undelivered", "failed")
IN_FLIGHT = ("claimed", "in_doubt", "parked")


@dataclass
class Contact:
    """One that went before; `step` is None where it only listed the account."""

    step: str | None
    repetition: int
    channel: str
    state: str
    accepted_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    claimed_at: dt.datetime | None = None
    printed_at: dt.datetime | None = None
    """When the printer had it, if it is a letter; None: not yet."""
    sent: str | None = None
    """The same for all accounts that one message named; None: it named this one alone."""
    blocked: bool = False
    """It did not arrive, for its sender's sake."""
    to_former: bool = False
    """It went to whom the account was before."""


@dataclass
class Hold:
    kind: str
    from_at: dt.datetime
    until_at: dt.datetime | None
    recorded_at: dt.datetime


@dataclass
class Promise:
    amount: Decimal
    by: dt.date
    made_at: dt.datetime
    cancelled: bool


@dataclass
class Customer:
    ref: str
    zone: dt.tzinfo
    reached_by: set[str]
    """Channels for which there is an address that works."""
    opted_out: set[str]
    credit: dict[str, Decimal]
    holds: list[Hold]


@dataclass
class Account:
    """What is known of one account when the run looks."""

    ref: str
    customer: Customer
    due_on: dt.date
    delivered: Decimal
    balance: Decimal | None
    currency: str
    product: str | None
    segment: str | None
    instalments_overdue: int | None
    last_payment_on: dt.date | None
    attributes: dict[str, Any]
    highest_tier: str | None = None
    contacts: list[Contact] = field(default_factory=list)
    payments: list[tuple[dt.datetime, Decimal]] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    placed: bool = False
    closed: bool = False
    """A receiver was done with it, within this episode."""
    given_again_at: dt.datetime | None = None
    """When a person gave it away once more after that, and got it back at once."""
    collected: Decimal | None = None
    """What a receiver collected the day before the business date."""
    turned_down: dict[str, dt.datetime] = field(default_factory=dict)
    """Destinations that had it within this episode, and until when."""
    waived: dict[str, dt.datetime] = field(default_factory=dict)
    """Mandatory steps that a person passed, and when."""


@dataclass(frozen=True)
class Day:
    """When and how the run looks; `as_of` is the instant that the snapshot is of."""

    business_date: dt.date
    as_of: dt.datetime
    now: dt.datetime
    ends_at: dt.datetime
    late: bool
    zone: dt.tzinfo

    @property
    def today(self) -> dt.date:
        return self.now.astimezone(self.zone).date()

    def day_of(self, instant: dt.datetime) -> dt.date:
        return instant.astimezone(self.zone).date()


@dataclass
class Row:
    """What the decision row must say."""

    action: str
    reason: str
    step: str | None
    tier: str | None
    channel: str | None = None
