"""One kept-alive HTTP connection that can tell "certainly not sent" from "maybe".

Written on `http.client` because the clients that the SDKs bring do neither: SendGrid's opens a new
connection for each call, and requests, in Twilio's, buries whether a byte was written in a chain of
causes. A Wire belongs to one thread.
"""

import http.client
import select
import socket
import ssl
import time
from collections.abc import Mapping
from functools import cache
from typing import cast
from urllib.parse import urlsplit

from dunflow.remind.senders.response import FAULTS, Reply, Response

TIMEOUT_S = 10.0
"""For connecting, and for each wait on the socket. Both providers answer in well under a second."""
RETRY_CONNECT_S = 15.0
"""When to try again a provider that could not be reached at all."""
MAX_IDLE_S = 20.0
"""A connection that has been idle for longer is not used again. Servers close theirs after a minute
or so, and one that closes while we write would leave us in doubt."""


class NeverSentError(Exception):
    """There was no connection: not a byte of the request left. `why` names the kind of fault."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class UntrustedError(NeverSentError):
    """The server's certificate does not hold; trying again will not help."""


class NoReplyError(Exception):
    """The request may have arrived, but no whole reply came back."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@cache
def _trust() -> ssl.SSLContext:
    """Shared by all connections: reading the certificates takes longer than many calls."""
    return ssl.create_default_context()


class Wire:
    """A connection to the one host of `base_url`; requests name the path."""

    def __init__(self, base_url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(base_url)
        if parts.hostname is None:
            raise ValueError("base_url has no host")
        self._connection: http.client.HTTPConnection
        if parts.scheme == "https":
            self._connection = http.client.HTTPSConnection(
                parts.hostname,
                parts.port,
                timeout=timeout_s,
                context=_trust(),
            )
        else:
            self._connection = http.client.HTTPConnection(
                parts.hostname, parts.port, timeout=timeout_s
            )
        self._connection.response_class = Response  # type: ignore[assignment]
        self._used_at = 0.0

    def request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send one request, once. Raises NeverSentError or NoReplyError."""
        self._connect()
        try:
            self._connection.request(method, path, body, headers)
            response = cast(Response, self._connection.getresponse())
        except FAULTS as err:
            self._connection.close()
            raise NoReplyError(type(err).__name__) from None
        self._used_at = time.monotonic()
        return response.reply

    def close(self) -> None:
        self._connection.close()

    def _connect(self) -> None:
        """Make sure of a connection that is fit for use, before anything is written."""
        if self._connection.sock is not None and not self._is_fresh(self._connection.sock):
            self._connection.close()
        if self._connection.sock is not None:
            return
        try:
            self._connection.connect()
        except ssl.SSLCertVerificationError as err:
            self._connection.close()
            raise UntrustedError(type(err).__name__) from None
        except OSError as err:
            self._connection.close()
            raise NeverSentError(type(err).__name__) from None

    def _is_fresh(self, sock: socket.socket) -> bool:
        """An idle connection with something to read was closed by the server, or is out of step."""
        if time.monotonic() - self._used_at > MAX_IDLE_S:
            return False
        readable, _, _ = select.select([sock], [], [], 0)
        return not readable
