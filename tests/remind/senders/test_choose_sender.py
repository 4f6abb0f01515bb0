"""Which sender a channel gets, and what stops a wrong one from being made."""

import json

import pytest

from dunflow.config.portfolio import Sender
from dunflow.errors import ConfigError
from dunflow.remind.senders import choose
from dunflow.remind.senders.choose import make_sender
from dunflow.remind.senders.outcome import Accepted

SANDBOX = Sender.model_validate({"provider": "sandbox", "from": "+15005550006"})
TWILIO = Sender.model_validate({"provider": "twilio", "from": "+15005550006"})
SENDGRID = Sender.model_validate({"provider": "sendgrid", "from": "billing@harbour.example"})


def environ_of(sandbox, **changes):
    return {
        "DUNFLOW_SANDBOX_URL": sandbox.url,
        "DUNFLOW_SANDBOX_ACCOUNT_SID": sandbox.credentials.account_sid,
        "DUNFLOW_SANDBOX_AUTH_TOKEN": sandbox.credentials.auth_token,
        "DUNFLOW_SANDBOX_API_KEY": sandbox.credentials.api_key,
    } | changes


def test_the_environment_of_the_local_stack_is_enough_for_sms(sandbox, sms, now):
    sender = make_sender("sms", SANDBOX, environ_of(sandbox))
    assert isinstance(sender.send(sms(), now=now), Accepted)


def test_the_environment_of_the_local_stack_is_enough_for_email(sandbox, email, now):
    config = Sender.model_validate({"provider": "sandbox", "from": "billing@harbour.example"})
    sender = make_sender("email", config, environ_of(sandbox))
    assert isinstance(sender.send(email(), now=now), Accepted)


@pytest.mark.parametrize("name", ["sandbox", "sendgrid"])
def test_what_a_portfolio_says_of_its_emails_goes_out_with_them(
    name, provider, reply, email, now, monkeypatch
):
    sendgrid = provider(lambda _: reply(202, headers={"X-Message-Id": "abc"}))
    monkeypatch.setattr(choose, "SENDGRID_URL", sendgrid.url)
    environ = {
        "DUNFLOW_SANDBOX_URL": sendgrid.url,
        "DUNFLOW_SANDBOX_API_KEY": "SG.sandbox",
        "SENDGRID_API_KEY": "SG.sendgrid",
    }
    config = Sender.model_validate(
        {
            "provider": name,
            "from": "billing@harbour.example",
            "name": "Harbour Loans",
            "reply_to": "answers@replies.harbour.example",
        }
    )
    assert isinstance(make_sender("email", config, environ).send(email(), now=now), Accepted)
    head, _, body = sendgrid.requests[0].partition(b"\r\n\r\n")
    sent = json.loads(body)
    assert sent["from"] == {"email": "billing@harbour.example", "name": "Harbour Loans"}
    assert sent["reply_to"] == {"email": "answers@replies.harbour.example"}
    assert f"Bearer SG.{name}".encode() in head


@pytest.mark.parametrize(
    ("channel", "config", "missing"),
    [
        ("sms", TWILIO, "TWILIO_ACCOUNT_SID"),
        ("email", SENDGRID, "SENDGRID_API_KEY"),
        ("sms", SANDBOX, "DUNFLOW_SANDBOX_ACCOUNT_SID"),
        ("email", SANDBOX, "DUNFLOW_SANDBOX_API_KEY"),
    ],
)
def test_a_missing_credential_is_named(channel, config, missing):
    with pytest.raises(ConfigError, match=missing):
        make_sender(channel, config, {})


@pytest.mark.parametrize(
    "url",
    [
        "https://api.twilio.com",
        "http://sandbox.example:9801",
        "http://10.0.0.5:9801",
        "http://127.0.0.1.evil.example:9801",
        "http://127.0.0.1:9801/path",
        "127.0.0.1:9801",
    ],
)
def test_a_sandbox_that_is_not_on_this_machine_is_refused(sandbox, url):
    with pytest.raises(ConfigError, match="DUNFLOW_SANDBOX_URL"):
        make_sender("sms", SANDBOX, environ_of(sandbox, DUNFLOW_SANDBOX_URL=url))


def test_a_channel_without_a_sender_in_the_portfolio_is_named():
    with pytest.raises(ConfigError, match=r"senders\.sms"):
        make_sender("sms", None, {})


@pytest.mark.parametrize("channel", ["letter", "call", "visit"])
def test_what_is_only_listed_needs_no_provider(channel, sms, now):
    assert isinstance(make_sender(channel, None, {}).send(sms(), now=now), Accepted)
