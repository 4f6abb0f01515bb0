"""SMS through the real SDK: what each behaviour of Twilio and of the network means."""

import json
import logging
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dunflow.remind.senders.outcome import Accepted, Busy, Down, Refused, Unknown
from dunflow.remind.senders.twilio import TwilioSms
from dunflow.sandbox.store import Filter, open_reader

SENDER = "+15005550006"


def make(url, *, token="the-auth-token", sender=SENDER, timeout_s=5.0):
    return TwilioSms(
        account_sid="AC" + "5" * 32,
        auth_token=token,
        sender=sender,
        base_url=url,
        timeout_s=timeout_s,
    )


def created(message, sid="SM" + "a" * 32, **changes):
    return json.dumps({"sid": sid, "to": message.to, "body": message.body} | changes).encode()


def test_an_accepted_message_carries_the_id_under_which_the_provider_keeps_it(sandbox, sms, now):
    outcome = make(sandbox.url).send(sms(), now=now)
    assert isinstance(outcome, Accepted)
    with open_reader(sandbox.state) as reader:
        [kept] = reader.newest(Filter(provider_id=outcome.provider_id), limit=2)
    assert (kept.recipient, kept.body, kept.sender) == (sms().to, sms().body, SENDER)


def test_the_provider_is_told_to_give_up_when_the_message_ends(sandbox, sms, now):
    make(sandbox.url).send(sms(), now=now)
    with open_reader(sandbox.state) as reader:
        [kept] = reader.scan()
    assert json.loads(kept.options)["ValidityPeriod"] == "3600"


def test_a_message_whose_time_is_over_is_not_sent(sandbox, sms, now):
    assert make(sandbox.url).send(sms(valid_until=now), now=now) == Busy("expired", 0.0)
    with open_reader(sandbox.state) as reader:
        assert list(reader.scan()) == []


def test_a_messaging_service_sends_in_place_of_a_number(sandbox, sms, now):
    outcome = make(sandbox.url, sender="MG" + "b" * 32).send(sms(), now=now)
    assert isinstance(outcome, Accepted)
    with open_reader(sandbox.state) as reader:
        [kept] = reader.scan()
    assert kept.sender is None


@pytest.mark.parametrize(
    ("to", "outcome"),
    [
        ("12345", Refused("21265", "address")),
        ("+861", Refused("21211", "address")),
        ("+15005550009", Refused("21614", "address")),
        ("+15005550004", Refused("21610", "opted_out")),
        ("+15005550002", Refused("21612", "message")),
    ],
)
def test_a_refused_number_says_what_is_to_blame(sandbox, sms, now, to, outcome):
    assert make(sandbox.url).send(sms(to=to), now=now) == outcome


@pytest.mark.parametrize("status", [400, 401, 403, 404])
@pytest.mark.parametrize(
    ("code", "blames"),
    [(21408, "message"), (21612, "message"), (21215, "message"), (21211, "address")],
)
def test_what_is_known_of_a_code_goes_before_the_status(
    provider, reply, sms, now, status, code, blames
):
    body = json.dumps({"code": code, "message": "no", "status": status}).encode()
    twilio = provider(lambda _: reply(status, body))
    assert make(twilio.url).send(sms(), now=now) == Refused(str(code), blames)


def test_a_text_too_long_is_at_fault_itself(sandbox, sms, now):
    outcome = make(sandbox.url).send(sms(body="long " * 400), now=now)
    assert outcome == Refused("21617", "text")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token": "another"}, "20003"),
        ({"sender": "+15005550001"}, "21212"),
        ({"sender": "+15005550007"}, "21606"),
    ],
)
def test_what_is_wrong_with_the_sender_is_not_blamed_on_the_message(
    sandbox, sms, now, changes, code
):
    outcome = make(sandbox.url, **changes).send(sms(), now=now)
    assert isinstance(outcome, Down)
    assert outcome.code == code


def test_a_full_queue_is_waited_for(sandbox, sms, now):
    outcome = make(sandbox.url, sender="+15005550008").send(sms(), now=now)
    assert outcome == Busy("21611", 60.0)


def test_too_many_requests_wait_as_long_as_the_provider_says(provider, reply, sms, now):
    body = b'{"code": 20429, "message": "Too Many Requests", "status": 429}'
    twilio = provider(lambda _: reply(429, body, {"Retry-After": "7"}))
    assert make(twilio.url).send(sms(), now=now) == Busy("20429", 7.0)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_leaves_it_open_and_is_not_tried_again(provider, reply, sms, now, status):
    twilio = provider(lambda _: reply(status, b'{"code": 20500, "message": "", "status": 500}'))
    assert isinstance(make(twilio.url).send(sms(), now=now), Unknown)
    assert len(twilio.requests) == 1


def test_a_connection_that_closes_without_a_reply_leaves_it_open(provider, sms, now):
    twilio = provider(lambda _: None)
    assert isinstance(make(twilio.url).send(sms(), now=now), Unknown)
    assert len(twilio.requests) == 1


def test_a_reply_that_breaks_off_leaves_it_open(provider, sms, now):
    half = b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{"
    answers = iter([half, None])
    twilio = provider(lambda _: next(answers))
    assert isinstance(make(twilio.url, timeout_s=0.3).send(sms(), now=now), Unknown)


def test_a_reply_that_never_comes_leaves_it_open_and_frees_the_worker(provider, never, sms, now):
    twilio = provider(never)
    began = time.monotonic()
    assert isinstance(make(twilio.url, timeout_s=0.3).send(sms(), now=now), Unknown)
    assert time.monotonic() - began < 3
    assert len(twilio.requests) == 1


def test_where_nobody_listens_nothing_was_sent(closed_port, sms, now):
    outcome = make(closed_port).send(sms(), now=now)
    assert isinstance(outcome, Busy)
    assert outcome.code == "ConnectionRefusedError"


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "+8613999999999"},
        {"body": "another text"},
        {"sid": "not a sid"},
        {"sid": None},
    ],
)
def test_a_reply_about_another_message_is_not_believed(provider, reply, sms, now, changes):
    twilio = provider(lambda _: reply(201, created(sms(), **changes)))
    assert isinstance(make(twilio.url).send(sms(), now=now), Unknown)


def test_an_error_of_something_in_between_says_nothing_about_the_message(provider, reply, sms, now):
    twilio = provider(lambda _: reply(400, b"<html>Bad Request</html>"))
    assert isinstance(make(twilio.url).send(sms(), now=now), Unknown)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["sid", "to", "body", "code", "status", "message", "date_sent", "type"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=8,
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(status=st.integers(200, 599), body=JSON.map(json.dumps) | st.text(max_size=30))
def test_whatever_the_provider_answers_becomes_an_outcome(provider, reply, sms, now, status, body):
    twilio = provider(lambda _: reply(status, body.encode(errors="replace")))
    outcome = make(twilio.url).send(sms(), now=now)
    twilio.close()
    # None of these replies names the message's number, so none of them may count as accepted.
    assert isinstance(outcome, Busy | Down | Refused | Unknown)
    if status >= 500:
        assert isinstance(outcome, Unknown)


def test_messages_share_one_connection(provider, reply, sms, now):
    twilio = provider(lambda _: reply(201, created(sms())))
    sender = make(twilio.url)
    assert all(isinstance(sender.send(sms(), now=now), Accepted) for _ in range(5))
    assert (twilio.connections, len(twilio.requests)) == (1, 5)


def test_a_connection_closed_while_idle_is_replaced_before_anything_is_written(
    provider, reply, sms, now
):
    twilio = provider(lambda _: reply(201, created(sms())))
    sender = make(twilio.url)
    assert isinstance(sender.send(sms(), now=now), Accepted)
    twilio.hang_up()
    assert isinstance(sender.send(sms(), now=now), Accepted)
    assert (twilio.connections, len(twilio.requests)) == (2, 2)


def test_the_environment_of_the_process_does_not_bend_the_address(sandbox, sms, now, monkeypatch):
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    assert isinstance(make(sandbox.url).send(sms(), now=now), Accepted)


def test_each_thread_gets_the_ids_of_its_own_messages(sandbox, sms, now):
    ids: dict[str, str] = {}

    def work(thread: int) -> None:
        sender = make(sandbox.url)
        for number in range(40):
            to = f"+86138{thread:04d}{number:04d}"
            ids[sender.send(sms(to=to), now=now).provider_id] = to

    threads = [threading.Thread(target=work, args=[thread]) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_reader(sandbox.state) as reader:
        assert {message.provider_id: message.recipient for message in reader.scan()} == ids
    assert len(ids) == 320


def test_nothing_personal_and_no_secret_is_logged(sandbox, sms, now, caplog):
    caplog.set_level(logging.DEBUG)
    sender = make(sandbox.url)
    sender.send(sms(), now=now)
    sender.send(sms(to="+15005550004"), now=now)
    make(sandbox.url, token="another-token").send(sms(), now=now)
    for secret in ("13812345678", "15005550004", "1,300.00", "the-auth-token", "another-token"):
        assert secret not in caplog.text
