"""What the sandbox tells by itself: Twilio's status callbacks, SendGrid's events, people's answers.

Signed as the real ones are: Twilio's by HMAC-SHA1, or by HMAC-SHA256 where a shared secret is
given; SendGrid's by ECDSA over the raw body, whose events end in `\\r\\n`. One retry after a
connection that failed, and then lost. As at Twilio, whoever relies on them has to ask, too. What is
not told yet is forgotten when the sandbox ends.
"""

import base64
import heapq
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from twilio.request_validator import (
    HMAC_SHA1,
    HMAC_SHA256,
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
)

from dunflow.intake.receiver.keys import SIGNATURE, TIMESTAMP, sandbox_event_key
from dunflow.sandbox.credentials import Credentials
from dunflow.sandbox.life import stages
from dunflow.sandbox.sendgrid.inbound import form_of
from dunflow.sandbox.sendgrid.undelivered import event_of
from dunflow.sandbox.store import Fate, Message
from dunflow.sandbox.twilio.told import CallTold, asked_at, said_in

TIMEOUT_S = 5.0
Post = tuple[str, bytes, dict[str, str]]


@dataclass(order=True)
class Due:
    """A request to make at `at` (monotonic seconds)."""

    at: float
    number: int
    post: Callable[[], Post] = field(compare=False)
    hear: Callable[[str], None] | None = field(compare=False, default=None)
    retries: int = field(compare=False, default=1)


class Webhooks:
    """Makes the requests, one after the other, in a thread of its own. `how` scripts bad ones.

    `heard` keeps what a call says, which is asked for as Twilio does.
    """

    def __init__(
        self,
        credentials: Credentials,
        receiver_url: str | None,
        shared_secret: str | None,
        heard: Callable[[str, str], None],
    ) -> None:
        self._credentials, self._receiver_url = credentials, receiver_url
        self._shared_secret = shared_secret
        self._heard, self._keys = heard, dict[str, str]()
        self._key = sandbox_event_key(credentials.auth_token)
        self._queue: list[Due] = []
        self._numbers = 0
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="webhooks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def follow_sms(
        self, message: Message, fate: Fate | None, callback: str | None, how: str = ""
    ) -> None:
        """Tell every status after the first, which the reply has told."""
        if callback is None or how == "lost":
            return
        lived = stages(message, fate)
        for each in self._in_order(lived[1:], how):
            form = {
                "AccountSid": self._credentials.account_sid,
                "ApiVersion": "2010-04-01",
                "From": message.sender or "",
                "MessageSid": message.provider_id,
                "MessageStatus": each.status,
                "SmsSid": message.provider_id,
                "SmsStatus": each.status,
                "To": message.recipient,
            }
            if each.error_code is not None:
                form["ErrorCode"] = str(each.error_code)
            self._tell(each.since - message.created_at, lambda f=form: self._form(callback, f), how)  # type: ignore[misc]

    def follow_call(self, call: Message, fate: Fate | None, how: str = "") -> None:
        """Tell of a call what it asked to be told, and fetch what it says once it is taken."""
        told = CallTold(self._credentials.account_sid, call, fate)
        if (url := told.options.get("Url")) and told.taken_after_s is not None:
            form = told.form("in-progress")
            self._tell(told.taken_after_s, lambda: self._form(url, form), "", self._listen(call))
        callback = told.options.get("StatusCallback")
        if callback is None or how == "lost":
            return
        for each in self._in_order(told.events(), how):
            form = told.form(each.status)
            self._tell(each.since - call.created_at, lambda f=form: self._form(callback, f), how)  # type: ignore[misc]

    def press(self, number: str, digits: str) -> None:
        """Whoever is asked for keys at this number next presses these."""
        self._keys[number] = digits

    def _listen(self, call: Message) -> Callable[[str], None]:
        """Hears a TwiML document, and goes on by the keys that are pressed."""

        def hear(twiml: str) -> None:
            self._heard(call.provider_id, said_in(twiml))
            action = asked_at(twiml)
            digits = self._keys.pop(call.recipient, None) if action else None
            if action and digits:
                form = {"CallSid": call.provider_id, "To": call.recipient, "Digits": digits}
                self._tell(0.0, lambda: self._form(action, form), "", hear)

        return hear

    def follow_mail(
        self, message: Message, fate: Fate | None, how: str = "", why: str = ""
    ) -> None:
        """Tell what becomes of a mail, if it is known where to; `why` it did not arrive."""
        if self._receiver_url is None or how == "lost":
            return
        for each in self._in_order(stages(message, fate), how):
            event: dict[str, object] = {
                "email": message.recipient,
                "event": each.status,
                "timestamp": int(each.since),
                "sg_event_id": secrets.token_urlsafe(16),
                "sg_message_id": f"{message.provider_id}.recvd-sandbox-0",
                **json.loads(message.options)["custom_args"],
            }
            if each.status == "not_delivered" and fate is not None:
                event |= event_of(fate, why)
            self._tell(each.since - message.created_at, lambda e=event: self._events([e]), how)  # type: ignore[misc]

    def answer(self, sid: str, sender: str, to: str, text: str, opt_out_type: str | None) -> None:
        """A person answers an SMS."""
        if self._receiver_url is None:
            return
        form = {
            "AccountSid": self._credentials.account_sid,
            "ApiVersion": "2010-04-01",
            "Body": text,
            "From": sender,
            "MessageSid": sid,
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsSid": sid,
            "SmsStatus": "received",
            "To": to,
        }
        if opt_out_type is not None:
            form["OptOutType"] = opt_out_type
        url = f"{self._receiver_url}/twilio/inbound"
        self._tell(0.0, lambda: self._form(url, form), "")

    def answer_mail(self, sender: str, to: str, text: str, answered: Message | None) -> None:
        """A person answers a mail, which their client quotes."""
        if self._receiver_url is None:
            return
        body, kind = form_of(sender, to, text, answered)
        url = f"{self._receiver_url}/sendgrid/inbound"
        self._tell(0.0, lambda: (url, body, self._signed(body) | {"Content-Type": kind}), "")

    def _in_order(self, told: list, how: str) -> list:  # type: ignore[type-arg]
        """Early, late or the wrong way round, each at the time of another."""
        if how != "reversed":
            return told
        times = [each.since for each in told]
        return [
            each._replace(since=since) for each, since in zip(reversed(told), times, strict=True)
        ]

    def _tell(
        self,
        after_s: float,
        post: Callable[[], Post],
        how: str,
        hear: Callable[[str], None] | None = None,
    ) -> None:
        with self._changed:
            for _ in range(2 if how == "doubled" else 1):
                self._numbers += 1
                at = time.monotonic() + max(0.0, after_s)
                heapq.heappush(self._queue, Due(at, self._numbers, post, hear))
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and not self._is_due():
                    left = self._queue[0].at - time.monotonic() if self._queue else None
                    self._changed.wait(left)
                if self._stopped:
                    return
                due = heapq.heappop(self._queue)
            answer = _post(*due.post())
            if answer is not None and due.hear:
                due.hear(answer)
            if answer is None and due.retries:
                with self._changed:
                    again = replace(due, at=time.monotonic() + 1.0, retries=due.retries - 1)
                    heapq.heappush(self._queue, again)

    def _is_due(self) -> bool:
        return bool(self._queue) and self._queue[0].at <= time.monotonic()

    def _form(self, url: str, form: dict[str, str]) -> Post:
        secret = self._shared_secret or self._credentials.auth_token
        algorithm = HMAC_SHA256 if self._shared_secret else HMAC_SHA1
        signature = RequestValidator(secret).compute_signature(url, form, algorithm)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            SIGNATURE_HEADER: signature,
            "I-Twilio-Idempotency-Token": secrets.token_hex(16),
        }
        if self._shared_secret:
            headers[SIGNATURE_SETTINGS_HEADER] = f"key=sandbox,algorithm={algorithm}"
        return url, urlencode(form).encode(), headers

    def _events(self, events: list[dict[str, object]]) -> Post:
        body = ("[" + ",\r\n".join(json.dumps(event) for event in events) + "]\r\n").encode()
        headers = self._signed(body) | {"Content-Type": "application/json"}
        return f"{self._receiver_url}/sendgrid/events", body, headers

    def _signed(self, body: bytes) -> dict[str, str]:
        """SendGrid's signature over the bytes that it sends."""
        timestamp = str(int(time.time()))
        signed = self._key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {SIGNATURE: base64.b64encode(signed).decode(), TIMESTAMP: timestamp}


def _post(url: str, body: bytes, headers: dict[str, str]) -> str | None:
    """What the receiver answered, if it answered at all."""
    request = Request(url, body, headers)  # noqa: S310 - http(s), by the rules of StatusCallback
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return str(answer.read().decode(errors="replace"))
    except URLError as err:
        return None if getattr(err, "code", None) is None else ""
    except OSError:
        return None
