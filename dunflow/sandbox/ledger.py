"""What was really accepted, for audits: a view that the clients of the two APIs do not have.

`GET /api/ledger` counts and names what was accepted twice. `POST /api/ledger` with
`{"references": [...]}` says how often each of them went out. Both want the inbox token as a bearer.
A reference of an email is its custom argument; one of an SMS is a word of its text.
"""

import hmac
import json
import re
from collections import Counter
from collections.abc import Iterable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dunflow.sandbox.room import room_of
from dunflow.sandbox.store import Message

WORD = re.compile(r"[0-9A-Za-z_-]+")


async def show(request: Request) -> Response:
    """GET: the counts, and what was accepted more than once."""
    if not _may_read(request):
        return _stranger()
    return JSONResponse(await run_in_threadpool(summary, room_of(request).store.scan()))


async def ask(request: Request) -> Response:
    """POST: how often each of the given references went out."""
    if not _may_read(request):
        return _stranger()
    try:
        references = json.loads(await request.body())["references"]
        wanted = frozenset(map(str, references))
    except (ValueError, LookupError, TypeError):
        return JSONResponse({"error": 'send {"references": ["…", …]}'}, 400)
    scan = room_of(request).store.scan()
    return JSONResponse({"times": await run_in_threadpool(times_contacted, scan, wanted)})


ROUTES = [
    Route("/api/ledger", show, methods=["GET"]),
    Route("/api/ledger", ask, methods=["POST"]),
]


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
        marks = {message.reference} if message.channel == "email" else _words(message.body)
        for mark in marks & references:
            times[mark] += 1
    return times


def _words(body: str | None) -> set[str | None]:
    return set(WORD.findall(body or ""))


def _may_read(request: Request) -> bool:
    expected = b"Bearer " + room_of(request).credentials.inbox_token.encode()
    return hmac.compare_digest(request.headers.get("authorization", "").encode(), expected)


def _stranger() -> Response:
    return JSONResponse(
        {"error": "send the inbox token: Authorization: Bearer …"},
        401,
        {"WWW-Authenticate": "Bearer"},
    )
