"""A sandbox to send to, and a provider on a bare socket that answers whatever a test wants."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dunflow.clock import VirtualClock
from dunflow.remind.senders.outcome import Message
from dunflow.sandbox.app import create_app
from dunflow.sandbox.credentials import Credentials
from dunflow.sandbox.serve import serve

Answer = Callable[[bytes], bytes | None]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Sandbox(NamedTuple):
    url: str
    state: Path
    credentials: Credentials
    clock: VirtualClock


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    credentials = Credentials(
        account_sid="AC" + "5" * 32,
        auth_token="the-auth-token",
        api_key="SG.the.key",
        inbox_token="the-inbox-token",
    )
    clock = VirtualClock(NOW)
    with serve(create_app(tmp_path, credentials=credentials, clock=clock)) as url:
        yield Sandbox(url, tmp_path, credentials, clock)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def sms() -> Callable[..., Message]:
    def make(**changes: object) -> Message:
        given: dict[str, object] = {
            "reference": "k7Qm2x",
            "channel": "sms",
            "to": "+8613812345678",
            "body": "您的账户有逾期款 1,300.00 元。还款：https://pay.example/k7Qm2x",
            "subject": None,
            "html": None,
            "valid_until": NOW + timedelta(hours=1),
        }
        return Message(**(given | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def email() -> Callable[..., Message]:
    def make(**changes: object) -> Message:
        given: dict[str, object] = {
            "reference": "k7Qm2x",
            "channel": "email",
            "to": "weber@mail.example",
            "body": "Your account has EUR 1,300.00 overdue.",
            "subject": "A payment is overdue",
            "html": "<p>Your account has <b>EUR 1,300.00</b> overdue.</p>",
            "valid_until": NOW + timedelta(hours=1),
        }
        return Message(**(given | changes))  # type: ignore[arg-type]

    return make


class Provider:
    """Answers each request with what `answer` gives for its bytes; None closes the connection
    without a word. It counts what arrived whole."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None) -> None:
        self._answer = answer
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self.requests: list[bytes] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # Closing alone would leave a thread that waits in accept() holding the port.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def hang_up(self) -> None:
        """Close every connection, as servers do with idle ones."""
        for connection in self._open:
            connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        if self._tls:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                return
        with connection:
            while request := _read_request(connection):
                self.requests.append(request)
                reply = self._answer(request)
                if reply is None:
                    return
                connection.sendall(reply)


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while True:
        head, found, body = received.partition(b"\r\n\r\n")
        if found:
            lengths = [
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ]
            if len(body) >= sum(lengths):
                return received
        try:
            more = connection.recv(65536)
        except OSError:
            return b""
        if not more:
            return b""
        received += more


Providers = Callable[..., Provider]


@pytest.fixture
def provider() -> Iterator[Providers]:
    started: list[Provider] = []

    def start(answer: Answer, *, tls: ssl.SSLContext | None = None) -> Provider:
        started.append(Provider(answer, tls))
        return started[-1]

    yield start
    for each in started:
        each.close()


Reply = Callable[..., bytes]


@pytest.fixture
def reply() -> Reply:
    def make(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    return make


@pytest.fixture
def closed_port() -> Iterator[str]:
    """A URL where nobody listens: the port is bound, so that no one else takes it meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"


@pytest.fixture
def never() -> Iterator[Answer]:
    """An answer that does not come until the test is over."""
    over = threading.Event()

    def answer(request: bytes) -> bytes | None:
        over.wait(30)
        return None

    yield answer
    over.set()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key."""
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file
