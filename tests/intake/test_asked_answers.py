"""What people text while no receiver hears it is asked for: the real SDK against the sandbox."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine, select

from dunflow.clock import VirtualClock
from dunflow.config.portfolio import Sender, Senders
from dunflow.errors import SourceError
from dunflow.intake import answers
from dunflow.intake.receiver.desk import Desk
from dunflow.intake.replies import Reply
from dunflow.ledger.tables import opt_out, reply
from dunflow.sandbox.app import create_app
from dunflow.sandbox.credentials import VARIABLES, Credentials
from dunflow.sandbox.serve import serve
from tests.remind.contacts import NOW, Outbox, outbox_of

OURS = "+15005550006"
CREDENTIALS = Credentials("AC" + "5" * 32, "the-auth-token", "SG.the.key", "the-inbox-token")


@dataclass
class Provider:
    """Twilio, whom nobody told where a receiver is."""

    url: str
    clock: VirtualClock

    @property
    def environ(self) -> dict[str, str]:
        own = {variable: getattr(CREDENTIALS, key) for key, variable in VARIABLES.items()}
        return own | {"DUNFLOW_SANDBOX_URL": self.url}

    def hears(self, who: str, text: str, to: str = OURS) -> None:
        requests.post(
            f"{self.url}/_sandbox/answers",
            json={"from": who, "to": to, "text": text},
            headers={"Authorization": "Bearer the-inbox-token"},
            timeout=5,
        ).raise_for_status()

    def lists(self) -> list[dict[str, str]]:
        url = f"{self.url}/2010-04-01/Accounts/{CREDENTIALS.account_sid}/Messages.json"
        asked = {"To": OURS}
        auth = (CREDENTIALS.account_sid, CREDENTIALS.auth_token)
        listed: list[dict[str, str]] = requests.get(url, asked, auth=auth, timeout=5).json()[
            "messages"
        ]
        return listed


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    clock = VirtualClock(NOW)
    with serve(create_app(tmp_path, credentials=CREDENTIALS, clock=clock)) as url:
        yield Provider(url, clock)


@pytest.fixture
def box(ledger: Engine) -> Outbox:
    return outbox_of(ledger)


def take(box: Outbox, provider: Provider) -> dict[str, int]:
    now = provider.clock.now()
    return answers.take_answers(box.engine, box.book, provider.environ, "test", now)


def test_a_no_that_nobody_told_us_binds_once_it_was_asked_for(
    box: Outbox, provider: Provider
) -> None:
    row = box.row(box.put("accepted"))
    provider.hears(row.address, "退订")
    provider.hears(row.address, "不要再给我打电话")
    provider.clock.move_to(NOW + dt.timedelta(minutes=5))
    assert take(box, provider) == {"new": 2, "known": 0, "rejected": 0}
    bound = select(opt_out.c.channel, opt_out.c.since_at).where(opt_out.c.address == row.address)
    said = select(reply.c.customer_id, reply.c.received_at)
    with box.engine.connect() as conn:
        learnt = provider.clock.now()  # it binds from when we know of it
        channels = {(each.channel, each.since_at) for each in conn.execute(bound)}
        assert channels == {("sms", learnt), ("voice", learnt), ("call", learnt)}
        assert {tuple(each) for each in conn.execute(said)} == {(row.customer_id, NOW)}
    assert take(box, provider) == {"new": 0, "known": 2, "rejected": 0}


def test_what_the_receiver_heard_is_not_taken_again(box: Outbox, provider: Provider) -> None:
    who = box.row(box.put("accepted")).address
    provider.hears(who, "hello")
    [told] = provider.lists()
    assert (told["direction"], told["status"], told["from"]) == ("inbound", "received", who)
    desk = Desk(box.engine, VirtualClock(NOW), lambda: {box.book.name: box.book})
    desk.receive([OURS], Reply(told["sid"], "sms", "hello", NOW, who))
    assert take(box, provider) == {"new": 0, "known": 1, "rejected": 0}


def test_a_later_yes_is_not_undone_by_an_older_no(box: Outbox, provider: Provider) -> None:
    who = box.row(box.put("accepted")).address
    provider.hears(who, "退订")
    provider.clock.move_to(NOW + dt.timedelta(minutes=2))
    desk = Desk(box.engine, provider.clock, lambda: {box.book.name: box.book})
    desk.receive([OURS], Reply("SM0", "sms", "START", provider.clock.now(), who))
    assert take(box, provider)["new"] == 1
    with box.engine.connect() as conn:
        standing = select(opt_out.c.channel).where(opt_out.c.lifted_at.is_(None))
        assert conn.execute(standing).all() == []


def test_only_what_came_to_our_number_in_a_day_is_read(box: Outbox, provider: Provider) -> None:
    provider.hears("+8613800138001", "STOP", to="+15005550007")
    provider.hears("+8613800138001", "STOP")
    provider.clock.move_to(NOW + dt.timedelta(days=2))
    assert take(box, provider) == {"new": 0, "known": 0, "rejected": 0}


def test_a_list_that_can_not_be_read_is_said(box: Outbox, provider: Provider) -> None:
    wrong = provider.environ | {"DUNFLOW_SANDBOX_AUTH_TOKEN": "another"}
    with pytest.raises(SourceError, match="credentials"):
        answers.take_answers(box.engine, box.book, wrong, "test", NOW)


@pytest.mark.parametrize(
    ("sender", "clock", "asked"),
    [
        (OURS, "real", True),
        (OURS, "replay", False),
        ("MG" + "1" * 32, "real", False),
        ("Lender", "real", False),
    ],
)
def test_a_number_of_this_year_is_asked_for(
    box: Outbox, sender: str, clock: str, asked: bool
) -> None:
    senders = Senders(sms=Sender(provider="sandbox", from_=sender))
    given = {"senders": senders, "clock": clock}
    book = replace(box.book, portfolio=box.book.portfolio.model_copy(update=given))
    assert answers.is_asked(book) is asked
