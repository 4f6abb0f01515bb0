"""A reply, read as `http.client` wants it done by its `response_class`, but by a parser in C.

`http.client` reads the headers of a reply as those of a mail, which takes a third of a call.
"""

import http.client
import socket
import time
from email.message import Message as Headers
from typing import Final, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

_NO_HTTP: Final = (HttpParserError, HttpParserUpgrade)
FAULTS: Final = (OSError, http.client.HTTPException, *_NO_HTTP)
"""What a connection that reads its replies so raises where no whole one came."""

WHOLE_S = 30.0
"""For a whole reply, however it drips: after so long the call is in doubt, well before its lease is
over and somebody else asks what became of it."""
_AT_A_TIME: Final = 65536
_TELL_LENGTH: Final = ("Content-Length", "Transfer-Encoding")


class Reply(NamedTuple):
    status: int
    reason: str
    headers: Headers
    body: bytes


class Response:
    """Reads what comes next from `sock`, up to the end of the reply."""

    def __init__(
        self,
        sock: socket.socket,
        debuglevel: int = 0,  # noqa: ARG002 - nothing is printed
        method: str | None = None,  # noqa: ARG002 - none that we use has replies without a body
        url: str | None = None,  # noqa: ARG002 - the original has no use for it either
    ) -> None:
        self._sock = sock
        self._parser = HttpResponseParser(self)
        self._read: Reply | None = None
        self.will_close = False

    @property
    def reply(self) -> Reply:
        assert self._read
        return self._read

    def begin(self) -> None:
        """Raises one of FAULTS."""
        self.on_message_begin()
        ends = time.monotonic() + WHOLE_S
        while self._read is None:
            if time.monotonic() > ends:
                raise TimeoutError
            received = self._sock.recv(_AT_A_TIME)
            if not received:
                self._hang_up()
                return
            try:
                self._parser.feed_data(received)
            except _NO_HTTP:
                if self._read is None:
                    raise
                self.will_close = True
        # It holds on to what it calls, which is this: apart, both are let go of at once.
        del self._parser

    def isclosed(self) -> bool:
        """Nothing is left to be read, so the connection is free for the next request."""
        return self._read is not None

    def close(self) -> None:
        """Nothing to do: the connection is not the reply's."""

    def _hang_up(self) -> None:
        """The end of the connection ends a body that came without a length, and no other."""
        if not self._status:
            raise http.client.RemoteDisconnected("the server hung up without a reply")
        if any(name in self._headers for name in _TELL_LENGTH):
            raise http.client.IncompleteRead(b"".join(self._body))
        self._end()
        self.will_close = True

    def _end(self) -> None:
        self._read = Reply(self._status, self._reason, self._headers, b"".join(self._body))

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._read:
            # Nobody asked for a second one: whoever answers is out of step.
            self.will_close = True
        self._status, self._reason = 0, ""
        self._headers = Headers()
        self._body: list[bytes] = []

    def on_status(self, reason: bytes) -> None:
        self._reason += reason.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1")] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._read:
            return
        if self._status < http.HTTPStatus.OK:
            # It says that the true one is on its way.
            self.on_message_begin()
            return
        self._end()
        self.will_close = not self._parser.should_keep_alive()
