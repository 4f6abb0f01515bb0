"""Workers, PostgreSQL and the sandbox die by SIGKILL at random moments, while providers fail.

In the end everybody was contacted once: the sandbox's own ledger says so, which no client can see.
DUNFLOW_KILL_ROUNDS sets how often something is killed, DUNFLOW_KILL_SEED with which dice.
"""

import datetime as dt
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml
from sqlalchemy import URL, Engine, func, insert, select
from sqlalchemy.exc import OperationalError

from dunflow import day as stages
from dunflow.clock import VirtualClock
from dunflow.config.book import read_book, root
from dunflow.home import local_secrets
from dunflow.ledger import throwaway
from dunflow.ledger.engine import make_engine
from dunflow.ledger.tables import contact, portfolio
from dunflow.remind.claim import claim
from dunflow.report.audit import audit
from dunflow.sandbox.store import open_reader
from tests.remind.contacts import book
from tests.test_kill import _POLICY, _PORTFOLIO

ROUNDS = int(os.environ.get("DUNFLOW_KILL_ROUNDS", "6"))
SEED = int(os.environ.get("DUNFLOW_KILL_SEED", "1"))
PEOPLE = 240
DATE = dt.date(2026, 3, 2)
MORNING = dt.datetime(2026, 3, 3, 1, 0, tzinfo=dt.UTC)  # nine o'clock in Shanghai
ROUNDS_A_DAY = 40
PER_ROUND = dt.timedelta(minutes=3)
LATEST = dt.datetime(2026, 3, 3, 8, 0, tzinfo=dt.UTC)
FAULTS = ("timeout_after_accept", "timeout_before_accept", "http_429", "http_503_after_accept")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A portfolio that sends one text or one mail for each of its accounts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "portfolios" / "shop"
        folder.mkdir(parents=True)
        portfolio = _PORTFOLIO | {"clock": "real"}
        (folder / "portfolio.yaml").write_text(yaml.safe_dump(portfolio, allow_unicode=True))
        (folder / "policy.yaml").write_text(yaml.safe_dump(_POLICY))
        rows = ["account,customer,due_on,overdue,name,phone,email"]
        for n in range(PEOPLE):
            due = "2026-03-01" if n % 2 else "2026-02-27"
            rows.append(f"A{n},C{n},{due},120.50,张三,+861349{n:07},c{n}@example.com")
        (folder / f"{DATE}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        yield Path(name)


@pytest.fixture(scope="module")
def own_server() -> Iterator[URL]:
    """A PostgreSQL that no other test minds the death of."""
    with throwaway.own_server() as url:
        yield url


def crash(url: URL) -> None:
    """Kill one backend: the server ends all others at once and recovers from its log.

    Returns once it has noticed: until then it would still let somebody in, and end them, too.
    """
    engine = make_engine(url)
    with suppress(OperationalError), engine.connect() as witness:
        with suppress(OperationalError), engine.connect() as conn:
            os.kill(conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one(), signal.SIGKILL)
        give_up_at = time.monotonic() + 30
        while time.monotonic() < give_up_at:
            witness.exec_driver_sql("SELECT 1")
            time.sleep(0.01)
        raise AssertionError("the server did not notice that a backend was killed")
    engine.dispose()


def wait_for(engine: Engine) -> None:
    """Until the server is back."""
    engine.dispose()
    give_up_at = time.monotonic() + 30
    while True:
        try:
            with engine.connect():
                return
        except OperationalError:
            assert time.monotonic() < give_up_at
            time.sleep(0.05)


class Season:
    """One planned day, drained by workers that die, until nothing is left to do."""

    def __init__(self, home: Path, folder: Path, url: URL, dice: random.Random) -> None:
        self.dice, self.url, self.folder = dice, url, folder
        self.engine = make_engine(url)
        self.clock, self.file = VirtualClock(MORNING), folder / "now"
        self._tell_time()
        self.state = folder / "sandbox"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._environ = {
            **os.environ,
            **local_secrets(),  # whatever the environment says of another sandbox
            "DUNFLOW_HOME": str(home),
            "DUNFLOW_ROOT": str(root()),
            "DUNFLOW_PORTFOLIOS": str(home / "portfolios"),
            "DUNFLOW_LEDGER_URL": url.render_as_string(hide_password=False),
            "DUNFLOW_SANDBOX_URL": f"http://127.0.0.1:{self.port}",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        self.sandbox = self._start_sandbox()
        self.workers = self._start("work", "shop", str(DATE))
        day = stages.Day(self.engine, read_book("shop"), DATE, self.clock, self._environ)
        stages.snapshot(day)
        stages.gate(day)
        stages.decide(day)

    def close(self) -> None:
        self.workers.kill()
        self.workers.communicate()
        self.sandbox.kill()
        self.sandbox.wait()
        self.engine.dispose()

    def order_bad_days(self) -> None:
        for kind in FAULTS:
            for channel in ("sms", "email"):
                fault = {"channel": channel, "kind": kind, "ratio": 0.02}
                self._post("/_sandbox/faults", fault | {"seed": self.dice.randrange(1000)})

    def round(self) -> str:
        """A worker, a backend of PostgreSQL or the sandbox dies; what died, if anything did."""
        assert self.workers.stdin
        assert self.workers.stdout
        self.workers.stdin.write("\n")
        self.workers.stdin.flush()
        pid = int(self.workers.stdout.readline())
        time.sleep(self.dice.uniform(0.0, 1.5))
        victim = self.dice.choices(["worker", "postgres", "sandbox"], [8, 1, 1])[0]
        if victim == "postgres":
            crash(self.url)
            wait_for(self.engine)
        elif victim == "sandbox":
            self.sandbox.kill()
            self.sandbox.wait()
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)
        ended = int(self.workers.stdout.readline())
        if victim == "sandbox":
            self.sandbox = self._start_sandbox()
        self.pass_time()
        return victim if victim != "worker" or ended == -signal.SIGKILL else "nobody"

    def pass_time(self) -> None:
        self.clock.move_to(self.clock.now() + PER_ROUND)
        self._tell_time()

    def finish(self) -> None:
        """Nothing dies any more, and the providers are well."""
        self._delete("/_sandbox/faults")
        while self.open_contacts():
            assert self.clock.now() < LATEST, self.states()
            assert self.workers.stdin
            assert self.workers.stdout
            self.workers.stdin.write("\n")
            self.workers.stdin.flush()
            self.workers.stdout.readline()
            assert int(self.workers.stdout.readline()) == 0
            self.pass_time()

    def open_contacts(self) -> int:
        states = self.states()
        return sum(states.get(state, 0) for state in ("planned", "claimed", "in_doubt"))

    def states(self) -> dict[str, int]:
        with self.engine.connect() as conn:
            rows = conn.execute(select(contact.c.state, func.count()).group_by(contact.c.state))
            return dict(rows.all())

    def twice(self) -> int:
        with self.engine.connect() as conn:
            return int(
                conn.execute(select(func.count()).where(contact.c.reason == "twice")).scalar_one()
            )

    def times_contacted(self) -> Counter[str]:
        with open_reader(self.state) as reader:
            return Counter(message.recipient for message in reader.scan())

    def broken_promises(self) -> list[str]:
        with self.engine.begin() as conn:
            checked = audit(conn, read_book("shop"), 1)
        return [f"{each.promise}: {each.accounts}" for each in checked if each.broken]

    def _start(self, *arguments: str) -> "subprocess.Popen[str]":
        role, *rest = arguments
        errors = (self.folder / f"{role}.log").open("a")
        return subprocess.Popen(
            [sys.executable, "-m", "tests.kill_actors", role, str(self.file), *rest],
            env=self._environ,
            cwd=root(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )

    def _start_sandbox(self) -> "subprocess.Popen[str]":
        process = self._start("sandbox", str(self.port), str(self.state))
        give_up_at = time.monotonic() + 60
        while time.monotonic() < give_up_at:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    self.order_bad_days()
                    return process
            time.sleep(0.05)
        raise AssertionError("the sandbox did not start")

    def _tell_time(self) -> None:
        draft = self.file.with_suffix(".draft")
        draft.write_text(self.clock.now().isoformat())
        draft.replace(self.file)  # whole, for those who read it meanwhile

    def _post(self, path: str, body: dict[str, object]) -> None:
        self._call(path, "POST", json.dumps(body).encode())

    def _delete(self, path: str) -> None:
        self._call(path, "DELETE", None)

    def _call(self, path: str, method: str, body: bytes | None) -> None:
        token = local_secrets()["DUNFLOW_SANDBOX_INBOX_TOKEN"]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            body,
            {"Authorization": f"Bearer {token}"},
            method=method,
        )
        urllib.request.urlopen(request, timeout=10).close()


def test_nothing_twice_and_nothing_lost_whatever_dies(
    home: Path, own_server: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUNFLOW_HOME", str(home))
    monkeypatch.setenv("DUNFLOW_PORTFOLIOS", str(home / "portfolios"))
    template = throwaway.ensure_template(own_server)
    deaths: Counter[str] = Counter()
    doubts = seasons = 0
    while deaths.total() < ROUNDS:
        dice = random.Random(f"{SEED}-{seasons}")
        folder = tmp_path / f"season-{seasons}"
        folder.mkdir()
        seasons += 1
        with throwaway.clone(own_server, template) as url:
            season = Season(home, folder, url, dice)
            try:
                for _ in range(min(ROUNDS_A_DAY, ROUNDS - deaths.total())):
                    if not season.open_contacts():
                        break
                    deaths[season.round()] += 1
                    left = season.states()
                    doubts += left.get("claimed", 0) + left.get("in_doubt", 0)
                season.finish()
                times = season.times_contacted()
                told = f"seed {SEED}, season {seasons - 1}"
                assert len(times) == PEOPLE, f"{told}: {PEOPLE - len(times)} people lost"
                assert set(times.values()) == {1}, f"{told}: somebody was contacted twice"
                assert set(season.states()) <= {"accepted", "delivered"}, told
                assert season.twice() == 0, told
                assert season.broken_promises() == [], told
            finally:
                season.close()
    assert doubts > 0, "nothing was ever left half done: the deaths came at the wrong moments"
    print(f"seed {SEED}: {seasons} days, deaths {dict(deaths)}, {doubts} contacts left half done")


def test_a_claim_outlives_a_crash_of_a_server_that_does_not_wait_for_its_disk(
    own_server: URL,
) -> None:
    """What is claimed is sent next: were it forgotten, it would be sent twice."""
    template = throwaway.ensure_template(own_server)
    with throwaway.clone(own_server, template) as url:
        engine = make_engine(url)
        with engine.begin() as conn:
            assert conn.exec_driver_sql("SHOW synchronous_commit").scalar() == "off"
            conn.execute(insert(portfolio).values(name="shop"))
        for tried in range(5):
            with engine.begin() as conn:
                claim(conn, book(), 1, ["sms"], MORNING, 100)
                conn.execute(insert(portfolio).values(name=f"claimed {tried}"))
            crash(url)
            wait_for(engine)
            with engine.connect() as conn:
                names = conn.execute(select(portfolio.c.name)).scalars().all()
            assert f"claimed {tried}" in names
        engine.dispose()
