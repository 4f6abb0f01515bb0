"""Bad days that befall the channels alike."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import requests

from tests.sandbox.conftest import CREDENTIALS

TO = "+8613812345678"


def ask_for(sandbox, fault):
    return requests.post(
        f"{sandbox.url}/_sandbox/faults",
        json=fault,
        headers={"Authorization": f"Bearer {CREDENTIALS.inbox_token}"},
        timeout=5,
    )


def order(sandbox, **fault):
    answer = ask_for(sandbox, fault)
    assert answer.status_code == 201, answer.text


def text(sandbox, to=TO):
    return sandbox.twilio().messages.create(to=to, from_="+8613490000000", body="您好").sid


@pytest.fixture
def by(sandbox, mail):
    """Channel → sends one to the same person; the provider's id."""
    return {
        "sms": lambda: text(sandbox),
        "email": lambda: sandbox.sendgrid().send(mail()).headers["X-Message-Id"],
        "voice": lambda: (
            sandbox.twilio()
            .calls.create(
                to=TO, from_="+8613490000000", twiml="<Response><Say>您好</Say></Response>"
            )
            .sid
        ),
    }


@pytest.mark.parametrize("channel", ["sms", "email", "voice"])
def test_a_slow_reply_comes_late_and_its_message_is_kept_meanwhile(sandbox, by, channel):
    order(sandbox, channel=channel, kind="slow", times=1, seconds=3.0)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(by[channel])
        while not (kept := sandbox.ask("/_sandbox/messages").json()["messages"]):
            wait([slow], timeout=0.05)
        assert not slow.done()
        assert [row["provider_id"] for row in kept] == [slow.result()]


def test_a_slow_reply_holds_up_no_other(sandbox):
    order(sandbox, channel="sms", kind="slow", recipient=TO, seconds=3.0)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(text, sandbox)
        assert text(sandbox, to="+8613812345679")
        assert not slow.done()
        assert slow.result()


@pytest.mark.parametrize(
    "fault",
    [
        [],
        {"channel": "sms"},
        {"channel": "sms", "kind": "drizzle"},
        {"channel": "fax", "kind": "slow"},
        {"channel": "sms", "kind": "slow", "seconds": "soon"},
        {"channel": "sms", "kind": "slow", "seconds": -1},
        {"channel": "sms", "kind": "slow", "times": 0},
        {"channel": "sms", "kind": "slow", "ratio": 2},
        {"channel": "sms", "kind": "slow", "colour": "grey"},
    ],
)
def test_what_is_no_fault_is_refused_and_befalls_nobody(sandbox, fault):
    answer = ask_for(sandbox, fault)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert text(sandbox)
