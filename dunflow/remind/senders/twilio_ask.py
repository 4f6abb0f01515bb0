"""Asks Twilio what became of messages. That one is absent counts only after every page was read.

Twilio takes no mark of ours with a message but its text, so one whose reply was lost is looked up
by `To` alone (a message that waits has no DateSent, and a Messaging Service picks `From` later) and
told by the reference in its body.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from dunflow.remind.senders.codes import TWILIO, of_twilio
from dunflow.remind.senders.outcome import Absent, Answer, Question, Seen, Unclear
from dunflow.remind.senders.wire import NeverSentError, NoReplyError

PAGE = 1000
PER_NUMBER = 50
CLOCKS_DIFFER = timedelta(minutes=5)
WORD = re.compile(r"[0-9A-Za-z]+", re.ASCII)
ARRIVED = frozenset({"delivered", "read", "partially_delivered"})
FAILED = frozenset({"undelivered", "failed", "canceled"})


Told = TypeVar("Told")


class ThrottledError(Exception):
    """HTTP 429, which Twilio never processes (docs/errors/20429)."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("429")
        self.retry_after_s = retry_after_s


def ask(client: Client, questions: Sequence[Question]) -> list[Answer]:
    """One answer per question, in their order. Never raises for what Twilio or the network does."""
    return [_answer(client, question) for question in questions]


def sent_since(client: Client, since: datetime) -> Iterator[list[Seen] | Unclear]:
    """What the account sent since then (an aware instant), the newest first, a page at a time.

    What still waits at Twilio has no DateSent, and is not among them.
    """
    messages = _messages(client, since)
    while True:
        page = answered(lambda: [_seen([message]) for message in islice(messages, PAGE)])
        yield page
        if isinstance(page, Unclear) or len(page) < PAGE:
            return


def _messages(client: Client, since: datetime) -> Iterator[Any]:
    """Asks for nothing before it is read, while the SDK asks for the first page at once."""
    yield from client.messages.stream(date_sent_after=since.astimezone(UTC), page_size=PAGE)


@dataclass(frozen=True, repr=False)
class Received:
    """What somebody wrote to a number of ours. `repr` is left out: personal data."""

    sid: str
    sender: str
    text: str
    received_at: datetime


def received_since(client: Client, number: str, since: datetime) -> list[Received] | Unclear:
    """What came to `number` since then (an aware instant), the oldest first.

    Twilio keeps what it receives among the messages of the account, also where our receiver did not
    answer: twilio.com/docs/messaging/api/message-resource.
    """

    def look() -> list[Received]:
        found = []
        for each in client.messages.stream(to=number, page_size=PAGE):
            if each.date_created < since:
                break
            if each.direction == "inbound":
                found.append(Received(each.sid, each.from_, each.body or "", each.date_created))
        return found[::-1]

    return answered(look)


def _answer(client: Client, question: Question) -> Answer:
    def look() -> Seen | Absent:
        if question.provider_id:
            return _seen([client.messages(question.provider_id).fetch()])
        found = _by_reference(client, question)
        return _seen(found) if found else Absent()

    return answered(look)


def answered(look: Callable[[], Told]) -> Told | Unclear:
    """What a look comes to, also where Twilio or the network does not let us look."""
    try:
        return look()
    except ThrottledError as err:
        return Unclear("429", err.retry_after_s)
    except (NeverSentError, NoReplyError) as err:
        return Unclear(err.why)
    except TwilioException as err:
        return _failed(err)
    except (ValueError, TypeError, AttributeError, LookupError):
        return Unclear("Twilio's reply could not be read")


def _by_reference(client: Client, question: Question) -> list[Any]:
    found = []
    for message in client.messages.stream(to=question.to, page_size=PER_NUMBER):
        if message.date_created < question.since - CLOCKS_DIFFER:
            break
        if message.direction != "inbound" and question.reference in WORD.findall(message.body):
            found.append(message)
    return found


def _failed(err: TwilioException) -> Unclear:
    """A list that fails raises the bare class: no status, but the response among its arguments."""
    status = getattr(err, "status", None)
    status = status or next((a.status_code for a in err.args if hasattr(a, "status_code")), None)
    if status == 401:
        return Unclear(TWILIO[20003].words, sender_at_fault=True)
    return Unclear(f"Twilio answered with HTTP status {status or 'unknown'}")


def _seen(messages: list[Any]) -> Seen:
    newest = messages[0]
    created_at: datetime = newest.date_created
    if newest.status in ARRIVED:
        return Seen(newest.sid, created_at, "delivered", twice=len(messages) > 1)
    if newest.status in FAILED:
        code = str(newest.error_code) if newest.error_code else newest.status
        return Seen(newest.sid, created_at, "undelivered", code, of_twilio(code), len(messages) > 1)
    return Seen(newest.sid, created_at, twice=len(messages) > 1)
