"""Twilio's own SDK on a connection that is kept alive, and what its errors mean."""

import base64
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from twilio.base.exceptions import TwilioException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from dunflow.remind.senders.codes import TWILIO, TWILIO_SENDER_STATUS, Meaning
from dunflow.remind.senders.outcome import Busy, Down, Outcome, Refused, Unknown
from dunflow.remind.senders.retry import retry_after_s
from dunflow.remind.senders.twilio_ask import ThrottledError
from dunflow.remind.senders.wire import (
    RETRY_CONNECT_S,
    NeverSentError,
    NoReplyError,
    UntrustedError,
    Wire,
)

BASE_URL = "https://api.twilio.com"


class KeepAliveHttpClient(HttpClient):  # type: ignore[misc]
    """The SDK's extension point for transport. It returns each reply from a local variable, where
    the SDK's own keeps it on the object and can hand it to another thread (twilio-python #580)."""

    def __init__(self, base_url: str, timeout_s: float) -> None:
        super().__init__(logging.getLogger("twilio.http_client"), is_async=False, timeout=timeout_s)
        self._wire = Wire(base_url, timeout_s=timeout_s)

    def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 - one for all requests
        allow_redirects: bool = False,  # noqa: ARG002 - none is followed: a POST would go out twice
    ) -> Response:
        parts = urlsplit(uri)
        query = urlencode(params, doseq=True) if params else parts.query
        sent = dict(headers or {})
        if auth:
            sent["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
        reply = self._wire.request(
            method,
            f"{parts.path}?{query}" if query else parts.path,
            urlencode(data or {}, doseq=True).encode(),
            sent,
        )
        if reply.status == 429:
            raise ThrottledError(retry_after_s(reply.headers))
        return Response(reply.status, reply.body.decode(errors="replace"), reply.headers)


def make_client(account_sid: str, auth_token: str, base_url: str, timeout_s: float) -> Client:
    """A client for one thread."""
    # It logs phone numbers at INFO, and task logs are kept and read by many.
    logging.getLogger("twilio").setLevel(logging.WARNING)
    client = Client(
        account_sid,
        auth_token,
        http_client=KeepAliveHttpClient(base_url, timeout_s),
        # TWILIO_EDGE and TWILIO_REGION would be woven into the host, also into 127.0.0.1. The
        # SDK reads the process's own environment unless it gets a dict that is not empty.
        environment={"TWILIO_EDGE": "", "TWILIO_REGION": ""},
    )
    client.api.base_url = base_url
    return client


def created(create: Callable[[], Any], read: Callable[[Any], Outcome]) -> Outcome:
    """What a create call comes to; `read` says it of the reply. Never raises for what Twilio or the
    network does."""
    try:
        reply = create()
    except ThrottledError as err:
        return Busy("20429", err.retry_after_s)
    except UntrustedError as err:
        return Down(err.why, "the certificate of Twilio's server could not be verified")
    except NeverSentError as err:
        return Busy(err.why, RETRY_CONNECT_S)
    except NoReplyError as err:
        return Unknown(f"no reply from Twilio: {err.why}")
    except TwilioException as err:
        return _refused(getattr(err, "status", None), getattr(err, "code", None))
    except (ValueError, TypeError, AttributeError):
        # Only the parsing of the reply is left to fail by then, so it was accepted, or nearly.
        return Unknown("Twilio's reply could not be read")
    return read(reply)


def _refused(status: object, code: object) -> Outcome:
    """What an error reply means. Without a code of Twilio's own (the SDK then repeats the status)
    it may come from something in between, and says nothing about the message. A code that is known
    goes before the status: one message with a 403 must not stop all others."""
    if not isinstance(status, int) or not 400 <= status < 500:
        return Unknown(f"Twilio answered with HTTP status {status}")
    if not isinstance(code, int) or code == status:
        if status in TWILIO_SENDER_STATUS:
            return Down(str(status), f"Twilio answered with HTTP status {status}")
        return Unknown(f"Twilio answered with HTTP status {status} and no code")
    meaning = TWILIO.get(code)
    match meaning:
        case Meaning("later", _, retry_after_s):
            return Busy(str(code), retry_after_s)
        case Meaning("sender", words):
            return Down(str(code), words)
        case Meaning("address" | "opted_out" | "text" | "message" as blames):
            return Refused(str(code), blames)
    if status in TWILIO_SENDER_STATUS:
        return Down(str(code), f"Twilio answered with HTTP status {status}")
    return Refused(str(code), "message")
