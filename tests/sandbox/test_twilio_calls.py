"""The sandbox's calls, read by the real SDK."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import requests
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.request_validator import RequestValidator

from dunflow.sandbox.store import open_reader
from tests.sandbox.conftest import CREDENTIALS

FROM = "+15005550006"
TO = "+8613812345678"
TWIML = "<Response><Say>您好 &amp; 再见</Say></Response>"


def ring(sandbox, to=TO, **options):
    return sandbox.twilio().calls.create(to=to, from_=FROM, **({"twiml": TWIML} | options))


def after(sandbox, call, seconds: float):
    sandbox.clock.move_to(sandbox.clock.now() + timedelta(seconds=seconds))
    return sandbox.twilio().calls(call.sid).fetch()


def test_the_sdk_reads_every_field_of_a_created_call(sandbox):
    call = ring(sandbox)
    assert call.sid.startswith("CA")
    assert len(call.sid) == 34
    assert (call.to, call._from, call.status, call.direction) == (
        TO,
        FROM,
        "queued",
        "outbound-api",
    )
    assert call.date_created == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert (call.start_time, call.end_time, call.answered_by) == (None, None, None)


def test_a_call_rings_is_taken_and_ends(sandbox):
    call = ring(sandbox, machine_detection="Enable")
    assert after(sandbox, call, 2).status == "ringing"
    taken = after(sandbox, call, 3)
    assert (taken.status, taken.answered_by) == ("in-progress", "human")
    assert after(sandbox, call, 30).status == "completed"


@pytest.mark.parametrize(
    ("digits", "status", "answered_by"),
    [
        ("9901", "completed", "machine_end_beep"),
        ("9902", "completed", "machine_end_silence"),
        ("9903", "completed", "machine_end_other"),
        ("9904", "completed", "machine_start"),
        ("9905", "completed", "fax"),
        ("9906", "completed", "unknown"),
        ("9907", "no-answer", None),
        ("9908", "busy", None),
        ("9909", "failed", None),
    ],
)
def test_a_number_says_who_answers_there(sandbox, digits, status, answered_by):
    call = ring(sandbox, f"+861381234{digits}", machine_detection="DetectMessageEnd")
    ended = after(sandbox, call, 60)
    assert (ended.status, ended.answered_by) == (status, answered_by)


def test_nobody_is_told_apart_without_detection(sandbox):
    assert after(sandbox, ring(sandbox, "+8613812349901"), 60).answered_by is None


def test_a_list_by_number_is_newest_first_and_read_page_by_page(sandbox):
    rung = [ring(sandbox).sid for _ in range(5)]
    ring(sandbox, "+8613800000000")
    listed = sandbox.twilio().calls.list(to=TO, from_=FROM, page_size=2)
    assert [call.sid for call in listed] == rung[::-1]


def test_calls_and_messages_are_apart(sandbox):
    call = ring(sandbox)
    message = sandbox.twilio().messages.create(to=TO, from_=FROM, body="hi")
    assert [each.sid for each in sandbox.twilio().calls.list(to=TO)] == [call.sid]
    assert [each.sid for each in sandbox.twilio().messages.list(to=TO)] == [message.sid]


def test_a_list_by_day_has_the_calls_of_that_day(sandbox):
    call = ring(sandbox)
    day = datetime(2026, 3, 2, tzinfo=UTC)
    listed = sandbox.twilio().calls.list
    assert [each.sid for each in listed(start_time=day)] == [call.sid]
    assert listed(start_time_after=day + timedelta(days=1)) == []
    assert listed(start_time_before=day - timedelta(days=1)) == []


def test_a_filter_that_is_not_modelled_is_refused(sandbox):
    with pytest.raises(TwilioException):
        sandbox.twilio().calls.list(status="busy")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": ""}, 21201),
        ({"to": "13812345678"}, 21211),
        ({"to": "+15005550001"}, 21217),
        ({"to": "+15005550002"}, 21214),
        ({"to": "+15005550003"}, 21215),
        ({"to": "+15005550004"}, 21216),
        ({"from_": ""}, 21213),
        ({"from_": "+15005550001"}, 21212),
        ({"from_": "Harbour"}, 21212),
        ({"twiml": ""}, 21205),
        ({"twiml": "x" * 4001}, 20001),
        ({"url": "http://under_score.example/"}, 21205),
        ({"status_callback": "http://under_score.example/"}, 21609),
        ({"status_callback_event": ["rings"]}, 21626),
        ({"timeout": 601}, 20001),
        ({"machine_detection": "Maybe"}, 20001),
    ],
)
def test_what_twilio_refuses_is_refused_with_its_code(sandbox, changes, code):
    request = {"to": TO, "from_": FROM, "twiml": TWIML} | changes
    with pytest.raises(TwilioRestException) as caught:
        sandbox.twilio().calls.create(**request)
    assert caught.value.code == code


def test_an_unknown_call_is_not_found_and_a_stranger_gets_none(sandbox):
    with pytest.raises(TwilioRestException) as caught:
        sandbox.twilio().calls("CA" + "0" * 32).fetch()
    assert caught.value.code == 20404
    with pytest.raises(TwilioRestException) as caught:
        sandbox.twilio(token="another").calls("CA" + "0" * 32).fetch()
    assert caught.value.code == 20003


def test_the_inbox_shows_what_a_call_says(sandbox):
    ring(sandbox)
    page = sandbox.inbox().get(f"{sandbox.url}/?channel=voice", timeout=5).text
    assert "您好 &amp; 再见" in page
    assert TO in page


def order(sandbox, **fault):
    answer = requests.post(
        f"{sandbox.url}/_sandbox/faults",
        json=fault,
        headers={"Authorization": f"Bearer {CREDENTIALS.inbox_token}"},
        timeout=5,
    )
    return answer.status_code


def test_bad_days_befall_calls_too(sandbox):
    assert order(sandbox, channel="voice", kind="no_answer", times=1) == 201
    assert after(sandbox, ring(sandbox), 60).status == "no-answer"
    assert order(sandbox, channel="voice", kind="http_429", times=1) == 201
    with pytest.raises(TwilioRestException) as caught:
        ring(sandbox)
    assert caught.value.code == 20429
    assert order(sandbox, channel="voice", kind="timeout_after_accept", times=1) == 201
    with pytest.raises(requests.ConnectionError):
        ring(sandbox)
    assert len(sandbox.twilio().calls.list(to=TO)) == 2


@pytest.mark.parametrize(
    ("channel", "kind"), [("sms", "busy"), ("email", "fax"), ("voice", "bounced")]
)
def test_a_fault_of_another_channel_is_refused(sandbox, channel, kind):
    assert order(sandbox, channel=channel, kind=kind) == 400


class Hooks(HTTPServer):
    """Whoever is called back: keeps what it was told, and says its TwiML."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.told: list[tuple[str, dict[str, str], str]] = []
        self.ended = threading.Event()


class _Hook(BaseHTTPRequestHandler):
    server: Hooks

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(parse_qsl(body, keep_blank_values=True))
        self.server.told.append((self.path, form, self.headers["X-Twilio-Signature"]))
        twiml = "<Response><Say>thank you</Say></Response>"
        if self.path == "/says":
            twiml = (
                f'<Response><Gather action="{self.server.url}/keys"><Say>who</Say></Gather>'
                "</Response>"
            )
        self.send_response(200)
        self.end_headers()
        self.wfile.write(twiml.encode())
        if form.get("CallStatus") == "no-answer" or self.path == "/keys":
            self.server.ended.set()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with Hooks() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def heard(state: Path) -> str:
    with open_reader(state) as reader:
        return "\n".join(message.body or "" for message in reader.scan())


def test_what_a_call_says_is_asked_once_somebody_answers(sandbox, hooks):
    press = requests.post(
        f"{sandbox.url}/_sandbox/keys",
        data=json.dumps({"number": TO, "digits": "0423"}),
        headers={"Authorization": f"Bearer {CREDENTIALS.inbox_token}"},
        timeout=5,
    )
    assert press.status_code == 202
    ring(sandbox, url=f"{hooks.url}/says", machine_detection="Enable")
    assert hooks.ended.wait(10)
    (path, form, signature), (keys_path, keys, _) = hooks.told
    assert (path, form["AnsweredBy"], form["CallStatus"]) == ("/says", "human", "in-progress")
    validator = RequestValidator(CREDENTIALS.auth_token)
    assert validator.validate(f"{hooks.url}/says", form, signature)
    assert (keys_path, keys["Digits"]) == ("/keys", "0423")
    assert heard(sandbox.state).startswith("who")


def test_a_call_tells_what_it_was_asked_to_tell(sandbox, hooks):
    order(sandbox, channel="voice", kind="busy", times=1)
    ring(
        sandbox,
        status_callback=f"{hooks.url}/status",
        status_callback_event=["initiated", "completed"],
    )
    for _ in range(50):
        if len(hooks.told) == 2:
            break
        hooks.ended.wait(0.1)
    told = [(form["CallStatus"], form["SequenceNumber"]) for _, form, _ in hooks.told]
    assert told == [("initiated", "0"), ("busy", "2")]
