"""Automated calls through the real SDK: what is told to Twilio, and what its answers mean."""

import json
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from dunflow.remind.senders.outcome import (
    Absent,
    Accepted,
    Busy,
    Down,
    OneOf,
    Question,
    Refused,
    Seen,
    Unknown,
)
from dunflow.remind.senders.twilio_voice import TwilioVoice

TO = "+8613812345678"
LIMITED = "您好，这里是示例，有一则留言给张三。"
DEBT = "您尾号0423的借款应还1,300.00元。"


@pytest.fixture
def call(sms):
    def make(**changes: object):
        given = {"channel": "voice", "to": TO, "subject": LIMITED, "body": DEBT, "language": "zh"}
        return sms(**(given | changes))

    return make


def make_sender(url: str, **changes: Any) -> TwilioVoice:
    given = {
        "account_sid": "AC" + "5" * 32,
        "auth_token": "the-auth-token",
        "sender": "+15005550006",
        "base_url": url,
    }
    return TwilioVoice(**(given | changes))


def question(since, to: str = TO, provider_id: str | None = None) -> Question:
    return Question(1, "k7Qm2x", to, provider_id, since)


@pytest.mark.parametrize("receiver_url", [None, "https://hooks.example.com"])
def test_the_debt_is_not_told_before_somebody_has_answered(
    provider, reply, call, now, receiver_url
):
    twilio = provider(lambda _: reply(500))
    make_sender(twilio.url, receiver_url=receiver_url).send(call(), now=now)
    form = parse_qs(twilio.requests[0].partition(b"\r\n\r\n")[2].decode())
    assert not any("1,300" in value for values in form.values() for value in values)
    assert form["MachineDetection"] == ["DetectMessageEnd"]


def test_with_a_receiver_the_reference_travels_in_the_urls(provider, reply, call, now):
    twilio = provider(lambda _: reply(500))
    make_sender(twilio.url, receiver_url="https://hooks.example.com").send(call(), now=now)
    form = parse_qs(twilio.requests[0].partition(b"\r\n\r\n")[2].decode())
    assert form["Url"] == ["https://hooks.example.com/twilio/calls/k7Qm2x/answer"]
    assert form["StatusCallback"] == ["https://hooks.example.com/twilio/calls/k7Qm2x/status"]
    assert form["StatusCallbackEvent"] == ["initiated", "completed"]
    assert "Twiml" not in form


def test_without_one_everybody_hears_the_limited_message_in_their_language(
    provider, reply, call, now
):
    twilio = provider(lambda _: reply(500))
    make_sender(twilio.url).send(call(subject="A & B's <friend>", language="en"), now=now)
    form = parse_qs(twilio.requests[0].partition(b"\r\n\r\n")[2].decode())
    assert "A &amp; B's &lt;friend&gt;" in form["Twiml"][0]
    assert 'language="en-GB"' in form["Twiml"][0]


def test_a_call_is_accepted_under_its_id(sandbox, call, now):
    outcome = make_sender(sandbox.url).send(call(), now=now)
    assert isinstance(outcome, Accepted)
    assert outcome.provider_id.startswith("CA")


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("+15005550001", Refused("21217", "address")),
        ("+15005550004", Refused("21216", "address")),
        ("+15005550003", Refused("21215", "message")),
    ],
)
def test_what_twilio_refuses_says_whose_fault_it_is(sandbox, call, now, to, expected):
    assert make_sender(sandbox.url).send(call(to=to), now=now) == expected


def test_wrong_credentials_are_the_senders_fault(sandbox, call, now):
    assert isinstance(make_sender(sandbox.url, auth_token="x").send(call(), now=now), Down)


def test_a_reply_about_another_call_is_no_acceptance(provider, reply, call, now):
    body = b'{"sid": "CA' + b"a" * 32 + b'", "to": "+8613800000000", "status": "queued"}'
    twilio = provider(lambda _: reply(201, body))
    assert isinstance(make_sender(twilio.url).send(call(), now=now), Unknown)


@pytest.mark.parametrize("answer", ["nothing", "error"])
def test_a_reply_that_is_lost_leaves_it_in_doubt(provider, reply, call, now, answer):
    twilio = provider(lambda _: reply(503) if answer == "error" else None)
    assert isinstance(make_sender(twilio.url).send(call(), now=now), Unknown)
    assert len(twilio.requests) == 1


def test_a_closed_window_is_no_call(closed_port, call, now):
    late = call(valid_until=now - timedelta(seconds=1))
    assert make_sender(closed_port).send(late, now=now) == Busy("expired", 0.0)


@pytest.mark.parametrize(
    ("digits", "result", "answered_by"),
    [
        ("5678", "delivered", "human"),
        ("9901", "delivered", "machine_end_beep"),
        ("9906", "delivered", "unknown"),
        ("9905", "undelivered", "fax"),
        ("9907", "undelivered", "no-answer"),
        ("9908", "undelivered", "busy"),
        ("9909", "undelivered", "failed"),
    ],
)
def test_who_answered_is_learnt_by_asking(sandbox, call, now, digits, result, answered_by):
    sender = make_sender(sandbox.url)
    to = f"+861381234{digits}"
    sent = sender.send(call(to=to), now=now)
    assert isinstance(sent, Accepted)
    (early,) = sender.ask([question(now, to, sent.provider_id)])
    assert early == Seen(sent.provider_id, now)
    sandbox.clock.move_to(now + timedelta(minutes=1))
    (seen,) = sender.ask([question(now, to, sent.provider_id)])
    assert isinstance(seen, Seen)
    assert (seen.result, seen.answered_by) == (result, answered_by)


def test_a_call_without_an_id_is_one_of_those_to_its_number_since(sandbox, call, now):
    sender = make_sender(sandbox.url)
    assert sender.ask([question(now)]) == [Absent()]
    sent = sender.send(call(), now=now)
    sender.send(call(to="+8613800000000"), now=now)
    assert isinstance(sent, Accepted)
    assert sender.ask([question(now)]) == [OneOf((Seen(sent.provider_id, now),))]
    assert sender.ask([question(now + timedelta(hours=1))]) == [Absent()]


def test_a_persons_own_call_by_the_same_number_is_none_of_ours(provider, reply, now):
    made = {"date_created": format_datetime(now), "to": TO, "status": "completed"}
    calls = [
        made | {"sid": f"CA{letter * 32}", "direction": direction}
        for letter, direction in [("a", "outbound-dial"), ("b", "outbound-api"), ("c", "inbound")]
    ]
    page = {"calls": calls, "next_page_uri": None, "page": 0, "page_size": 50}
    twilio = provider(lambda _: reply(200, json.dumps(page).encode()))
    (found,) = make_sender(twilio.url).ask([question(now)])
    assert isinstance(found, OneOf)
    assert [each.provider_id for each in found.seen] == ["CA" + "b" * 32]
