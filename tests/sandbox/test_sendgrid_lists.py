"""The sandbox's suppression lists, read by the real SDK."""

import json
from datetime import timedelta

import pytest
import requests
from python_http_client.exceptions import HTTPError


def suppress(sandbox, name, email, **more):
    reply = requests.post(
        f"{sandbox.url}/_sandbox/suppressions",
        json={"list": name, "email": email} | more,
        headers={"Authorization": "Bearer the-inbox-token"},
        timeout=5,
    )
    return reply.status_code


def listed(sandbox, name, **query):
    reply = sandbox.sendgrid().client.suppression._(name).get(query_params=query)
    return json.loads(reply.body)


def test_rows_come_newest_first_by_page_and_time(sandbox):
    for number in range(5):
        assert suppress(sandbox, "unsubscribes", f"u{number}@mail.example") == 202
        sandbox.clock.move_to(sandbox.clock.now() + timedelta(minutes=1))
    emails = [row["email"] for row in listed(sandbox, "unsubscribes")]
    assert emails == [f"u{number}@mail.example" for number in (4, 3, 2, 1, 0)]
    page = listed(sandbox, "unsubscribes", limit=2, offset=1)
    assert [row["email"] for row in page] == ["u3@mail.example", "u2@mail.example"]
    since = listed(sandbox, "unsubscribes")[1]["created"]
    assert len(listed(sandbox, "unsubscribes", start_time=since)) == 2
    assert len(listed(sandbox, "unsubscribes", end_time=since - 1)) == 3
    assert listed(sandbox, "spam_reports") == []


@pytest.mark.parametrize("query", [{"limit": 501}, {"limit": 0}, {"start_time": "yesterday"}])
def test_what_a_query_may_not_ask_is_refused(sandbox, query):
    with pytest.raises(HTTPError) as caught:
        listed(sandbox, "bounces", **query)
    assert caught.value.status_code == 400


def test_nobody_reads_a_list_that_is_none_or_without_the_key(sandbox):
    with pytest.raises(HTTPError) as caught:
        listed(sandbox, "friends")
    assert caught.value.status_code == 404
    with pytest.raises(HTTPError) as caught:
        sandbox.sendgrid(key="SG.other").client.suppression.bounces.get()
    assert caught.value.status_code == 401
    assert suppress(sandbox, "friends", "a@mail.example") == 400


def test_a_mail_to_somebody_listed_is_accepted_and_dropped(sandbox, mail):
    suppress(sandbox, "spam_reports", "Weber@mail.example")
    people = [{"to": [{"email": "weber@mail.example"}]}]
    reply = sandbox.sendgrid().send(mail(personalizations=people))
    assert reply.status_code == 202
    sandbox.clock.move_to(sandbox.clock.now() + timedelta(seconds=5))
    found = sandbox.sendgrid().client.messages.get(
        query_params={"query": 'to_email="weber@mail.example"', "limit": 10}
    )
    [row] = json.loads(found.body)["messages"]
    assert row["status"] == "not_delivered"


def test_who_bounced_is_listed_from_then_on(sandbox, mail):
    fault = {"channel": "email", "kind": "bounced", "times": 1}
    requests.post(
        f"{sandbox.url}/_sandbox/faults",
        json=fault,
        headers={"Authorization": "Bearer the-inbox-token"},
        timeout=5,
    ).raise_for_status()
    people = [{"to": [{"email": "gone@mail.example"}]}]
    sandbox.sendgrid().send(mail(personalizations=people))
    [row] = listed(sandbox, "bounces")
    assert (row["email"], row["status"]) == ("gone@mail.example", "5.1.1")
