"""A day that dies somewhere and is run again: it ends as if nothing had happened. Real processes,
real SIGKILL, a sandbox that outlives them."""

import datetime as dt
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import yaml
from sqlalchemy import URL, Engine, func, select

from dunflow.config.book import root
from dunflow.home import local_secrets
from dunflow.ledger.engine import make_engine
from dunflow.ledger.tables import account, contact, decision
from dunflow.ledger.throwaway import clone
from dunflow.sandbox.app import create_app
from dunflow.sandbox.credentials import read_credentials
from dunflow.sandbox.serve import serve
from dunflow.sandbox.store import Message, open_reader

ACCOUNTS = 400
DATE = "2026-03-02"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A portfolio that sends one text and one mail for each of its accounts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "portfolios" / "shop"
        folder.mkdir(parents=True)
        (folder / "portfolio.yaml").write_text(yaml.safe_dump(_PORTFOLIO, allow_unicode=True))
        (folder / "policy.yaml").write_text(yaml.safe_dump(_POLICY))
        rows = ["account,customer,due_on,overdue,name,phone,email"]
        for n in range(ACCOUNTS):
            due = "2026-03-01" if n % 2 else "2026-02-27"
            rows.append(f"A{n},C{n},{due},120.50,张三,+861349{n:07},c{n}@example.com")
        (folder / f"{DATE}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        yield Path(name)


class Stage:
    """One ledger and one sandbox, for processes that come and go."""

    def __init__(self, home: Path, url: URL, sandbox: str, state: Path, secrets: dict[str, str]):
        self.engine: Engine = make_engine(url)
        self.state = state
        self._environ = {
            **os.environ,
            **secrets,
            "DUNFLOW_HOME": str(home),
            "DUNFLOW_ROOT": str(root()),
            "DUNFLOW_PORTFOLIOS": str(home / "portfolios"),
            "DUNFLOW_LEDGER_URL": url.render_as_string(hide_password=False),
            "DUNFLOW_SANDBOX_URL": sandbox,
        }

    def start(self, *command: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, *command],
            env=self._environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run_day(self) -> None:
        process = self.start("-m", "dunflow", "day", "shop", DATE, "--json")
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors

    def sent(self) -> list[Message]:
        with open_reader(self.state) as reader:
            return list(reader.scan())

    def outcome(self) -> tuple[Counter[tuple[str, ...]], Counter[tuple[str, ...]]]:
        """Decisions and contacts, by account and what became of them."""
        with self.engine.connect() as conn:
            decided = conn.execute(
                select(
                    account.c.account_ref, decision.c.action, decision.c.reason, decision.c.step
                ).join(account, account.c.account_id == decision.c.account_id)
            )
            contacted = conn.execute(
                select(
                    account.c.account_ref, contact.c.step, contact.c.channel, contact.c.state
                ).join(account, account.c.account_id == contact.c.account_id)
            )
            return Counter(decided), Counter(contacted)

    def states(self) -> dict[str, int]:
        with self.engine.connect() as conn:
            rows = conn.execute(select(contact.c.state, func.count()).group_by(contact.c.state))
            return dict(rows.all())


class HastyClock:
    """A minute passes whenever the sandbox looks at it.

    The day is replayed in no time, and SendGrid takes six queries a minute: on a clock that goes on
    as usual it would refuse most of those that the day's hours leave room for.
    """

    def __init__(self) -> None:
        self._minutes = count()
        self._began_at = dt.datetime.now(dt.UTC)

    def now(self) -> dt.datetime:
        return self._began_at + dt.timedelta(minutes=next(self._minutes))


@pytest.fixture
def stage(
    home: Path, server: URL, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    monkeypatch.setenv("DUNFLOW_HOME", str(home))
    secrets = local_secrets()
    app = create_app(tmp_path, credentials=read_credentials(secrets), clock=HastyClock())
    with clone(server, template) as url, serve(app) as sandbox:
        made = Stage(home, url, sandbox, tmp_path, secrets)
        yield made
        made.engine.dispose()


DEATHS = {
    "before the load commits": "loading.load = die_after(loading.load); stages.run(opened)",
    "after the load": "stages.snapshot(opened); die()",
    "after the gate": "stages.snapshot(opened); stages.gate(opened); die()",
    "after assess": "stages.assess = die_after(stages.assess); stages.run(opened)",
    "before decide commits": "stages.propose = die_after(stages.propose); stages.run(opened)",
    "before remind": ("stages.snapshot(opened); stages.gate(opened); stages.decide(opened); die()"),
}
_DYING = f"""
import datetime, os, signal
from dunflow import day as stages
from dunflow.snapshot import load as loading
def die(): os.kill(os.getpid(), signal.SIGKILL)
def die_after(stage):
    def wrapped(*args, **kwargs):
        stage(*args, **kwargs)
        die()
    return wrapped
opened = stages.open_day("shop", datetime.date.fromisoformat("{DATE}"))
"""


def test_an_undisturbed_day(stage: Stage) -> None:
    stage.run_day()
    decided, contacted = stage.outcome()
    assert decided.total() == ACCOUNTS
    assert set(stage.states()) == {"accepted"}
    assert len(stage.sent()) == contacted.total() == ACCOUNTS


@pytest.mark.parametrize("where", DEATHS)
def test_killed_before_remind_and_run_again(stage: Stage, where: str) -> None:
    dying = stage.start("-c", _DYING + DEATHS[where])
    dying.communicate(timeout=120)
    assert dying.returncode == -signal.SIGKILL
    stage.run_day()
    decided, contacted = stage.outcome()
    assert decided == Counter(
        (f"A{n}", "send", "step_due", "text" if n % 2 else "mail") for n in range(ACCOUNTS)
    )
    assert contacted == Counter(
        (f"A{n}", *(("text", "sms") if n % 2 else ("mail", "email")), "accepted")
        for n in range(ACCOUNTS)
    )
    assert len(stage.sent()) == ACCOUNTS


def test_killed_in_remind_nothing_goes_out_twice(stage: Stage) -> None:
    dying = stage.start("-m", "dunflow", "day", "shop", DATE)
    give_up_at = time.monotonic() + 60
    while len(stage.sent()) < ACCOUNTS // 4:
        assert time.monotonic() < give_up_at
        assert dying.poll() is None, "the day ended before it could be killed"
        time.sleep(0.001)
    dying.kill()
    dying.communicate()
    stage.run_day()
    went_out = Counter(message.recipient for message in stage.sent())
    assert (len(went_out), set(went_out.values())) == (ACCOUNTS, {1})
    # What was in doubt was asked for; by now a provider may also say that it arrived.
    assert set(stage.states()) <= {"accepted", "delivered"}


_PORTFOLIO = {
    "portfolio": "shop",
    "time_zone": "Asia/Shanghai",
    "region": "CN",
    "language": "zh",
    "currency": "CNY",
    "run_at": "06:30",
    "clock": "replay",
    "source": {"kind": "files", "path": "{business_date}.csv"},
    "lender": {
        "name": {"zh": "街角小店", "en": "Corner Shop"},
        "phone": "021-0000 0100",
        "pay_url": "https://pay.corner.example/",
        "complaints": "complaints@corner.example",
    },
    "senders": {
        "sms": {"provider": "sandbox", "from": "+8613490000000"},
        "email": {"provider": "sandbox", "from": "service@corner.example"},
    },
}
_POLICY = {
    "policy": "shop",
    "packs": ["cn-consumer"],
    "tiers": [
        {
            "tier": "courtesy",
            "from_dpd": 1,
            "steps": [
                {"step": "text", "at_dpd": 1, "channel": "sms", "template": "courtesy"},
                {"step": "mail", "at_dpd": 3, "channel": "email", "template": "courtesy"},
            ],
        }
    ],
}
