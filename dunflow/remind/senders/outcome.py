"""What a sender is given, and what can come of it. Expected outcomes are values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, repr=False)
class Message:
    """One message to one address. `repr` is left out: it holds personal data.

    `reference` is the short mark by which the provider can be asked about it later; it stands in
    the body of an SMS and in the custom args of an email. `valid_until` (an aware instant) is when
    the provider must give up delivering.
    """

    reference: str
    channel: str
    to: str
    body: str
    subject: str | None
    html: str | None
    valid_until: datetime


@dataclass(frozen=True)
class Accepted:
    """The provider took it, under this id."""

    provider_id: str


@dataclass(frozen=True)
class Refused:
    """The provider refused it, and it certainly did not go out.

    `address`: nothing arrives at this address by this channel; `opted_out`: the person told the
    provider to stop; `message`: this message is at fault.
    """

    code: str
    blames: Literal["address", "opted_out", "message"]


@dataclass(frozen=True)
class Busy:
    """Certainly not sent; try again after so many seconds."""

    code: str
    retry_after_s: float


@dataclass(frozen=True)
class Unknown:
    """The provider may have it: never send again without asking."""

    why: str


@dataclass(frozen=True)
class Down:
    """The sender itself is at fault (credentials, quota, configuration); certainly not sent."""

    code: str
    why: str


Outcome = Accepted | Refused | Busy | Unknown | Down


class Sender(Protocol):
    """Sends one message. One instance belongs to one thread. Never raises for what a provider or
    the network does: that is an outcome."""

    def send(self, message: Message, *, now: datetime) -> Outcome: ...
