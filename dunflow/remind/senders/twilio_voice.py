"""Automated calls through Twilio.

What is said is asked of the receiver once somebody answers, since only then is it known whether it
is a person. Without a receiver everybody hears what anybody may hear, and no more.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from dunflow.remind.senders.outcome import (
    Absent,
    Accepted,
    Answer,
    Busy,
    Message,
    OneOf,
    Outcome,
    Question,
    Seen,
    Unknown,
)
from dunflow.remind.senders.twilio_ask import CLOCKS_DIFFER, PER_NUMBER, answered
from dunflow.remind.senders.twilio_client import BASE_URL, created, make_client
from dunflow.remind.senders.wire import TIMEOUT_S
from dunflow.remind.voice import limited

CALLS_PATH = "/twilio/calls"
"""Below the receiver's URL; the reference follows: the only mark that Twilio takes with a call."""
RINGS_S = 25
"""Shorter than most networks take to let a voicemail answer."""
TALKS_S = 300
SID = re.compile(r"CA[0-9a-f]{32}", re.ASCII)
NOBODY = frozenset({"busy", "no-answer", "failed", "canceled"})
OVER = NOBODY | {"completed"}


class TwilioVoice:
    """Calls from one number."""

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        sender: str,
        base_url: str = BASE_URL,
        timeout_s: float = TIMEOUT_S,
        receiver_url: str | None = None,
    ) -> None:
        self._client = make_client(account_sid, auth_token, base_url, timeout_s)
        self._receiver_url = receiver_url
        self._from = sender

    def send(self, message: Message, *, now: datetime) -> Outcome:
        if message.valid_until <= now:
            return Busy("expired", 0.0)
        return created(
            lambda: self._client.calls.create(
                to=message.to,
                from_=self._from,
                timeout=RINGS_S,
                time_limit=TALKS_S,
                # Waits for the end of a machine's greeting, so that the message is not cut off.
                machine_detection="DetectMessageEnd",
                **self._says(message),
            ),
            lambda reply: _accepted(reply, message),
        )

    def _says(self, message: Message) -> dict[str, Any]:
        if self._receiver_url is None:
            assert message.subject is not None
            return {"twiml": limited(message.language, message.subject)}
        ours = f"{self._receiver_url}{CALLS_PATH}/{message.reference}"
        return {
            "url": f"{ours}/answer",
            "status_callback": f"{ours}/status",
            # The first one settles a doubt early, should our reply be lost.
            "status_callback_event": ["initiated", "completed"],
        }

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        return [answered(lambda of=each: self._look(of)) for each in questions]  # type: ignore[misc]

    def _look(self, question: Question) -> Answer:
        if question.provider_id:
            return _seen(self._client.calls(question.provider_id).fetch())
        found = tuple(_seen(call) for call in self._to(question))
        return OneOf(found) if found else Absent()

    def _to(self, question: Question) -> Iterator[Any]:
        """Our calls to the number since then. A call bears no text by which to tell it; one that a
        person makes by the same number is `outbound-dial`. Source:
        twilio.com/docs/voice/api/call-resource."""
        oldest: datetime = question.since - CLOCKS_DIFFER
        calls = self._client.calls.stream(to=question.to, from_=self._from, page_size=PER_NUMBER)
        for call in calls:
            if call.date_created < oldest:
                return
            if call.direction == "outbound-api":
                yield call


def result_of(sid: str, created_at: datetime | None, status: str, answered_by: str | None) -> Seen:
    """What a call's status says of it.

    One that nobody took is tried again within the rules; a fax is no way to reach anybody.
    """
    if status in NOBODY:
        return Seen(sid, created_at, "undelivered", status, "later", answered_by=status)
    if status != "completed":
        return Seen(sid, created_at)
    if answered_by == "fax":
        return Seen(sid, created_at, "undelivered", "fax", "address", answered_by="fax")
    return Seen(sid, created_at, "delivered", answered_by=answered_by or "unknown")


def _seen(call: Any) -> Seen:
    created_at: datetime = call.date_created
    return result_of(call.sid, created_at, call.status, call.answered_by)


def _accepted(reply: Any, message: Message) -> Outcome:
    """The SID, if the reply is about this call."""
    if not isinstance(reply.sid, str) or not SID.fullmatch(reply.sid):
        return Unknown("Twilio's reply has no call SID")
    if reply.to != message.to:
        return Unknown("Twilio's reply is about another call")
    return Accepted(reply.sid)
