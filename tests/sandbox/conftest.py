"""A running sandbox, the real SDKs on it, and a process of its own for what only a process shows."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
from sendgrid import SendGridAPIClient
from twilio.rest import Client

from dunflow.clock import VirtualClock
from dunflow.sandbox.app import create_app
from dunflow.sandbox.credentials import VARIABLES, Credentials
from dunflow.sandbox.serve import serve

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CREDENTIALS = Credentials(
    account_sid="AC" + "5" * 32,
    auth_token="the-auth-token",
    api_key="SG.the.key",
    inbox_token="the-inbox-token",
)


class Sandbox(NamedTuple):
    url: str
    state: Path
    clock: VirtualClock

    def twilio(self, *, token: str = CREDENTIALS.auth_token) -> Client:
        client = Client(CREDENTIALS.account_sid, token)
        client.api.base_url = self.url
        return client

    def sendgrid(self, *, key: str = CREDENTIALS.api_key) -> SendGridAPIClient:
        return SendGridAPIClient(key, host=self.url)

    def inbox(self, *, token: str = CREDENTIALS.inbox_token) -> requests.Session:
        """A browser that has given the token in the form."""
        browser = requests.Session()
        browser.post(f"{self.url}/login", data={"token": token}, timeout=5)
        return browser

    def ask(self, path: str, *, token: str = CREDENTIALS.inbox_token) -> requests.Response:
        """What an audit or a scenario reads."""
        bearer = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self.url}{path}", headers=bearer, timeout=5)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
def sandbox(tmp_path: Path, clock: VirtualClock) -> Iterator[Sandbox]:
    app = create_app(tmp_path / "state", credentials=CREDENTIALS, clock=clock)
    with serve(app) as url:
        yield Sandbox(url, tmp_path / "state", clock)


@pytest.fixture
def mail() -> Callable[..., dict[str, object]]:
    def make(to: str = "weber@mail.example", **changes: object) -> dict[str, object]:
        arguments = {"dunflow_reference": "k7Qm2x"}
        return {
            "personalizations": [{"to": [{"email": to}], "custom_args": arguments}],
            "from": {"email": "billing@harbour.example", "name": "Harbour Loans"},
            "subject": "A payment is overdue",
            "content": [{"type": "text/plain", "value": "EUR 1,300.00 is overdue."}],
        } | changes

    return make


class Process(NamedTuple):
    sandbox: Sandbox
    running: subprocess.Popen[bytes]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Process]]:
    """Starts `python -m dunflow.sandbox` on a free port; always on the same state and log."""
    started: list[subprocess.Popen[bytes]] = []
    environ = os.environ | {name: getattr(CREDENTIALS, at) for at, name in VARIABLES.items()}

    def run() -> Process:
        with (tmp_path / "log").open("ab") as log:
            running = subprocess.Popen(
                [sys.executable, "-m", "dunflow.sandbox", "--port", "0"]
                + ["--state", str(tmp_path / "state")],
                env=environ,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=Path(__file__).parents[2],
            )
        started.append(running)
        assert running.stdout is not None
        url = running.stdout.readline().decode().removeprefix("sandbox: ").strip()
        return Process(Sandbox(url, tmp_path / "state", VirtualClock(NOW)), running)

    yield run
    for running in started:
        running.kill()
        running.wait()
        assert running.stdout is not None
        running.stdout.close()
