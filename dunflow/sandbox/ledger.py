"""What was really accepted, for audits and scenarios: a view that clients of the two APIs lack.

- `GET /_sandbox/messages?after=ID&limit=N` gives the messages as rows, in order of acceptance.
- `GET /_sandbox/ledger` counts them and names what was accepted twice.
- `POST /_sandbox/ledger` with `{"references": [...]}` says how often each of them went out.

All want the inbox token as a bearer. A reference of an email is its custom argument; one of an SMS
is a word of its text; one of a call stands in its callback's URL, if it names one. Who shares the
machine's files can use `store.open_reader` in place of HTTP.
"""

import hmac
import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dunflow.sandbox.room import read_aside, room_of
from dunflow.sandbox.store import Message

WORD = re.compile(r"[0-9A-Za-z_-]+", re.ASCII)
WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)
MAX_ROWS = 10_000


async def list_rows(request: Request) -> Response:
    """GET: rows above the id `after`; fewer than `limit` means that there are no more."""
    if not _may_read(request):
        return _stranger()
    after, limit = request.query_params.get("after", "0"), request.query_params.get("limit", "1000")
    if not WHOLE.fullmatch(after) or not WHOLE.fullmatch(limit):
        return JSONResponse({"error": "after and limit must be whole numbers"}, 400)
    rows = await read_aside(
        request,
        lambda reader: [
            row(message)
            for message in islice(reader.scan(after=int(after)), min(MAX_ROWS, int(limit)))
        ],
    )
    return JSONResponse({"messages": rows})


async def show(request: Request) -> Response:
    """GET: the counts, and what was accepted more than once."""
    if not _may_read(request):
        return _stranger()
    return JSONResponse(await read_aside(request, lambda reader: summary(reader.scan())))


async def ask(request: Request) -> Response:
    """POST: how often each of the given references went out."""
    if not _may_read(request):
        return _stranger()
    try:
        references = json.loads(await request.body())["references"]
        wanted = frozenset(map(str, references))
    except (ValueError, LookupError, TypeError):
        return JSONResponse({"error": 'send {"references": ["…", …]}'}, 400)
    times = await read_aside(request, lambda reader: times_contacted(reader.scan(), wanted))
    return JSONResponse({"times": times})


ROUTES = [
    Route("/_sandbox/messages", list_rows, methods=["GET"]),
    Route("/_sandbox/ledger", show, methods=["GET"]),
    Route("/_sandbox/ledger", ask, methods=["POST"]),
]


def row(message: Message) -> dict[str, object]:
    """One accepted message, in words that all channels share."""
    return {
        "id": message.id,
        "channel": message.channel,
        "to": message.recipient,
        "subject": message.subject,
        "body": message.body,
        "html": message.html,
        "accepted_at": datetime.fromtimestamp(message.created_at, UTC).isoformat(),
        "reference": message.reference,
        "provider_id": message.provider_id,
        "status": message.status,
    }


def summary(messages: Iterable[Message]) -> dict[str, object]:
    """Counts per channel, and the duplicates: one reference accepted more than once, and one text
    accepted more than once for one recipient. It names references and provider ids, no person."""
    accepted: Counter[str] = Counter(sms=0, email=0)
    by_reference: Counter[str] = Counter()
    by_text: dict[int, list[str]] = {}
    recipients: set[int] = set()
    for message in messages:
        accepted[message.channel] += 1
        recipients.add(hash((message.channel, message.recipient)))
        if message.reference:
            by_reference[message.reference] += 1
        if message.channel == "voice":
            continue  # what is said to anybody is the same each time, and bears no reference
        text = hash((message.channel, message.recipient, message.subject, message.body))
        by_text.setdefault(text, []).append(message.provider_id)
    return {
        "accepted": dict(accepted),
        "recipients": len(recipients),
        "repeated_references": {mark: n for mark, n in by_reference.items() if n > 1},
        "repeated_texts": [ids for ids in by_text.values() if len(ids) > 1],
    }


def times_contacted(messages: Iterable[Message], references: frozenset[str]) -> dict[str, int]:
    """For each of `references`, how many accepted messages carry it; zero says it was lost."""
    times = dict.fromkeys(references, 0)
    for message in messages:
        for mark in _marks(message) & references:
            times[mark] += 1
    return times


def _marks(message: Message) -> set[str]:
    if message.channel != "sms":
        return {message.reference} if message.reference else set()
    return set(WORD.findall(message.body or ""))


def _may_read(request: Request) -> bool:
    expected = b"Bearer " + room_of(request).credentials.inbox_token.encode()
    return hmac.compare_digest(request.headers.get("authorization", "").encode(), expected)


def _stranger() -> Response:
    return JSONResponse(
        {"error": "send the inbox token: Authorization: Bearer …"},
        401,
        {"WWW-Authenticate": "Bearer"},
    )
