"""What a sender is given, and what can come of it. Expected outcomes are values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from dunflow.config.portfolio import Language
from dunflow.remind.senders.codes import Blame


@dataclass(frozen=True, repr=False)
class Message:
    """One message to one address. `repr` is left out: it holds personal data.

    `reference` is the short mark by which the provider can be asked about it later; it stands in
    the body of an SMS and in the custom args of an email. `valid_until` (an aware instant) is when
    the provider must give up delivering. Of an automated call `subject` is what anybody may hear,
    and `body` is for the customer alone.
    """

    reference: str
    channel: str
    to: str
    body: str
    subject: str | None
    html: str | None
    valid_until: datetime
    language: Language = "en"


@dataclass(frozen=True)
class Accepted:
    """The provider took it, under this id."""

    provider_id: str


@dataclass(frozen=True)
class Refused:
    """The provider refused it, and it certainly did not go out.

    `address`: nothing arrives at this address by this channel; `opted_out`: the person told the
    provider to stop; `text`: what it says is at fault; `message`: this message alone.
    """

    code: str
    blames: Literal["address", "opted_out", "text", "message"]


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


@dataclass(frozen=True, repr=False)
class Question:
    """About one message: under `provider_id` where a reply told it, else by address and reference.

    It was not accepted before `since`. `repr` is left out: the address is personal.
    """

    contact_id: int
    reference: str
    to: str
    provider_id: str | None
    since: datetime


@dataclass(frozen=True)
class Seen:
    """The provider has it, since `created_at`, and what became of it so far.

    `provider_id` is None where a late bounce does not tell it. `twice`: the provider has it more
    than once, and so the person. `answered_by`: who took a call, in Twilio's words.
    """

    provider_id: str | None
    created_at: datetime | None
    result: Literal["accepted", "delivered", "undelivered"] = "accepted"
    code: str | None = None
    blames: Blame | None = None
    twice: bool = False
    answered_by: str | None = None


@dataclass(frozen=True)
class Absent:
    """Asked properly, and answered in full: the provider does not have it, as yet."""


@dataclass(frozen=True)
class Unclear:
    """No answer that says anything: ask again, not before so many seconds.

    `sender_at_fault`: it is our credentials that are refused, so nothing can be sent either.
    """

    why: str
    retry_after_s: float = 0.0
    sender_at_fault: bool = False


@dataclass(frozen=True)
class Silent:
    """Here nobody can be asked: only an event of the provider's own can tell."""


@dataclass(frozen=True)
class OneOf:
    """The provider has these, and can't say which of them bears our reference.

    It is the one that belongs to no other contact.
    """

    seen: tuple[Seen, ...]


@dataclass(frozen=True)
class Unexplained:
    """The provider has it, and it did not arrive. Why, only `page` tells, which is asked apart.

    `seen` says as much as is known without that.
    """

    seen: Seen
    page: str


Answer = Seen | OneOf | Absent | Unclear | Silent | Unexplained


class Sender(Protocol):
    """Sends one message. One instance belongs to one thread. Never raises for what a provider or
    the network does: that is an outcome."""

    def send(self, message: Message, *, now: datetime) -> Outcome: ...

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """What the provider says, one answer per question and in their order."""


@runtime_checkable
class ListedByTheProvider(Protocol):
    """A sender whose provider lists all that an account sent."""

    def sent_since(self, since: datetime) -> Iterator[list[Seen] | Unclear]:
        """Page by page, the newest first; an Unclear is the last, where it can't be read on."""


@runtime_checkable
class ExplainsOneByOne(Protocol):
    """A sender whose provider tells of one message at a time why it did not arrive."""

    def explain(self, found: Unexplained) -> Seen | Unexplained:
        """As it was, where the provider does not say it now."""
