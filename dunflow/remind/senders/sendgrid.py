"""Email through SendGrid's own SDK, on a connection that is kept alive."""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import python_http_client
from python_http_client.exceptions import HTTPError, handle_error
from sendgrid import SendGridAPIClient

from dunflow.remind.senders.codes import SENDGRID_SENDER_STATUS
from dunflow.remind.senders.outcome import (
    Accepted,
    Answer,
    Busy,
    Down,
    Message,
    Outcome,
    Question,
    Refused,
    Seen,
    Silent,
    Unexplained,
    Unknown,
)
from dunflow.remind.senders.response import Reply
from dunflow.remind.senders.retry import retry_after_s
from dunflow.remind.senders.sendgrid_ask import ask, explain
from dunflow.remind.senders.sendgrid_lists import Listed, listed
from dunflow.remind.senders.wire import (
    RETRY_CONNECT_S,
    TIMEOUT_S,
    NeverSentError,
    NoReplyError,
    UntrustedError,
    Wire,
)

BASE_URL = "https://api.sendgrid.com"
REFERENCE = "dunflow_reference"
"""The custom argument by which an email's events, and SendGrid's activity, name our contact."""

FIELD = re.compile(r"[a-z_]+(\.[a-z_0-9]+){0,4}", re.ASCII)


class KeepAliveClient(python_http_client.Client):  # type: ignore[misc]
    """The SDK's client with transport on a Wire: host, path, version and headers stay the SDK's.

    The original makes an opener for each call, of a fifth of a millisecond, and writes the payload
    into a log line. Two private methods of version 3.3.7 are used.
    """

    def __init__(self, wire: Wire, **options: Any) -> None:
        super().__init__(**options)
        self.wire = wire

    def _build_client(self, name: str | None = None) -> "KeepAliveClient":
        """The original makes its own class here, so that a subclass is lost after one segment."""
        return KeepAliveClient(
            self.wire,
            host=self.host,
            version=self._version,
            request_headers=self.request_headers,
            url_path=[*self._url_path, name] if name else self._url_path,
            append_slash=self.append_slash,
            timeout=self.timeout,
        )

    def post(self, request_body: object) -> python_http_client.client.Response:
        return self._call("POST", None, json.dumps(request_body).encode())

    def get(
        self, query_params: dict[str, object] | None = None
    ) -> python_http_client.client.Response:
        return self._call("GET", query_params, b"")

    def _call(
        self, method: str, query: dict[str, object] | None, body: bytes
    ) -> python_http_client.client.Response:
        path = self._build_url(query).removeprefix(self.host)
        headers = {"Content-Type": "application/json", **self.request_headers}
        reply = WireResponse(self.wire.request(method, path, body, headers))
        if reply.code >= 400:
            raise handle_error(reply)
        return python_http_client.client.Response(reply)


class WireResponse:
    """A reply as `python_http_client` wants it: as urllib's response and as its error in one."""

    def __init__(self, reply: Reply) -> None:
        self.code, self.reason, self.hdrs, self._body = reply

    def getcode(self) -> int:
        return self.code

    def read(self) -> bytes:
        return self._body

    def info(self) -> Any:
        return self.hdrs


class SendGridEmail:
    """Sends emails from one address, each in a request of its own: one bad address in a batch would
    sink the others, and 202 for a batch says nothing about any one of them."""

    def __init__(
        self,
        *,
        api_key: str,
        sender: str,
        sender_name: str | None = None,
        reply_to: str | None = None,
        base_url: str = BASE_URL,
        timeout_s: float = TIMEOUT_S,
        has_activity: bool = False,
    ) -> None:
        # It logs texts, addresses and the API key at DEBUG.
        logging.getLogger("python_http_client").setLevel(logging.WARNING)
        self._sendgrid = SendGridAPIClient(api_key, host=base_url)
        stock = self._sendgrid.client
        self._sendgrid.client = KeepAliveClient(
            Wire(base_url, timeout_s=timeout_s),
            host=stock.host,
            request_headers=stock.request_headers,
            version=3,
        )
        self._has_activity = has_activity
        self._from = {"email": sender} | ({"name": sender_name} if sender_name else {})
        self._reply_to = reply_to

    def send(self, message: Message, *, now: datetime) -> Outcome:
        if message.valid_until <= now:
            return Busy("expired", 0.0)
        try:
            reply = self._sendgrid.send(payload(message, self._from, self._reply_to))
        except UntrustedError as err:
            return Down(err.why, "the certificate of SendGrid's server could not be verified")
        except NeverSentError as err:
            return Busy(err.why, RETRY_CONNECT_S)
        except NoReplyError as err:
            return Unknown(f"no reply from SendGrid: {err.why}")
        except HTTPError as err:
            return _refused(err)
        provider_id = reply.headers.get("X-Message-Id")
        if reply.status_code != 202 or not provider_id:
            return Unknown(f"SendGrid answered with HTTP status {reply.status_code} and no id")
        return Accepted(provider_id)

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """By SendGrid's Email Activity, a paid add-on; without it nobody can be asked."""
        if not self._has_activity:
            return [Silent() for _ in questions]
        return ask(self._sendgrid.client, REFERENCE, questions)

    def explain(self, found: Unexplained) -> Seen | Unexplained:
        return explain(self._sendgrid.client, found)

    def listed(self, since: datetime) -> Iterator[Listed]:
        """Whom SendGrid sends nothing to any more, of those who came onto its lists since then."""
        return listed(self._sendgrid.client, since)


def payload(
    message: Message, sender: dict[str, str], reply_to: str | None = None
) -> dict[str, object]:
    """The request. Links and opens are left untracked: the first would hide the lender's address
    behind another, and an open proves nothing, as mail scanners open everything."""
    content = [{"type": "text/plain", "value": message.body}]
    if message.html:
        content.append({"type": "text/html", "value": message.html})
    mail: dict[str, object] = {
        "personalizations": [
            {"to": [{"email": message.to}], "custom_args": {REFERENCE: message.reference}}
        ],
        "from": sender,
        "subject": message.subject or "",
        "content": content,
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
        },
    }
    if reply_to:
        mail["reply_to"] = {"email": reply_to}
    return mail


def _refused(err: HTTPError) -> Outcome:
    """By status and field: SendGrid has no codes, and the SDK has no class for some statuses."""
    status: int = err.status_code
    if status == 429:
        return Busy("429", retry_after_s(err.headers))
    if status in SENDGRID_SENDER_STATUS:
        return Down(str(status), SENDGRID_SENDER_STATUS[status])
    if status == 408 or status >= 500:
        return Unknown(f"SendGrid answered with HTTP status {status}")
    field = _first_field(err.body)
    if field is None:
        return Unknown(f"SendGrid answered with HTTP status {status} and no errors")
    if field.startswith("from"):
        return Down(f"{status} {field}", "the sender's address is refused")
    is_address = field.startswith("personalizations.0.to.") and field.endswith(".email")
    return Refused(f"{status} {field}".strip(), "address" if is_address else "message")


def _first_field(body: bytes) -> str | None:
    """The field that the first error is about, "" if it names none, None if this is not
    SendGrid's form of error. Its words are left alone: they may hold an address."""
    try:
        field = json.loads(body)["errors"][0].get("field")
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return field if isinstance(field, str) and FIELD.fullmatch(field) else ""
