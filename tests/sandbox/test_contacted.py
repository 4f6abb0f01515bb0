"""What an audit and a scenario read back: the rows, and who was contacted more than once."""

import pytest
import requests

FROM = "+15005550006"


def send_sms(sandbox, body, to="+8613812345678"):
    return sandbox.twilio().messages.create(to=to, from_=FROM, body=body).sid


def test_the_rows_say_what_was_accepted_and_when(sandbox, mail):
    sid = send_sms(sandbox, "pay at https://pay.example/k7Qm2x")
    sandbox.sendgrid().send(mail())
    first, second = sandbox.ask("/_sandbox/messages").json()["messages"]
    assert first == {
        "id": 1,
        "channel": "sms",
        "to": "+8613812345678",
        "subject": None,
        "body": "pay at https://pay.example/k7Qm2x",
        "html": None,
        "accepted_at": "2026-03-02T09:00:00+00:00",
        "reference": None,
        "provider_id": sid,
        "status": "queued",
    }
    assert (second["channel"], second["reference"]) == ("email", "k7Qm2x")


def test_the_rows_are_read_on_from_where_one_stopped(sandbox):
    sids = [send_sms(sandbox, f"number {n}") for n in range(5)]
    seen, after = [], 0
    while rows := sandbox.ask(f"/_sandbox/messages?after={after}&limit=2").json()["messages"]:
        seen += [row["provider_id"] for row in rows]
        after = rows[-1]["id"]
    assert seen == sids


def test_what_went_out_twice_is_named(sandbox, mail):
    twice = [send_sms(sandbox, "the same"), send_sms(sandbox, "the same")]
    send_sms(sandbox, "the same", to="+8613900000000")
    for _ in range(2):
        sandbox.sendgrid().send(mail())
    found = sandbox.ask("/_sandbox/ledger").json()
    assert found["accepted"] == {"sms": 3, "email": 2}
    assert found["recipients"] == 3
    assert found["repeated_references"] == {"k7Qm2x": 2}
    assert twice in found["repeated_texts"]


def test_each_reference_is_counted_in_both_channels(sandbox, mail):
    send_sms(sandbox, "还款：https://pay.example/k7Qm2x。谢谢")
    send_sms(sandbox, "pay at https://pay.example/k7Qm2xyz")
    sandbox.sendgrid().send(mail())
    reply = requests.post(
        f"{sandbox.url}/_sandbox/ledger",
        json={"references": ["k7Qm2x", "lost"]},
        headers={"Authorization": "Bearer the-inbox-token"},
        timeout=5,
    )
    assert reply.json() == {"times": {"k7Qm2x": 2, "lost": 0}}


@pytest.mark.parametrize("path", ["/_sandbox/messages", "/_sandbox/ledger"])
def test_a_stranger_reads_nothing(sandbox, path):
    send_sms(sandbox, "private text")
    for token in ("wrong", ""):
        reply = sandbox.ask(path, token=token)
        assert reply.status_code == 401
        assert "private" not in reply.text


def test_the_clock_that_the_sandbox_was_given_dates_its_messages(sandbox):
    later = sandbox.clock.now().replace(month=7)
    sandbox.clock.move_to(later)
    send_sms(sandbox, "hi")
    [row] = sandbox.ask("/_sandbox/messages").json()["messages"]
    assert row["accepted_at"] == later.isoformat()
