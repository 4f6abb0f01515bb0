"""What Twilio tells of a call, and what it reads in a TwiML document.

Sources: twilio.com/docs/voice/api/call-resource and …/voice/answering-machine-detection.
"""

import html
import json
import re
from typing import Any

from dunflow.sandbox.life import Stage, answered_by, stages
from dunflow.sandbox.store import Fate, Message

_SAYS = re.compile(r"<Say\b[^>]*>(.*?)</Say>", re.DOTALL)
_ASKS = re.compile(r'<Gather\b[^>]*\baction="([^"]*)"')
_EVENTS = {"queued": "initiated", "ringing": "ringing", "in-progress": "answered"}
"""Status → the event that tells it; every other status is the end: `completed`."""


class CallTold:
    """One call, as its webhooks tell it."""

    def __init__(self, account_sid: str, call: Message, fate: Fate | None) -> None:
        self._account_sid, self._call, self._fate = account_sid, call, fate
        self._lived = stages(call, fate)
        self.options: dict[str, Any] = json.loads(call.options)

    @property
    def taken_after_s(self) -> float | None:
        """When somebody, or something, answers; None: nobody does."""
        taken = [each.since for each in self._lived if each.status == "in-progress"]
        return taken[0] - self._call.created_at if taken else None

    def events(self) -> list[Stage]:
        """The stages that the call asked to be told; without a word only its end."""
        wanted = self.options["StatusCallbackEvent"] or ["completed"]
        return [each for each in self._lived if _EVENTS.get(each.status, "completed") in wanted]

    def form(self, status: str) -> dict[str, str]:
        """The fields of a request about this status. Its number is the call's own count."""
        number = [each.status for each in self._lived].index(status)
        fields = {
            "AccountSid": self._account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": self._call.provider_id,
            "CallStatus": "initiated" if status == "queued" else status,
            "CallbackSource": "call-progress-events",
            "Direction": "outbound-api",
            "From": self._call.sender or "",
            "SequenceNumber": str(number),
            "To": self._call.recipient,
        }
        by = answered_by(self._fate)
        if by and status in ("in-progress", "completed") and "MachineDetection" in self.options:
            fields["AnsweredBy"] = by
        return fields


def said_in(twiml: str) -> str:
    """What a document says, a line for each sentence."""
    return "\n".join(html.unescape(each) for each in _SAYS.findall(twiml))


def asked_at(twiml: str) -> str | None:
    """Where the keys go that a document asks for; None: it asks for none."""
    found = _ASKS.search(twiml)
    return html.unescape(found[1]) if found else None
