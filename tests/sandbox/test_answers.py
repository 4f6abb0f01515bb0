"""People who write back: to the receiver, and to what Twilio itself knows of them."""

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine, select
from twilio.base.exceptions import TwilioRestException

from dunflow.clock import DatabaseClock, VirtualClock
from dunflow.intake.receiver.app import create_app as create_receiver
from dunflow.intake.receiver.desk import Desk
from dunflow.intake.receiver.keys import WEBHOOK_SECRET, read_keys
from dunflow.ledger.tables import opt_out, reply
from dunflow.remind.senders.choose import make_email
from dunflow.remind.senders.outcome import Accepted, Message
from dunflow.sandbox.app import create_app
from dunflow.sandbox.serve import bind, serve
from tests.remind.contacts import Outbox, outbox_of
from tests.sandbox.conftest import CREDENTIALS, NOW, Sandbox

FROM, OTHER, SERVICE = "+15005550006", "+15005550010", "MG" + "0" * 32
TO = "+8613812345678"


def write_back(sandbox: Sandbox, text: str, to: str = FROM, sender: str = TO) -> None:
    requests.post(
        f"{sandbox.url}/_sandbox/answers",
        json={"from": sender, "to": to, "text": text},
        headers={"Authorization": f"Bearer {CREDENTIALS.inbox_token}"},
        timeout=5,
    ).raise_for_status()


def refused(sandbox: Sandbox, **sender: str) -> int | None:
    """The code with which a text to the person is refused; None: it is taken."""
    try:
        sandbox.twilio().messages.create(to=TO, body="hi", **sender)
    except TwilioRestException as err:
        return int(err.code)
    return None


@pytest.mark.parametrize("word", ["STOP", " stop ", "Unsubscribe"])
def test_who_said_stop_gets_no_more_from_that_number_until_start(
    sandbox: Sandbox, word: str
) -> None:
    write_back(sandbox, word)
    assert refused(sandbox, from_=FROM) == 21610
    assert refused(sandbox, from_=OTHER) is None
    write_back(sandbox, "Start")
    assert refused(sandbox, from_=FROM) is None


def test_a_stop_to_a_messaging_service_is_the_services(sandbox: Sandbox) -> None:
    write_back(sandbox, "STOP", to=SERVICE)
    assert refused(sandbox, messaging_service_sid=SERVICE) == 21610
    assert refused(sandbox, from_=FROM) is None


def test_a_sentence_with_stop_in_it_is_none_to_twilio(sandbox: Sandbox) -> None:
    write_back(sandbox, "Stop please")
    assert refused(sandbox, from_=FROM) is None


def test_twilio_remembers_a_stop_when_it_is_started_anew(tmp_path: Path) -> None:
    for known in (None, 21610):
        app = create_app(tmp_path, credentials=CREDENTIALS, clock=VirtualClock(NOW))
        with serve(app) as url:
            sandbox = Sandbox(url, tmp_path, VirtualClock(NOW))
            assert refused(sandbox, from_=FROM) == known
            write_back(sandbox, "STOP")


@pytest.fixture(params=["", "a-shared-secret"], ids=["HMAC-SHA1", "HMAC-SHA256"])
def wired(
    request: pytest.FixtureRequest, ledger: Engine, tmp_path: Path
) -> Iterator[tuple[Sandbox, Outbox]]:
    """A sandbox that tells a receiver, signed by either of Twilio's algorithms."""
    box = outbox_of(ledger)
    listener = bind(0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    keys = read_keys(
        {
            "DUNFLOW_RECEIVER_URL": url,
            "DUNFLOW_SANDBOX_AUTH_TOKEN": "" if request.param else CREDENTIALS.auth_token,
            WEBHOOK_SECRET: request.param,
        }
    )
    desk = Desk(ledger, DatabaseClock(ledger), lambda: {box.book.name: box.book})
    app = create_app(
        tmp_path,
        credentials=CREDENTIALS,
        clock=VirtualClock(NOW),
        receiver_url=url,
        webhook_secret=request.param or None,
    )
    port = int(url.rsplit(":", 1)[1])
    with serve(create_receiver(desk, keys), port=port), serve(app) as sandbox:
        yield Sandbox(sandbox, tmp_path, VirtualClock(NOW)), box


def test_a_stop_reaches_the_receiver_and_binds_at_once(wired: tuple[Sandbox, Outbox]) -> None:
    sandbox, box = wired
    row = box.row(box.put("planned"))
    with box.engine.begin() as conn:
        phone = conn.exec_driver_sql("SELECT phone FROM customer").scalar_one()
    write_back(sandbox, "STOP", sender=phone)
    give_up_at = time.monotonic() + 10
    while not (bound := _opted_out(box)):
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    assert (row.customer_id, None) in bound
    assert (None, phone) in bound


@pytest.mark.parametrize("wired", [""], indirect=True)
def test_an_answer_by_mail_reaches_the_receiver_with_what_it_quotes(
    wired: tuple[Sandbox, Outbox],
) -> None:
    sandbox, box = wired
    row = box.row(box.put("accepted", channel="email"))
    email = box.book.portfolio.senders.email
    assert email
    mail = Message(
        reference=row.reference,
        channel="email",
        to=row.address,
        body=f"Your reference: {row.reference}\nTo stop emails, reply with the word STOP.",
        subject="Your account",
        html=None,
        valid_until=NOW + dt.timedelta(hours=1),
    )
    environ = {
        "DUNFLOW_SANDBOX_URL": sandbox.url,
        "DUNFLOW_SANDBOX_API_KEY": CREDENTIALS.api_key,
    }
    assert isinstance(make_email(email, environ).send(mail, now=NOW), Accepted)
    write_back(sandbox, "I have never had such a loan", to=email.answered_at, sender=row.address)
    give_up_at = time.monotonic() + 10
    while not (kept := _replies(box)):
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    assert kept == [(row.customer_id, "dispute", "I have never had such a loan")]
    assert not _opted_out(box)


def _replies(box: Outbox) -> list[tuple[int | None, str, str]]:
    with box.engine.connect() as conn:
        rows = conn.execute(select(reply.c.customer_id, reply.c.kind, reply.c.body))
        return [tuple(row) for row in rows]


def _opted_out(box: Outbox) -> list[tuple[int | None, str | None]]:
    with box.engine.connect() as conn:
        rows = conn.execute(select(opt_out.c.customer_id, opt_out.c.address))
        return [(row.customer_id, row.address) for row in rows]
