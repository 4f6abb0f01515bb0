"""A running sandbox, the real SDKs on it, and a process for what only a process shows."""

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

ROOT = Path(__file__).parents[2]
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


class Start:
    """Starts `python -m dunflow.sandbox`, always on the same state and log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = os.environ | {
            name: getattr(CREDENTIALS, field) for field, name in VARIABLES.items()
        }
        self.started: list[subprocess.Popen[bytes]] = []

    def __call__(self, *, port: int = 0, without: str = "") -> Process:
        state = self.folder / "state"
        with (self.folder / "log").open("ab") as log:
            running = subprocess.Popen(
                [sys.executable, "-m", "dunflow.sandbox", f"--port={port}", f"--state={state}"],
                env={name: value for name, value in self.environ.items() if name != without},
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
            )
        self.started.append(running)
        assert running.stdout is not None
        url = running.stdout.readline().decode().removeprefix("sandbox: ").strip()
        return Process(Sandbox(url, state, VirtualClock(NOW)), running)

    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    starter = Start(tmp_path)
    yield starter
    for running in starter.started:
        running.kill()
        running.wait()
        assert running.stdout is not None
        running.stdout.close()
