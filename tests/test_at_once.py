"""A daily run, the same run once more and two dispatchers, all at once: nobody hears twice."""

import datetime as dt
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from sqlalchemy import URL, Engine, func, select

from dunflow import day as stages
from dunflow.clock import VirtualClock
from dunflow.config.book import read_book
from dunflow.home import local_secrets
from dunflow.ledger.engine import make_engine, portfolio_id_of, portfolio_lock
from dunflow.ledger.tables import contact, decision, load
from dunflow.remind.dispatch import Dispatcher
from dunflow.report.audit import audit
from dunflow.sandbox.app import create_app
from dunflow.sandbox.credentials import read_credentials
from dunflow.sandbox.faults import Fault
from dunflow.sandbox.serve import serve
from dunflow.sandbox.store import open_reader
from dunflow.snapshot.pull import Pull
from dunflow.snapshot.source import pull
from tests.test_kill import _POLICY, _PORTFOLIO

PEOPLE = 300
DATE = dt.date(2026, 3, 2)
MORNING = dt.datetime(2026, 3, 3, 1, 0, tzinfo=dt.UTC)  # nine o'clock in Shanghai
FAULTS = ("timeout_after_accept", "timeout_before_accept", "http_429", "http_503_after_accept")


@pytest.fixture
def day(
    ledger: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[stages.Day, Path]]:
    """A date with a text or a mail for everybody, and the folder of a sandbox that often fails."""
    folder = tmp_path / "portfolios" / "shop"
    folder.mkdir(parents=True)
    (folder / "portfolio.yaml").write_text(yaml.safe_dump(_PORTFOLIO | {"clock": "real"}))
    (folder / "policy.yaml").write_text(yaml.safe_dump(_POLICY))
    rows = ["account,customer,due_on,overdue,name,phone,email"]
    for n in range(PEOPLE):
        due = "2026-03-01" if n % 2 else "2026-02-27"
        rows.append(f"A{n},C{n},{due},120.50,张三,+861349{n:07},c{n}@example.com")
    (folder / f"{DATE}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    monkeypatch.setenv("DUNFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("DUNFLOW_PORTFOLIOS", str(tmp_path / "portfolios"))
    secrets, clock = local_secrets(), VirtualClock(MORNING)
    app = create_app(tmp_path, credentials=read_credentials(secrets), clock=clock)
    with serve(app) as url:
        dice = random.Random(1)
        app.state.room.faults.scripted.extend(
            Fault(channel, kind, ratio=0.05, seed=dice.randrange(1000))
            for kind in FAULTS
            for channel in ("sms", "email")
        )
        environ = {**os.environ, **secrets, "DUNFLOW_SANDBOX_URL": url}
        yield stages.Day(ledger, read_book("shop"), DATE, clock, environ), tmp_path


def _open_contacts(engine: Engine) -> int:
    counted = select(func.count()).where(contact.c.state.in_(("planned", "claimed", "in_doubt")))
    with engine.connect() as conn:
        return int(conn.execute(counted).scalar_one())


def _dispatch(day: stages.Day, url: URL, over: threading.Event) -> None:
    """As another process would: again and again, on connections of its own."""
    engine = make_engine(url)
    with engine.begin() as conn:
        number = portfolio_id_of(conn, day.book.name)
    with Dispatcher(engine, day.book, number, day.clock, day.environ) as dispatcher:
        while not over.is_set():
            dispatcher.drain(["sms", "email"])
    engine.dispose()


def test_two_dispatchers_and_a_daily_run_twice_at_once_contact_nobody_twice(
    day: tuple[stages.Day, Path],
) -> None:
    opened, state = day
    assert isinstance(opened.clock, VirtualClock)
    over = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(_dispatch, opened, opened.engine.url, over) for _ in range(2)]
        try:
            for run in [pool.submit(stages.run, opened) for _ in range(2)]:
                run.result()
            give_up_at = MORNING + dt.timedelta(hours=8)
            while _open_contacts(opened.engine):
                assert opened.clock.now() < give_up_at
                opened.clock.move_to(opened.clock.now() + dt.timedelta(seconds=20))
                stages.remind(opened)
        finally:
            over.set()
        for worker in workers:
            worker.result()
    with open_reader(state) as reader:
        heard = Counter(message.recipient for message in reader.scan())
    assert (len(heard), set(heard.values())) == (PEOPLE, {1})
    with opened.engine.begin() as conn:
        assert conn.execute(select(func.count()).select_from(decision)).scalar_one() == PEOPLE
        checked = audit(conn, opened.book, portfolio_id_of(conn, opened.book.name))
    assert [each.promise for each in checked if each.broken] == []


def slow(day: stages.Day, meanwhile: Callable[[], object]) -> Pull:
    """What the source delivers, and what happens while it does."""
    given = pull(day.book, DATE, day.clock.now(), day.environ)
    assert given.frames is not None

    def frames(rows: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in rows:
            meanwhile()
            yield frame

    return replace(given, frames=frames(iter(given.frames)))


def test_nobody_waits_for_a_slow_core(day: tuple[stages.Day, Path]) -> None:
    opened, _ = day
    taken = []

    def take_lock() -> None:
        with portfolio_lock(opened.engine, opened.book.name):
            taken.append(True)

    stages.snapshot(opened, slow(opened, take_lock))
    assert taken


def test_who_began_later_and_was_quicker_has_the_newer_rows(day: tuple[stages.Day, Path]) -> None:
    opened, _ = day
    later = replace(opened, clock=VirtualClock(opened.clock.now() + dt.timedelta(minutes=1)))
    quicker = []

    def load_all() -> None:
        if not quicker:
            quicker.append(stages.snapshot(later))

    slower = stages.snapshot(opened, slow(opened, load_all))
    assert slower["snapshot"]["accounts"] == quicker[0]["snapshot"]["accounts"] == PEOPLE
    with opened.engine.connect() as conn:
        loaded_at = conn.execute(select(load.c.loaded_at)).scalar_one()
    assert loaded_at == later.clock.now()
