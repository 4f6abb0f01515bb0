"""SendGrid's Email Activity: asking what became of a mail whose reply was lost.

As there, a list or a single mail takes one of six turns a minute. A mail's custom arguments
(`unique_args`), and why it did not arrive, show only where a single one is fetched. Of the query
language only what a look-up needs is understood; anything else is refused rather than answered with
an empty list, which a client would take for "never sent". Sources: sendgrid/docs
`getting-started-email-activity-api.md`,
twilio.com/docs/sendgrid/api-reference/email-activity.
"""

import json
import re
from collections import deque
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dunflow.sandbox.life import stage, stages
from dunflow.sandbox.room import room_of
from dunflow.sandbox.sendgrid import Refusal, error_reply, refused_key
from dunflow.sandbox.sendgrid.mail import REFERENCE
from dunflow.sandbox.sendgrid.undelivered import activity_of, reason
from dunflow.sandbox.store import Fate, Filter, Message

MAX_LIMIT = 1000
PER_MINUTE = 6
CONDITION = re.compile(
    rf"""\s*(?:(?P<field>msg_id|to_email)\s*=|unique_args\[["']{REFERENCE}["']\]\s*=|"""
    r"""(?P<like>msg_id)\s+LIKE)\s*(?P<quote>["'])(?P<value>[^"']+)(?P=quote)\s*""",
    re.IGNORECASE,
)
QUERY_HELP = (
    'the sandbox understands msg_id="…", msg_id LIKE "…%", to_email="…" and '
    f'unique_args["{REFERENCE}"]="…", joined by OR'
)


async def find(request: Request) -> Response:
    """GET /v3/messages?query=…&limit=…: the mails that match, newest first."""
    room = room_of(request)
    refusal = refused_key(request, room.credentials.api_key)
    if refusal is not None:
        return error_reply(refusal)
    now = room.clock.now().timestamp()
    if (busy := _take_turn(room.activity_turns, now)) is not None:
        return busy
    wanted = read_query(request.query_params.get("query", ""))
    limit = request.query_params.get("limit", "10")
    if wanted is None:
        return error_reply(Refusal(f"invalid query: {QUERY_HELP}", "query"))
    if not re.fullmatch("[0-9]{1,4}", limit) or not 1 <= int(limit) <= MAX_LIMIT:
        return error_reply(Refusal(f"limit must be between 1 and {MAX_LIMIT}", "limit"))
    found = room.store.newest_of_any(wanted, limit=int(limit))
    fates = room.store.fates([message.provider_id for message in found])
    rows = [_row(message, fates.get(message.provider_id), now) for message in found]
    return JSONResponse({"messages": rows})


async def fetch(request: Request) -> Response:
    """GET /v3/messages/{msg_id}: one mail with its custom arguments."""
    room = room_of(request)
    refusal = refused_key(request, room.credentials.api_key)
    if refusal is not None:
        return error_reply(refusal)
    now = room.clock.now().timestamp()
    if (busy := _take_turn(room.activity_turns, now)) is not None:
        return busy
    msg_id: str = request.path_params["msg_id"]
    request_id = _request_id(msg_id)
    sent = room.store.newest(Filter(channel="email", provider_id=request_id), limit=1000)
    fate = room.store.fates([request_id]).get(request_id)
    for message in sent:
        if _msg_id(message) == msg_id:
            why = reason(fate, room.store.listed(message.recipient)) if fate else ""
            return JSONResponse(_whole(message, fate, why, now))
    return error_reply(Refusal("resource not found", status=404))


ROUTES = [
    Route("/v3/messages", find, methods=["GET"]),
    Route("/v3/messages/{msg_id}", fetch, methods=["GET"]),
]


def read_query(query: str) -> list[Filter] | None:
    """What the query asks for, of which any may hold; None if it is not understood."""
    inner = query.strip()
    if inner.startswith("(") and inner.endswith(")"):
        inner = inner[1:-1]
    wanted = []
    for part in re.split(r"\s+OR\s+", inner, flags=re.IGNORECASE):
        match = CONDITION.fullmatch(part)
        if match is None or bool(match["like"]) != match["value"].endswith("%"):
            return None
        value = match["value"].rstrip("%")
        if match["like"] or match["field"] == "msg_id":
            wanted.append(Filter(channel="email", provider_id=_request_id(value)))
        elif match["field"] == "to_email":
            wanted.append(Filter(channel="email", recipient=value))
        else:
            wanted.append(Filter(channel="email", reference=value))
    return wanted


def _take_turn(turns: deque[float], now: float) -> Response | None:
    """None if this request may be answered, else the refusal that says when the next one may."""
    while turns and turns[0] <= now - 60:
        turns.popleft()
    if len(turns) >= PER_MINUTE:
        reply = error_reply(Refusal("too many requests", status=429))
        reply.headers["X-RateLimit-Limit"] = str(PER_MINUTE)
        reply.headers["X-RateLimit-Remaining"] = "0"
        reply.headers["X-RateLimit-Reset"] = str(int(turns[0]) + 61)
        return reply
    turns.append(now)
    return None


def _request_id(msg_id: str) -> str:
    """The part that all mails of one request share, which its X-Message-Id was."""
    return msg_id.partition(".")[0]


def _msg_id(message: Message) -> str:
    return f"{message.provider_id}.recvd-sandbox-{message.id}-0"


def _row(message: Message, fate: Fate | None, now: float) -> dict[str, object]:
    lived = stage(message, fate, now)
    return {
        "from_email": message.sender,
        "msg_id": _msg_id(message),
        "subject": message.subject,
        "to_email": message.recipient,
        "status": lived.status,
        "opens_count": 0,
        "clicks_count": 0,
        "last_event_time": _instant(lived.since),
    }


def _instant(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _whole(message: Message, fate: Fate | None, why: str, now: float) -> dict[str, object]:
    row = _row(message, fate, now)
    options = json.loads(message.options)
    events = [
        {"event_name": each.status, "processed": _instant(each.since)}
        | (activity_of(fate, why) if fate and each.status == "not_delivered" else {})
        for each in stages(message, fate)
        if each.since <= now
    ]
    return {
        name: row[name] for name in ("from_email", "msg_id", "subject", "to_email", "status")
    } | {
        "events": events,
        "categories": options.get("categories", []),
        "unique_args": options["custom_args"],
    }
