"""Asks SendGrid's Email Activity what became of mails: many in one query, as it takes six a minute.

A list does not say why a mail did not arrive; each such mail is a request of its own, which counts
among the six.

Rows of a list carry no custom arguments, so a mail that was asked for by its reference is told by
its address: in one query no two questions have the same. Sources: sendgrid/docs
`getting-started-email-activity-api.md`, twilio.com/docs/sendgrid/api-reference/email-activity.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import python_http_client
from python_http_client.exceptions import HTTPError

from dunflow.remind.senders.codes import SENDGRID_SENDER_STATUS, Blame, of_bounce, of_dropped
from dunflow.remind.senders.outcome import Absent, Answer, Question, Seen, Unclear, Unexplained
from dunflow.remind.senders.retry import retry_after_s
from dunflow.remind.senders.wire import NeverSentError, NoReplyError

PER_QUERY = 80
"""Conditions in one query; the address of more would grow too long for servers to take."""
ROWS = 1000


def ask(
    client: python_http_client.Client, argument: str, questions: Sequence[Question]
) -> list[Answer]:
    """One answer per question, in their order: a single query, so those over PER_QUERY, and a
    second one about the same address, are left for a later time."""
    asked = _apart(questions)
    answers: dict[int, Answer] = {}
    try:
        rows = _rows(client, argument, list(asked.values()))
        answers = _told(asked, rows)
    except HTTPError as err:
        busy = retry_after_s(err.headers) if err.status_code == 429 else 0.0
        failed = Unclear(f"SendGrid answered with HTTP status {err.status_code}", busy)
        if err.status_code == 401:
            failed = Unclear(SENDGRID_SENDER_STATUS[401], sender_at_fault=True)
        answers = {question.contact_id: failed for question in asked.values()}
    except (NeverSentError, NoReplyError) as err:
        answers = {question.contact_id: Unclear(err.why) for question in asked.values()}
    except (ValueError, TypeError, AttributeError, LookupError):
        unread = Unclear("SendGrid's reply could not be read")
        answers = {question.contact_id: unread for question in asked.values()}
    return [answers.get(question.contact_id, Unclear("its turn comes")) for question in questions]


def explain(client: python_http_client.Client, found: Unexplained) -> Seen | Unexplained:
    """Why this mail did not arrive; as it was, where SendGrid does not say it now."""
    try:
        told = json.loads(client.messages._(found.page).get().body)
        code, blames = _failure(told["events"])
    except (HTTPError, NeverSentError, NoReplyError):
        return found
    except (ValueError, TypeError, AttributeError, LookupError):
        return found
    return replace(found.seen, code=code, blames=blames)


def _apart(questions: Sequence[Question]) -> dict[str, Question]:
    """What tells a row of the answer → the question that it answers."""
    asked: dict[str, Question] = {}
    for question in questions:
        if len(asked) < PER_QUERY:
            asked.setdefault(question.provider_id or question.to.lower(), question)
    return asked


def _rows(
    client: python_http_client.Client, argument: str, asked: Sequence[Question]
) -> list[dict[str, Any]]:
    conditions = [
        f'msg_id LIKE "{question.provider_id}%"'
        if question.provider_id
        else f'unique_args["{argument}"]="{question.reference}"'
        for question in asked
    ]
    query = {"query": f"({' OR '.join(conditions)})", "limit": str(ROWS)}
    reply = client.messages.get(query_params=query)
    rows: list[dict[str, Any]] = json.loads(reply.body)["messages"]
    if len(rows) >= ROWS:
        raise ValueError("there may be more rows than one answer holds")
    return rows


def _told(asked: dict[str, Question], rows: list[dict[str, Any]]) -> dict[int, Answer]:
    found: dict[str, list[dict[str, Any]]] = {}
    strange = False
    for row in rows:
        key = next((key for key in (_request_id(row), _address(row)) if key in asked), None)
        strange = strange or key is None
        if key is not None:
            found.setdefault(key, []).append(row)
    # A row that answers none of the questions may be any of those that seem to be absent.
    nothing: Answer = Unclear("SendGrid told of another address") if strange else Absent()
    return {
        question.contact_id: _seen(found[key]) if key in found else nothing
        for key, question in asked.items()
    }


def _request_id(row: dict[str, Any]) -> str:
    """What `X-Message-Id` was, before SendGrid put its own servers' part behind it."""
    return str(row["msg_id"]).partition(".")[0]


def _address(row: dict[str, Any]) -> str:
    return str(row["to_email"]).lower()


def _seen(rows: list[dict[str, Any]]) -> Seen | Unexplained:
    """A row tells when its latest event was: that of acceptance only while nothing came after."""
    row = rows[0]
    twice = len({_request_id(row) for row in rows}) > 1
    if row["status"] == "delivered":
        return Seen(_request_id(row), None, "delivered", twice=twice)
    if row["status"] == "not_delivered":
        seen = Seen(_request_id(row), None, "undelivered", *UNKNOWN, twice)
        return Unexplained(seen, str(row["msg_id"]))
    at = datetime.fromisoformat(row["last_event_time"]).astimezone(UTC)
    return Seen(_request_id(row), at, twice=twice)


def _failure(events: list[dict[str, Any]]) -> tuple[str, Blame]:
    """By the latest event that says so. A block has no name of its own here: it is a soft bounce
    (`EventName`, `BounceType` in twilio/sendgrid-oai `tsg_email_activity_v3.json`)."""
    for event in reversed(events):
        match event["event_name"]:
            case "bounced":
                return of_bounce(is_soft=event.get("bounce_type") != "hard")
            case "dropped":
                return of_dropped(event.get("reason"))
    return UNKNOWN


UNKNOWN: tuple[str, Blame] = ("not_delivered", "message")
