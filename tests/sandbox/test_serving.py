"""The sandbox as a process: what it keeps when it stops or dies, and what it says."""

import signal
import threading

import requests

from dunflow.home import local_secrets
from dunflow.sandbox.credentials import VARIABLES, read_credentials

FROM = "+15005550006"


def rows(sandbox):
    return sandbox.ask("/_sandbox/messages?limit=10000").json()["messages"]


def test_a_restart_keeps_everything(start, mail):
    first = start()
    sid = first.sandbox.twilio().messages.create(to="+8613812345678", from_=FROM, body="hi").sid
    first.sandbox.sendgrid().send(mail())
    before = rows(first.sandbox)
    first.running.terminate()
    first.running.wait(10)
    second = start()
    assert rows(second.sandbox) == before
    assert second.sandbox.twilio().messages(sid).fetch().body == "hi"


def test_what_was_answered_as_accepted_survives_a_kill(start):
    first = start()
    accepted: list[str] = []

    def send() -> None:
        messages = first.sandbox.twilio().messages
        for number in range(10_000):
            try:
                sid = messages.create(to=f"+8613{number:09d}", from_=FROM, body="hi").sid
            except requests.RequestException:
                return
            accepted.append(sid)

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    while len(accepted) < 100:
        senders[0].join(0.01)
    first.running.send_signal(signal.SIGKILL)
    for sender in senders:
        sender.join()
    kept = {row["provider_id"] for row in rows(start().sandbox)}
    assert kept >= set(accepted)
    # The kill came in the middle: each sender had at most one more request under way.
    assert len(kept) - len(accepted) <= len(senders)


def test_nothing_personal_and_no_secret_is_in_the_log(start, mail):
    process = start()
    sandbox = process.sandbox
    sandbox.twilio().messages.create(to="+8613812345678", from_=FROM, body="secret text")
    sandbox.twilio().messages.list(to="+8613812345678")
    sandbox.sendgrid().send(mail())
    requests.get(f"{sandbox.url}/?token=the-inbox-token", timeout=5)
    sandbox.inbox().post(sandbox.url, data={"words": "weber"}, timeout=5)
    requests.post(f"{sandbox.url}/v3/mail/send", data="weber", timeout=5)
    process.running.terminate()
    process.running.wait(10)
    assert process.running.stdout.read() == b""
    assert start.log() == ""


def test_a_missing_credential_is_named(start):
    process = start(without="DUNFLOW_SANDBOX_INBOX_TOKEN")
    assert process.running.wait(30) == 2
    assert "DUNFLOW_SANDBOX_INBOX_TOKEN" in start.log()
    assert "the-auth-token" not in start.log()


def test_a_taken_port_is_named(start):
    port = start().sandbox.url.rpartition(":")[2]
    assert start(port=int(port)).running.wait(30) == 2
    assert f"port {port}" in start.log()


def test_the_state_is_readable_by_its_owner_only(sandbox):
    assert sandbox.state.stat().st_mode & 0o077 == 0
    assert (sandbox.state / "sandbox.sqlite").stat().st_mode & 0o077 == 0


def test_the_secrets_of_the_local_stack_are_all_that_the_sandbox_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("DUNFLOW_HOME", str(tmp_path))
    secrets = local_secrets()
    credentials = read_credentials(secrets)
    assert credentials.inbox_token == secrets[VARIABLES["inbox_token"]]
