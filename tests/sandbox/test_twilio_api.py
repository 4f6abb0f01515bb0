"""The sandbox's Twilio, read by the real SDK."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twilio.base.exceptions import TwilioException, TwilioRestException

FROM = "+15005550006"
TO = "+8613812345678"


def send(sandbox, to=TO, body="您好", **options):
    return sandbox.twilio().messages.create(to=to, from_=FROM, body=body, **options)


def test_the_sdk_reads_every_field_of_a_created_message(sandbox):
    message = send(sandbox, body="字" * 71)
    assert message.sid.startswith("SM")
    assert len(message.sid) == 34
    assert (message.to, message.from_, message.body) == (TO, FROM, "字" * 71)
    assert (message.status, message.direction) == ("queued", "outbound-api")
    assert (message.num_segments, message.num_media) == ("2", "0")
    assert message.date_created == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert (message.date_sent, message.price, message.error_code) == (None, None, None)


def test_a_messaging_service_chooses_the_sender_later(sandbox):
    service = "MG" + "a" * 32
    message = sandbox.twilio().messages.create(to=TO, messaging_service_sid=service, body="hi")
    assert (message.status, message.from_, message.num_segments) == ("accepted", None, "0")
    assert message.messaging_service_sid == service


def test_a_message_is_fetched_by_its_id(sandbox):
    message = send(sandbox)
    assert sandbox.twilio().messages(message.sid).fetch().body == "您好"


def test_an_unknown_id_is_not_found(sandbox):
    with pytest.raises(TwilioRestException) as caught:
        sandbox.twilio().messages("SM" + "0" * 32).fetch()
    assert (caught.value.status, caught.value.code) == (404, 20404)


def test_a_list_by_number_is_newest_first_and_has_those_not_sent_yet(sandbox):
    first, _, last = send(sandbox), send(sandbox, to="+8613800000000"), send(sandbox)
    assert [m.sid for m in sandbox.twilio().messages.list(to=TO)] == [last.sid, first.sid]


def test_a_list_is_read_page_by_page_to_its_end(sandbox):
    sent = [send(sandbox, body=f"number {n}").sid for n in range(7)]
    listed = sandbox.twilio().messages.list(to=TO, page_size=3)
    assert [m.sid for m in listed] == sent[::-1]


def test_pages_hold_while_new_messages_arrive(sandbox):
    sent = [send(sandbox, body=f"number {n}").sid for n in range(6)]
    page = sandbox.twilio().messages.page(to=TO, page_size=2)
    seen = [m.sid for m in page]
    while page := page.next_page():
        send(sandbox, body="in between")
        seen += [m.sid for m in page]
    assert seen == sent[::-1]


def test_a_page_by_number_alone_is_refused(sandbox):
    send(sandbox)
    with pytest.raises(TwilioException) as caught:
        list(sandbox.twilio().messages.page(to=TO, page_number=2, page_size=1))
    assert "20001" in caught.value.args[1].text


def test_a_filter_by_the_day_of_sending_leaves_out_what_was_not_sent(sandbox):
    send(sandbox)
    day = datetime(2026, 3, 2, tzinfo=UTC)
    assert sandbox.twilio().messages.list(date_sent_after=day - timedelta(days=1)) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "12"}, 21211),
        ({"to": "12345"}, 21265),
        ({"to": FROM}, 21266),
        ({"to": "+15005550001"}, 21211),
        ({"to": "+15005550002"}, 21612),
        ({"to": "+15005550003"}, 21408),
        ({"to": "+15005550004"}, 21610),
        ({"to": "+15005550009"}, 21614),
        ({"from_": "+15005550001"}, 21212),
        ({"from_": "+15005550007"}, 21606),
        ({"from_": "+15005550008"}, 21611),
        ({"body": ""}, 21602),
        ({"body": "x" * 1601}, 21617),
        ({"validity_period": 36001}, 21624),
        ({"status_callback": "http://dunflow_web/twilio"}, 21609),
    ],
)
def test_what_twilio_refuses_is_refused_with_its_code(sandbox, changes, code):
    request = {"to": TO, "from_": FROM, "body": "hi"} | changes
    with pytest.raises(TwilioRestException) as caught:
        sandbox.twilio().messages.create(**request)
    assert (caught.value.status, caught.value.code) == (400, code)
    assert sandbox.ask("/_sandbox/messages").json() == {"messages": []}


def test_a_wrong_token_is_refused_everywhere(sandbox):
    stranger = sandbox.twilio(token="another")
    sid = send(sandbox).sid
    for call in (
        lambda: stranger.messages.create(to=TO, from_=FROM, body="hi"),
        lambda: stranger.messages(sid).fetch(),
    ):
        with pytest.raises(TwilioRestException) as caught:
            call()
        assert (caught.value.status, caught.value.code) == (401, 20003)
    with pytest.raises(TwilioException):
        stranger.messages.list()


def test_a_header_that_looks_like_an_idempotency_key_protects_from_nothing(sandbox):
    url = f"{sandbox.url}/2010-04-01/Accounts/{'AC' + '5' * 32}/Messages.json"
    for _ in range(2):
        requests.post(
            url,
            data={"To": TO, "From": FROM, "Body": "hi"},
            auth=("AC" + "5" * 32, "the-auth-token"),
            headers={"I-Twilio-Idempotency-Token": "the-same"},
            timeout=5,
        ).raise_for_status()
    assert len(sandbox.ask("/_sandbox/messages").json()["messages"]) == 2


CONNECTION = requests.Session()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    form=st.dictionaries(
        st.sampled_from(["To", "From", "Body", "ValidityPeriod", "StatusCallback"]),
        st.text(max_size=12) | st.sampled_from([TO, FROM, "9" * 5000, "http://[", "\x00"]),
    ),
    query=st.dictionaries(
        st.sampled_from(["To", "DateSent", "DateSent<", "PageSize", "Page", "PageToken"]),
        st.text(max_size=12) | st.sampled_from(["9" * 5000, "2026-03-01", "PA" + "SM" + "0" * 32]),
    ),
)
def test_no_request_makes_the_sandbox_fail(sandbox, form, query):
    url = f"{sandbox.url}/2010-04-01/Accounts/{'AC' + '5' * 32}/Messages.json"
    auth = ("AC" + "5" * 32, "the-auth-token")
    assert CONNECTION.post(url, data=form, auth=auth, timeout=5).status_code in (201, 400)
    assert CONNECTION.get(url, params=query, auth=auth, timeout=5).status_code in (200, 400)
