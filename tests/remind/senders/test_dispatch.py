"""How calls to providers are spread over time, and what they are told of it."""

import datetime as dt
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import Engine, select

from dunflow.config.portfolio import Sender
from dunflow.ledger.tables import sender_rate
from dunflow.remind.claim import Batch
from dunflow.remind.dispatch import Dispatcher
from dunflow.remind.drained import Drained
from dunflow.remind.lease import Claimed
from tests.remind.contacts import NOW, Outbox, outbox_of


class Standing:
    """A clock of production, in which time passes, that says the same each time."""

    def now(self) -> dt.datetime:
        return NOW


@pytest.fixture
def box(ledger: Engine) -> Outbox:
    return outbox_of(ledger)


def with_sender(box: Outbox, channel: str, **given: Any) -> Outbox:
    sender = Sender.model_validate({"provider": "sandbox"} | given)
    senders = box.book.portfolio.senders.model_copy(update={channel: sender})
    portfolio = box.book.portfolio.model_copy(update={"senders": senders})
    return replace(box, book=replace(box.book, portfolio=portfolio))


def dispatcher(box: Outbox, environ: dict[str, str] | None = None) -> Dispatcher:
    return Dispatcher(box.engine, box.book, box.portfolio_id, Standing(), environ or {})


def test_the_calls_of_all_numbers_of_an_account_keep_to_its_rate_together(box: Outbox) -> None:
    for number in ("+15005550006", "+15005550007"):
        with dispatcher(with_sender(box, "voice", **{"from": number})) as worker:
            worker.drain(["voice"])
    limited = with_sender(box, "voice", **{"from": "+15005550006"}, per_second="0.5")
    with dispatcher(limited) as worker:
        worker.drain(["voice"])
    with box.engine.connect() as conn:
        rates = conn.execute(select(sender_rate.c.sender)).scalars().all()
    assert sorted(rates) == ["sandbox voice", "sandbox voice +15005550006"]


def test_an_sms_that_waited_for_its_turn_ends_with_its_window_all_the_same(
    box: Outbox, provider: Any, reply: Any, sms: Any
) -> None:
    twilio = provider(lambda _: reply(201, b"{}"))
    environ = {
        "DUNFLOW_SANDBOX_URL": twilio.url,
        "DUNFLOW_SANDBOX_ACCOUNT_SID": "AC1",
        "DUNFLOW_SANDBOX_AUTH_TOKEN": "x",
    }
    batch = Batch(1, [Claimed(1, 1, sms(valid_until=NOW + dt.timedelta(seconds=10)))], first_s=1.5)
    with dispatcher(box, environ) as worker:
        worker.call(batch, 1, NOW, Drained()).wait()
    form = parse_qs(twilio.requests[0].partition(b"\r\n\r\n")[2].decode())
    assert int(form["ValidityPeriod"][0]) <= 8
