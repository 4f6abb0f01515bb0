"""Automated calls as Twilio asks about them: who hears what, and what follows from it."""

import datetime as dt
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from sqlalchemy import Engine, insert, select, update
from twilio.request_validator import RequestValidator

from dunflow.clock import VirtualClock
from dunflow.config.portfolio import Sender
from dunflow.intake.receiver.app import create_app
from dunflow.intake.receiver.desk import Desk
from dunflow.intake.receiver.keys import read_keys
from dunflow.intake.replies import Reply
from dunflow.ledger.tables import (
    account,
    contact,
    contact_text,
    conversation,
    dead_address,
    opt_out,
    receipt,
    reply,
    result,
)
from dunflow.remind.senders.outcome import Accepted, Message
from dunflow.remind.senders.twilio_voice import TwilioVoice
from dunflow.sandbox.app import create_app as sandbox_app
from dunflow.sandbox.credentials import Credentials
from dunflow.sandbox.serve import serve
from dunflow.sandbox.store import open_reader
from tests.remind.contacts import NOW, Outbox, outbox_of

PUBLIC = "https://hooks.example.com"
TOKEN = "the-auth-token"
SID = "CA" + "a" * 32
LIMITED, DEBT = "您好，有一则留言。", "您尾号0423的借款应还1,300.00元。"


class Phone:
    """Somebody's phone, as Twilio tells of it."""

    def __init__(self, url: str, outbox: Outbox, contact_id: int) -> None:
        self._url, self._path = url, f"/twilio/calls/{outbox.row(contact_id).reference}"

    def post(self, path: str, *, signed: bool = True, **fields: str) -> requests.Response:
        whole = {"CallSid": SID, "AccountSid": "AC1"} | fields
        token = TOKEN if signed else "guessed"
        url = PUBLIC + self._path + path
        signature = RequestValidator(token).compute_signature(url, whole)
        headers = {"X-Twilio-Signature": signature}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return requests.post(
            self._url + self._path + path, data=urlencode(whole), headers=headers, timeout=5
        )

    def answered(self, by: str) -> str:
        return self.post("/answer", AnsweredBy=by, CallStatus="in-progress").text

    def pressed(self, digits: str, attempt: int = 1) -> str:
        return self.post(f"/keys/{attempt}", Digits=digits).text


@pytest.fixture
def outbox(ledger: Engine) -> Outbox:
    return outbox_of(ledger)


@pytest.fixture
def call(outbox: Outbox) -> int:
    """A call that was made, about the account 2609-0423."""
    made = outbox.put("accepted", channel="voice", provider_id=SID, accepted_at=NOW)
    with outbox.engine.begin() as conn:
        conn.execute(insert(contact_text).values(contact_id=made, subject=LIMITED, body=DEBT))
        its = select(contact.c.account_id).where(contact.c.contact_id == made)
        named = update(account).where(account.c.account_id == its.scalar_subquery())
        conn.execute(named.values(account_ref="2609-0423"))
    return made


@pytest.fixture
def phone(outbox: Outbox, call: int) -> Iterator[Phone]:
    environ = {"DUNFLOW_RECEIVER_URL": PUBLIC, "DUNFLOW_SANDBOX_AUTH_TOKEN": TOKEN}
    desk = Desk(outbox.engine, VirtualClock(NOW), lambda: {outbox.book.name: outbox.book})
    with serve(create_app(desk, read_keys(environ))) as url:
        yield Phone(url, outbox, call)


def rows(outbox: Outbox, table: object) -> list[object]:
    with outbox.engine.connect() as conn:
        return list(conn.execute(select(table)))  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "by", ["machine_end_beep", "machine_end_silence", "machine_start", "fax", "unknown", ""]
)
def test_a_machine_hears_the_limited_message_and_is_asked_nothing(phone: Phone, by: str) -> None:
    said = phone.answered(by)
    assert LIMITED in said
    assert "Gather" not in said
    assert "0423" not in said


def test_a_person_is_asked_who_they_are_before_they_hear_of_a_debt(phone: Phone) -> None:
    said = phone.answered("human")
    assert LIMITED in said
    assert 'numDigits="4"' in said
    assert f'action="{PUBLIC}/twilio/calls/' in said
    assert "借款" not in said


def test_the_digits_of_the_contract_open_the_message(outbox: Outbox, phone: Phone) -> None:
    assert DEBT in phone.pressed("0423")
    (kept,) = rows(outbox, receipt)
    assert kept.status == "identified"  # type: ignore[attr-defined]


@pytest.mark.parametrize("digits", ["", "1234", "04231", "<Say>"])
def test_other_digits_are_asked_for_once_more_and_then_no_more(phone: Phone, digits: str) -> None:
    again = phone.pressed(digits, 1)
    assert "keys/2" in again
    assert "1,300.00" not in again
    last = phone.pressed(digits, 2)
    assert "Gather" not in last
    assert "1,300.00" not in last


def test_an_account_without_digits_identifies_nobody(outbox: Outbox, phone: Phone) -> None:
    with outbox.engine.begin() as conn:
        conn.execute(update(account).values(account_ref="LOAN-A"))
    assert "Gather" not in phone.answered("human")
    assert "1,300.00" not in phone.pressed("")


def test_a_stranger_at_the_phone_ends_the_use_of_the_number(outbox: Outbox, phone: Phone) -> None:
    assert "1,300.00" not in phone.pressed("0")
    phone.pressed("0")
    dead = {row.channel for row in rows(outbox, dead_address)}  # type: ignore[attr-defined]
    assert dead == {"sms", "voice", "call"}
    assert len(rows(outbox, reply)) == 1


def test_nine_ends_automated_calls(outbox: Outbox, phone: Phone) -> None:
    phone.pressed("9")
    bound = {row.channel for row in rows(outbox, opt_out)}  # type: ignore[attr-defined]
    assert bound == {"voice"}


def test_who_texts_to_the_number_that_called_is_heard(outbox: Outbox, call: int) -> None:
    portfolio, who, caller = outbox.book.portfolio, outbox.row(call).address, "+15005550009"
    voice = Sender(provider="sandbox", from_=caller)
    senders = portfolio.senders.model_copy(update={"voice": voice})
    book = replace(outbox.book, portfolio=portfolio.model_copy(update={"senders": senders}))
    desk = Desk(outbox.engine, VirtualClock(NOW), lambda: {book.name: book})
    desk.receive([caller], Reply("SM1", "sms", "STOP", NOW, who))
    bound = {row.channel for row in rows(outbox, opt_out)}  # type: ignore[attr-defined]
    assert bound == {"sms", "voice"}
    desk.receive([caller], Reply("SM2", "sms", "START", NOW, who))
    assert all(row.lifted_at for row in rows(outbox, opt_out))  # type: ignore[attr-defined]


def test_what_nobody_signed_says_nothing(outbox: Outbox, phone: Phone) -> None:
    for path in ("/answer", "/keys/1", "/status"):
        refused = phone.post(path, signed=False, Digits="0423", CallStatus="completed")
        assert refused.status_code == 403
        assert LIMITED not in refused.text
    assert rows(outbox, receipt) == []


def test_a_call_that_is_none_of_ours_hears_nothing(outbox: Outbox, call: int, phone: Phone) -> None:
    with outbox.engine.begin() as conn:
        conn.execute(update(contact).values(state="cancelled"))
    assert "Say" not in phone.answered("human")
    assert "Say" not in phone.pressed("0423")


def test_who_talked_is_kept_once_however_often_it_is_told(
    outbox: Outbox, call: int, phone: Phone
) -> None:
    for _ in range(2):
        told = phone.post("/status", CallStatus="completed", AnsweredBy="human")
        assert told.status_code == 204
    assert outbox.state(call) == "delivered"
    (talk,) = rows(outbox, conversation)
    assert talk.held_at == NOW  # type: ignore[attr-defined]
    (came_to,) = rows(outbox, result)
    assert came_to.result == "reached"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("fields", "state", "came_to"),
    [
        ({"CallStatus": "initiated"}, "accepted", None),
        ({"CallStatus": "completed"}, "accepted", None),
        ({"CallStatus": "completed", "AnsweredBy": "machine_end_beep"}, "delivered", "machine"),
        ({"CallStatus": "completed", "AnsweredBy": "fax"}, "undelivered", "fax"),
        ({"CallStatus": "no-answer"}, "undelivered", "no_answer"),
        ({"CallStatus": "failed"}, "undelivered", "failed"),
    ],
)
def test_how_a_call_ended_is_kept_and_no_machine_is_a_talk(
    outbox: Outbox,
    call: int,
    phone: Phone,
    fields: dict[str, str],
    state: str,
    came_to: str | None,
) -> None:
    phone.post("/status", **fields)
    assert outbox.state(call) == state
    assert rows(outbox, conversation) == []
    kept = [row.result for row in rows(outbox, result)]  # type: ignore[attr-defined]
    assert kept == ([came_to] if came_to else [])


def test_the_first_callback_settles_a_call_whose_reply_was_lost(
    outbox: Outbox, call: int, phone: Phone
) -> None:
    with outbox.engine.begin() as conn:
        conn.execute(update(contact).values(state="in_doubt", provider_id=None, accepted_at=None))
    phone.post("/status", CallStatus="initiated")
    assert (outbox.state(call), outbox.row(call).provider_id) == ("accepted", SID)


def test_a_whole_call_tells_of_the_debt_once_the_digits_are_pressed(
    outbox: Outbox, call: int, tmp_path: Path
) -> None:
    number, reference = outbox.row(call).address, outbox.row(call).reference
    environ = {"DUNFLOW_RECEIVER_URL": PUBLIC, "DUNFLOW_SANDBOX_AUTH_TOKEN": TOKEN}
    desk = Desk(outbox.engine, VirtualClock(NOW), lambda: {outbox.book.name: outbox.book})
    receiver = create_app(desk, read_keys(environ))
    credentials = Credentials("AC" + "5" * 32, TOKEN, "SG.key", "the-inbox-token")
    with serve(receiver) as hooks, serve(sandbox_app(tmp_path, credentials=credentials)) as twilio:
        receiver.state.keys = read_keys(environ | {"DUNFLOW_RECEIVER_URL": hooks})
        requests.post(
            f"{twilio}/_sandbox/keys",
            json={"number": number, "digits": "0423"},
            headers={"Authorization": "Bearer the-inbox-token"},
            timeout=5,
        )
        sender = TwilioVoice(
            account_sid=credentials.account_sid,
            auth_token=TOKEN,
            sender="+15005550006",
            base_url=twilio,
            receiver_url=hooks,
        )
        until = NOW + dt.timedelta(hours=1)
        message = Message(reference, "voice", number, DEBT, LIMITED, None, until, "zh")
        assert isinstance(sender.send(message, now=NOW), Accepted)
        assert _heard(tmp_path, DEBT).startswith(LIMITED)


def _heard(state: Path, words: str) -> str:
    """What the call has said, once these words were among it."""
    for _ in range(100):
        with open_reader(state) as reader:
            said = "\n".join(message.body or "" for message in reader.scan())
        if words in said:
            return said
        time.sleep(0.1)
    raise AssertionError(f"heard only: {said}")
