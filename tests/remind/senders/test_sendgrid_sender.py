"""Email through the real SDK: what each behaviour of SendGrid and of the network means."""

import json
import logging
import ssl
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dunflow.remind.senders.outcome import Accepted, Busy, Down, Refused, Unknown
from dunflow.remind.senders.sendgrid import SendGridEmail
from dunflow.sandbox.store import Filter, open_reader


def make(url, *, api_key="SG.the.key", sender="billing@harbour.example", timeout_s=5.0):
    return SendGridEmail(
        api_key=api_key,
        sender=sender,
        sender_name="Harbour Loans",
        base_url=url,
        timeout_s=timeout_s,
    )


def problem(field, message="weber@mail.example is wrong"):
    return json.dumps({"errors": [{"message": message, "field": field, "help": None}]}).encode()


def test_an_accepted_email_is_kept_whole_under_its_id(sandbox, email, now):
    outcome = make(sandbox.url).send(email(), now=now)
    assert isinstance(outcome, Accepted)
    with open_reader(sandbox.state) as reader:
        [kept] = reader.newest(Filter(provider_id=outcome.provider_id), limit=2)
    assert (kept.recipient, kept.subject, kept.body, kept.html, kept.reference) == (
        email().to,
        email().subject,
        email().body,
        email().html,
        email().reference,
    )
    assert (kept.sender, kept.sender_name) == ("billing@harbour.example", "Harbour Loans")


def test_an_email_may_be_plain_text_only(sandbox, email, now):
    assert isinstance(make(sandbox.url).send(email(html=None), now=now), Accepted)
    with open_reader(sandbox.state) as reader:
        [kept] = reader.scan()
    assert kept.html is None


def test_answers_go_where_they_are_read(sandbox, email, now):
    sender = SendGridEmail(
        api_key="SG.the.key",
        sender="billing@harbour.example",
        reply_to="answers@replies.harbour.example",
        base_url=sandbox.url,
    )
    assert isinstance(sender.send(email(), now=now), Accepted)
    with open_reader(sandbox.state) as reader:
        [kept] = reader.scan()
    assert json.loads(kept.options)["reply_to"] == {"email": "answers@replies.harbour.example"}


def test_neither_links_nor_opens_are_tracked(provider, reply, email, now):
    sendgrid = provider(lambda _: reply(202, headers={"X-Message-Id": "abc"}))
    make(sendgrid.url).send(email(), now=now)
    sent = json.loads(sendgrid.requests[0].partition(b"\r\n\r\n")[2])
    assert sent["tracking_settings"]["click_tracking"] == {"enable": False, "enable_text": False}
    assert sent["tracking_settings"]["open_tracking"] == {"enable": False}


def test_an_email_whose_time_is_over_is_not_sent(sandbox, email, now):
    assert make(sandbox.url).send(email(valid_until=now), now=now) == Busy("expired", 0.0)
    with open_reader(sandbox.state) as reader:
        assert list(reader.scan()) == []


def test_a_refused_address_is_blamed_on_the_address(sandbox, email, now):
    outcome = make(sandbox.url).send(email(to="weber at mail.example"), now=now)
    assert outcome == Refused("400 personalizations.0.to.0.email", "address")


def test_an_email_without_a_subject_is_the_messages_own_fault(sandbox, email, now):
    outcome = make(sandbox.url).send(email(subject=None), now=now)
    assert outcome == Refused("400 subject", "message")


def test_a_bad_sender_is_not_blamed_on_the_message(sandbox, email, now):
    outcome = make(sandbox.url, sender="nobody").send(email(), now=now)
    assert isinstance(outcome, Down)
    assert outcome.code == "400 from.email"


def test_a_wrong_key_stops_the_sender(sandbox, email, now):
    outcome = make(sandbox.url, api_key="SG.another.key").send(email(), now=now)
    assert isinstance(outcome, Down)
    assert outcome.code == "401"


@pytest.mark.parametrize("status", [402, 403, 404, 407])
def test_what_is_wrong_with_the_account_stops_the_sender(provider, reply, email, now, status):
    sendgrid = provider(lambda _: reply(status, problem(None)))
    assert isinstance(make(sendgrid.url).send(email(), now=now), Down)


def test_too_many_requests_wait_until_the_limit_is_lifted(provider, reply, email, now):
    headers = {"Date": "Mon, 02 Mar 2026 09:00:00 GMT", "X-RateLimit-Reset": "1772442042"}
    sendgrid = provider(lambda _: reply(429, problem(None), headers))
    assert make(sendgrid.url).send(email(), now=now) == Busy("429", 42.0)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 522])
def test_a_server_error_leaves_it_open_and_is_not_tried_again(provider, reply, email, now, status):
    sendgrid = provider(lambda _: reply(status, problem(None)))
    assert isinstance(make(sendgrid.url).send(email(), now=now), Unknown)
    assert len(sendgrid.requests) == 1


@pytest.mark.parametrize("status", [200, 202, 204, 302])
def test_a_reply_without_an_id_leaves_it_open(provider, reply, email, now, status):
    sendgrid = provider(lambda _: reply(status, headers={"Location": "/elsewhere"}))
    assert isinstance(make(sendgrid.url).send(email(), now=now), Unknown)
    assert len(sendgrid.requests) == 1


def test_a_connection_that_closes_without_a_reply_leaves_it_open(provider, email, now):
    sendgrid = provider(lambda _: None)
    assert isinstance(make(sendgrid.url).send(email(), now=now), Unknown)
    assert len(sendgrid.requests) == 1


def test_a_reply_that_never_comes_leaves_it_open_and_frees_the_worker(provider, never, email, now):
    sendgrid = provider(never)
    began = time.monotonic()
    assert isinstance(make(sendgrid.url, timeout_s=0.3).send(email(), now=now), Unknown)
    assert time.monotonic() - began < 3
    assert len(sendgrid.requests) == 1


def test_where_nobody_listens_nothing_was_sent(closed_port, email, now):
    outcome = make(closed_port).send(email(), now=now)
    assert isinstance(outcome, Busy)
    assert outcome.code == "ConnectionRefusedError"


def test_a_server_that_cannot_prove_who_it_is_gets_nothing(
    provider, reply, email, now, certificate
):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    sendgrid = provider(lambda _: reply(202, headers={"X-Message-Id": "abc"}), tls=context)
    outcome = make(sendgrid.url).send(email(), now=now)
    assert isinstance(outcome, Down)
    assert sendgrid.requests == []


def test_emails_share_one_connection(provider, reply, email, now):
    sendgrid = provider(lambda _: reply(202, headers={"X-Message-Id": "abc"}))
    sender = make(sendgrid.url)
    assert all(isinstance(sender.send(email(), now=now), Accepted) for _ in range(5))
    assert (sendgrid.connections, len(sendgrid.requests)) == (1, 5)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["errors", "message", "field", "help"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(status=st.integers(200, 599), body=JSON.map(json.dumps) | st.text(max_size=30))
def test_whatever_the_provider_answers_becomes_an_outcome(
    provider, reply, email, now, status, body
):
    sendgrid = provider(lambda _: reply(status, body.encode(errors="replace")))
    outcome = make(sendgrid.url).send(email(), now=now)
    sendgrid.close()
    # None of these replies has an id, so none of them may count as accepted.
    assert isinstance(outcome, Busy | Down | Refused | Unknown)
    if status >= 500:
        assert isinstance(outcome, Unknown)


def test_nothing_personal_and_no_secret_is_logged_or_kept_as_a_reason(
    provider, reply, email, now, caplog
):
    caplog.set_level(logging.DEBUG)
    body = problem("personalizations.0.to.0.email")
    replies = [reply(s, body, {"X-Message-Id": "abc"}) for s in (202, 400, 401, 429, 500)]
    answers = iter(replies)
    sender = make(provider(lambda _: next(answers)).url)
    outcomes = [sender.send(email(), now=now) for _ in replies]
    for secret in ("weber", "1,300.00", "SG.the.key"):
        assert secret not in caplog.text
        assert secret not in repr(outcomes)
