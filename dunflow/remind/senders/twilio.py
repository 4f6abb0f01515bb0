"""SMS through Twilio."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from dunflow.remind.senders.outcome import (
    Accepted,
    Answer,
    Busy,
    Message,
    Outcome,
    Question,
    Seen,
    Unclear,
    Unknown,
)
from dunflow.remind.senders.twilio_ask import Received, ask, received_since, sent_since
from dunflow.remind.senders.twilio_client import BASE_URL, created, make_client
from dunflow.remind.senders.wire import TIMEOUT_S

STATUS_PATH = "/twilio/status"
"""Below the receiver's URL; the reference follows, so that a callback names its contact even where
the create call's reply was lost."""
MAX_VALIDITY_S = 36_000
"""Twilio's own limit on ValidityPeriod: ten hours."""
SID = re.compile(r"(SM|MM)[0-9a-f]{32}", re.ASCII)
SERVICE_SID = re.compile(r"MG[0-9a-f]{32}", re.ASCII)


class TwilioSms:
    """Sends SMS from one number, sender name or Messaging Service (`MG…`)."""

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
        by_service = SERVICE_SID.fullmatch(sender)
        self._from = {"messaging_service_sid" if by_service else "from_": sender}

    def send(self, message: Message, *, now: datetime) -> Outcome:
        left_s = (message.valid_until - now).total_seconds()
        if left_s <= 0:
            return Busy("expired", 0.0)
        return created(
            lambda: self._client.messages.create(
                to=message.to,
                body=message.body,
                validity_period=min(MAX_VALIDITY_S, max(1, int(left_s))),
                **self._from,
                **self._callback(message),
            ),
            lambda reply: _accepted(reply, message),
        )

    def _callback(self, message: Message) -> dict[str, str]:
        if self._receiver_url is None:
            return {}
        return {"status_callback": f"{self._receiver_url}{STATUS_PATH}/{message.reference}"}

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        return ask(self._client, questions)

    def sent_since(self, since: datetime) -> Iterator[list[Seen] | Unclear]:
        return sent_since(self._client, since)

    def received_since(self, number: str, since: datetime) -> list[Received] | Unclear:
        """What people wrote to the number since then, the oldest first."""
        return received_since(self._client, number, since)


def _accepted(reply: Any, message: Message) -> Outcome:
    """The SID, if the reply is about this message: a wrong one on a row would break the promise
    that nobody is contacted twice. A trial account puts a sentence of Twilio's before the text."""
    if not isinstance(reply.sid, str) or not SID.fullmatch(reply.sid):
        return Unknown("Twilio's reply has no message SID")
    if reply.to != message.to or not str(reply.body).endswith(message.body):
        return Unknown("Twilio's reply is about another message")
    return Accepted(reply.sid)
