"""The sandbox's SendGrid, read by the real SDK."""

import json
from datetime import timedelta

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_http_client.exceptions import HTTPError
from sendgrid.helpers.mail import Mail

BEARER = {"Authorization": "Bearer SG.the.key", "Content-Type": "application/json"}


def rows(sandbox):
    return sandbox.ask("/_sandbox/messages").json()["messages"]


def refusal(sandbox, mail):
    with pytest.raises(HTTPError) as caught:
        sandbox.sendgrid().send(mail)
    return caught.value.status_code, json.loads(caught.value.body)["errors"][0]


def test_an_accepted_mail_is_answered_with_its_id_and_nothing_else(sandbox, mail):
    reply = sandbox.sendgrid().send(mail())
    assert (reply.status_code, reply.body) == (202, b"")
    assert [row["provider_id"] for row in rows(sandbox)] == [reply.headers["X-Message-Id"]]


def test_the_sdks_own_mail_builder_is_understood(sandbox):
    built = Mail(
        from_email=("billing@harbour.example", "Harbour Loans"),
        to_emails="weber@mail.example",
        subject="Overdue",
        plain_text_content="plain",
        html_content="<b>html</b>",
    )
    assert sandbox.sendgrid().send(built).status_code == 202
    [row] = rows(sandbox)
    assert (row["to"], row["subject"], row["body"], row["html"]) == (
        "weber@mail.example",
        "Overdue",
        "plain",
        "<b>html</b>",
    )


def test_each_recipient_of_one_request_is_a_message_under_the_same_id(sandbox, mail):
    people = [{"to": [{"email": "a@mail.example"}], "cc": [{"email": "b@mail.example"}]}]
    sandbox.sendgrid().send(mail(personalizations=people))
    kept = rows(sandbox)
    assert [row["to"] for row in kept] == ["a@mail.example", "b@mail.example"]
    assert len({row["provider_id"] for row in kept}) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
        ({"personalizations": [{"to": [{"email": "a b"}]}]}, "personalizations.0.to.0.email"),
        (
            {
                "personalizations": [
                    {"to": [{"email": "a@b.example"}], "cc": [{"email": "A@b.example"}]}
                ]
            },
            "personalizations.0",
        ),
        ({"from": {"email": "nobody"}}, "from.email"),
        ({"from": {"email": "b\u00fcro@harbour.example"}}, "from.email"),
        ({"from": "billing@harbour.example"}, None),
        ({"subject": ""}, "subject"),
        ({"content": []}, "content"),
        (
            {
                "content": [
                    {"type": "text/html", "value": "<p>"},
                    {"type": "text/plain", "value": "p"},
                ]
            },
            "content",
        ),
        ({"custom_args": {"number": 7}}, None),
        ({"custom_args": {"long": "x" * 10_000}}, "custom_args"),
        ({"sandbox": True}, "sandbox"),
    ],
)
def test_what_sendgrid_refuses_is_refused_with_its_field(sandbox, mail, changes, field):
    status, error = refusal(sandbox, mail(**changes))
    assert (status, error["field"]) == (400, field)
    assert rows(sandbox) == []


def test_a_wrong_key_is_refused(sandbox, mail):
    with pytest.raises(HTTPError) as caught:
        sandbox.sendgrid(key="SG.another.key").send(mail())
    assert caught.value.status_code == 401
    assert rows(sandbox) == []


def test_sendgrids_own_sandbox_mode_keeps_nothing(sandbox, mail):
    reply = sandbox.sendgrid().send(mail(mail_settings={"sandbox_mode": {"enable": True}}))
    assert reply.status_code == 200
    assert rows(sandbox) == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (b" " * 30_000_001, "application/json", 413),
    ],
)
def test_a_body_that_is_no_mail_is_refused(sandbox, body, content_type, status):
    reply = requests.post(
        f"{sandbox.url}/v3/mail/send",
        data=body,
        headers=BEARER | {"Content-Type": content_type},
        timeout=10,
    )
    assert reply.status_code == status
    assert reply.json()["errors"][0]["message"]


PARTS = ["personalizations", "from", "subject", "content", "custom_args", "mail_settings"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["email", "name", "to", "cc", "subject", "custom_args", "type", "value"]
            )
            | st.just("sandbox_mode"),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


CONNECTION = requests.Session()


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.dictionaries(
        st.sampled_from(
            [
                "personalizations",
                "from",
                "subject",
                "content",
                "custom_args",
                "mail_settings",
                "categories",
            ]
        ),
        JSON,
        max_size=2,
    ),
    person=st.dictionaries(st.sampled_from(["subject", "custom_args", "cc"]), JSON, max_size=2),
)
def test_no_mail_makes_the_sandbox_fail(sandbox, mail, changes, person):
    given_mail = mail(personalizations=[{"to": [{"email": "a@b.example"}], **person}]) | changes
    reply = CONNECTION.post(
        f"{sandbox.url}/v3/mail/send", data=json.dumps(given_mail), headers=BEARER, timeout=5
    )
    assert reply.status_code in (200, 202, 400)


def activity(sandbox, query, **options):
    reply = requests.get(
        f"{sandbox.url}/v3/messages",
        params={"query": query} | options,
        headers=BEARER,
        timeout=5,
    )
    return reply.status_code, reply.json()


def test_a_mail_is_found_by_its_reference_its_id_and_its_address(sandbox, mail):
    request_id = sandbox.sendgrid().send(mail()).headers["X-Message-Id"]
    other = {"to": [{"email": "other@mail.example"}], "custom_args": {"dunflow_reference": "zzz"}}
    sandbox.sendgrid().send(mail(personalizations=[other]))
    for query in (
        'unique_args["dunflow_reference"]="k7Qm2x"',
        f'msg_id LIKE "{request_id}%"',
        'to_email="weber@mail.example"',
        '(unique_args["dunflow_reference"]="none" OR unique_args["dunflow_reference"]="k7Qm2x")',
    ):
        status, answer = activity(sandbox, query)
        assert status == 200
        [row] = answer["messages"]
        assert (row["to_email"], row["status"]) == ("weber@mail.example", "processed")
        assert row["msg_id"].startswith(f"{request_id}.")
        assert "unique_args" not in row


def test_one_mail_is_fetched_with_its_custom_arguments(sandbox, mail):
    sandbox.sendgrid().send(mail())
    _, answer = activity(sandbox, 'to_email="weber@mail.example"')
    msg_id = answer["messages"][0]["msg_id"]
    reply = requests.get(f"{sandbox.url}/v3/messages/{msg_id}", headers=BEARER, timeout=5)
    assert reply.json()["unique_args"] == {"dunflow_reference": "k7Qm2x"}
    missing = requests.get(f"{sandbox.url}/v3/messages/none.1", headers=BEARER, timeout=5)
    assert missing.status_code == 404


@pytest.mark.parametrize("query", ["", 'subject="x"', 'to_email="a" AND msg_id="b"'])
def test_a_query_that_is_not_understood_is_refused_and_not_answered_with_nothing(sandbox, query):
    status, answer = activity(sandbox, query)
    assert (status, answer["errors"][0]["field"]) == (400, "query")


def test_the_seventh_query_of_a_minute_has_to_wait(sandbox):
    query = 'to_email="weber@mail.example"'
    assert [activity(sandbox, query)[0] for _ in range(7)] == [200] * 6 + [429]
    sandbox.clock.move_to(sandbox.clock.now() + timedelta(seconds=61))
    assert activity(sandbox, query)[0] == 200
