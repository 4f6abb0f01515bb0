"""Who says no is heard while a drain is at work, and is told so once.

The real receiver and dispatcher, the providers' SDKs, and a sandbox in which people answer.
"""

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, select, update

from dunflow import day as stages
from dunflow.clock import VirtualClock
from dunflow.config.book import Book
from dunflow.intake.receiver.app import create_app as create_receiver
from dunflow.intake.receiver.desk import Desk
from dunflow.intake.receiver.keys import read_keys
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import account, contact, opt_out, reply, sender_fault
from dunflow.remind.dispatch import Dispatcher
from dunflow.sandbox.app import create_app as create_sandbox
from dunflow.sandbox.credentials import VARIABLES, Credentials
from dunflow.sandbox.serve import bind, serve
from dunflow.sandbox.store import open_reader
from dunflow.scenario.model import Scenario
from dunflow.scenario.run import Story, book_of
from dunflow.scenario.world import World
from dunflow.snapshot.pull import Pull

HERE = Path(__file__).parents[1] / "scenarios/own/law.yaml"
DATE = dt.date(2026, 3, 2)
TEN = dt.datetime(2026, 3, 3, 2, 0, tzinfo=dt.UTC)  # 10:00 in Shanghai
ANN, BO = "+8613800138001", "+8613800138002"
STORY: dict[str, Any] = {
    "scenario": "heard",
    "policy": "often",
    "policy_changes": {"packs": ["cn-consumer"]},
    "customers": {"Ann": {"phone": ANN}, "Bo": {"phone": BO, "language": "en"}},
    "accounts": {
        # One contact of a customer at a time, so the drain claims Ann's second one separately.
        "A1": {"customer": "Ann", "due": "2026-03-01", "overdue": "400.00"},
        "A2": {"customer": "Ann", "due": "2026-03-01", "overdue": "300.00"},
        "B1": {"customer": "Bo", "due": "2026-03-01", "overdue": "200.00"},
    },
    "timeline": [],
    "expect": {},
}


class Town:
    """A lender with a receiver, a provider, and people who answer it."""

    def __init__(
        self, engine: Engine, book: Book, clock: VirtualClock, sandbox: str, state: Path,
        credentials: Credentials,
    ) -> None:  # fmt: skip
        self.engine, self.book, self.clock = engine, book, clock
        self.sandbox, self.state, self.credentials = sandbox, state, credentials
        self.environ = {name: getattr(credentials, key) for key, name in VARIABLES.items()}
        self.environ["DUNFLOW_SANDBOX_URL"] = sandbox
        with engine.begin() as conn:
            self.portfolio_id = portfolio_id_of(conn, book.name)

    def decide(self) -> None:
        world = World(Scenario.model_validate(STORY), self.book.portfolio.calendar)
        day = stages.Day(self.engine, self.book, DATE, self.clock, self.environ)
        stages.snapshot(
            day, Pull(world.rows(DATE, TEN), self.book.portfolio.calendar.close_of(DATE))
        )
        stages.gate(day)
        stages.decide(day)

    def drain(self, between: Any = None) -> None:
        parts = self.engine, self.book, self.portfolio_id, self.clock, self.environ
        with Dispatcher(*parts, threads=1) as dispatcher:
            dispatcher.drain(["sms"], between)

    def ask_sandbox(self, path: str, **what: Any) -> None:
        token = {"Authorization": f"Bearer {self.credentials.inbox_token}"}
        url = f"{self.sandbox}/_sandbox/{path}"
        requests.post(url, json=what, headers=token, timeout=5).raise_for_status()

    def bad_day(self, **what: Any) -> None:
        self.ask_sandbox("faults", channel="sms", **what)

    def answer(self, who: str, text: str) -> None:
        """A person writes; back once the receiver has it."""
        before = self.count(reply)
        self.ask_sandbox("answers", **{"from": who, "to": "+15005550006", "text": text})
        until = time.monotonic() + 20
        while self.count(reply) == before and time.monotonic() < until:
            time.sleep(0.02)
        assert self.count(reply) == before + 1

    def count(self, table: Any) -> int:
        with self.engine.connect() as conn:
            return len(conn.execute(select(table)).all())

    def states(self) -> dict[str, tuple[str, str | None]]:
        with self.engine.connect() as conn:
            rows = conn.execute(
                select(account.c.account_ref, contact.c.state, contact.c.reason).join(
                    contact, contact.c.account_id == account.c.account_id
                )
            )
            return {ref: (state, reason) for ref, state, reason in rows}

    def sent(self) -> list[tuple[str, str]]:
        """Recipient and text of each message that the provider has, the oldest first."""
        with open_reader(self.state) as reader:
            return [(each.recipient, each.body) for each in reader.scan()]

    def told(self, who: str) -> list[str]:
        """What this person was sent but for reminders."""
        return [body for to, body in self.sent() if to == who and "还款" not in body]


@pytest.fixture
def town(ledger: Engine, tmp_path: Path) -> Iterator[Town]:
    credentials = Credentials("AC" + "5" * 32, "the-auth-token", "SG.the.key", "the-inbox-token")
    book = book_of(Story(HERE, Scenario.model_validate(STORY)))
    clock = VirtualClock(TEN)
    listener = bind(0)
    port = listener.getsockname()[1]
    listener.close()
    public = f"http://127.0.0.1:{port}"
    keys = read_keys(
        {"DUNFLOW_RECEIVER_URL": public, "DUNFLOW_SANDBOX_AUTH_TOKEN": credentials.auth_token}
    )
    desk = Desk(ledger, clock, lambda: {book.name: book})
    sandbox = create_sandbox(tmp_path, credentials=credentials, clock=clock, receiver_url=public)
    with serve(create_receiver(desk, keys), port=port), serve(sandbox) as url:
        town = Town(ledger, book, clock, url, tmp_path, credentials)
        town.decide()
        yield town


def test_a_no_in_the_middle_of_a_drain_holds_for_its_next_claim(town: Town) -> None:
    said: list[int] = []

    def between(_: int) -> None:
        if not said:
            said.append(1)
            town.answer(ANN, "别再发了")

    town.drain(between)
    assert town.states() == {
        "A1": ("accepted", None),
        "B1": ("accepted", None),
        "A2": ("cancelled", "opt_out.sms"),
    }
    assert sorted(to for to, _ in town.sent()) == [ANN, BO]


def test_who_says_no_is_told_once_that_it_was_heard(town: Town) -> None:
    town.drain()
    town.answer(ANN, "请不要再给我发短信")
    town.drain()
    [told] = town.told(ANN)
    assert told.startswith("【测试贷款】已收到您的退订要求")
    town.answer(ANN, "说了别再发短信")
    town.drain()
    town.drain()
    assert town.told(ANN) == [told]
    with town.engine.connect() as conn:
        said = select(opt_out.c.confirmed_at).where(opt_out.c.address == ANN)
        assert conn.execute(said).scalars().all() == [TEN]


def test_it_is_told_in_the_persons_language(town: Town) -> None:
    town.answer(BO, "please stop texting me")
    town.drain()
    [told] = town.told(BO)
    assert "we have stopped texts to this number" in told
    assert "400-000-0000" in told


def test_what_the_provider_confirms_by_itself_is_not_confirmed_twice(town: Town) -> None:
    town.answer(BO, " Stop ")
    town.answer(ANN, "Stop!")  # which Twilio knows not
    town.drain()
    assert town.told(BO) == []
    assert len(town.told(ANN)) == 1


@pytest.mark.parametrize("later", [dt.timedelta(minutes=6), dt.timedelta(hours=12)])
def test_nobody_is_told_too_late_or_at_night(town: Town, later: dt.timedelta) -> None:
    if later > dt.timedelta(hours=1):
        town.clock.move_to(TEN + later)  # 22:00
        town.answer(BO, "please stop texting me")
    else:
        town.answer(BO, "please stop texting me")
        town.clock.move_to(TEN + later)
    town.drain()
    assert town.told(BO) == []


def test_who_said_start_in_between_is_told_nothing(town: Town) -> None:
    town.answer(BO, "please stop texting me")
    town.answer(BO, "START")
    town.drain()
    assert [body for body in town.told(BO) if "stopped" in body] == []


def test_a_stopped_channel_confirms_nothing_either(town: Town) -> None:
    from dunflow.remind import brake

    with town.engine.begin() as conn:
        brake.pull(conn, town.portfolio_id, "sms", "a test", "ann", TEN)
    town.answer(BO, "please stop texting me")
    town.drain()
    assert town.sent() == []


def test_a_worker_that_died_in_the_call_does_not_call_again(town: Town) -> None:
    town.answer(BO, "please stop texting me")
    with town.engine.begin() as conn:
        conn.execute(update(opt_out).where(opt_out.c.address == BO).values(confirmation="MARKED"))
    town.drain()
    assert town.told(BO) == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_confirmation_that_the_provider_was_too_busy_for_is_tried_again(
    town: Town, times: int
) -> None:
    town.answer(ANN, "别再发了")
    town.bad_day(kind="http_429", times=times, recipient=ANN)
    town.drain()
    assert len(town.told(ANN)) == (times == 1)
    town.clock.move_to(TEN + dt.timedelta(minutes=2))
    town.drain()
    town.drain()
    assert len(town.told(ANN)) == 1


def test_a_sender_at_fault_for_a_confirmation_is_known_and_loses_none(town: Town) -> None:
    town.answer(ANN, "别再发了")
    town.bad_day(kind="bad_credentials", times=1)
    town.drain()
    with town.engine.connect() as conn:
        assert conn.execute(select(sender_fault.c.code)).scalars().all() == ["20003"]
    assert town.sent() == []
    town.clock.move_to(TEN + dt.timedelta(minutes=2))
    town.drain()  # tries with a contact, and finds that the sender works
    town.drain()
    assert len(town.told(ANN)) == 1


def test_a_confirmation_whose_call_was_cut_off_is_not_tried_again(town: Town) -> None:
    town.answer(ANN, "别再发了")
    town.bad_day(kind="timeout_after_accept", times=1, recipient=ANN)
    for minutes in (0, 2):
        town.clock.move_to(TEN + dt.timedelta(minutes=minutes))
        town.drain()
    assert len(town.told(ANN)) == 1


def test_a_pack_without_a_word_on_it_lets_nobody_confirm() -> None:
    changed = STORY | {"policy_changes": {"packs": ["cn-consumer", "uk"]}}
    book = book_of(Story(HERE, Scenario.model_validate(changed)))
    assert book.floor.confirms_within is None
