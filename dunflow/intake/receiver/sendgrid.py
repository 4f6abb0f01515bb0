"""SendGrid's event webhook: what became of mails, and who does not want any more.

Source: twilio.com/docs/sendgrid/for-developers/tracking-events/event. Our custom argument stands at
the top level of each event, and a late bounce carries nothing else that names the mail. Opens and
clicks prove nothing, as scanners make them too.
"""

import json
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dunflow.intake.receiver.body import keepable, read_body
from dunflow.intake.receiver.desk import Desk, Telling
from dunflow.intake.receiver.keys import Keys
from dunflow.intake.receiver.tray import Tray
from dunflow.remind.senders.codes import Blame, of_bounce, of_dropped
from dunflow.remind.senders.outcome import Seen
from dunflow.remind.senders.sendgrid import REFERENCE

MAX_BYTES = 10_000_000
ON_ITS_WAY = frozenset({"processed", "deferred"})
OBJECTIONS = frozenset({"spamreport", "unsubscribe", "group_unsubscribe"})


async def events(request: Request) -> Response:
    """POST: a list of events about any number of mails, of ours and of others."""
    body = await signed_body(request, MAX_BYTES)
    if isinstance(body, Response):
        return body
    try:
        posted = json.loads(body)
    except (ValueError, RecursionError):
        return PlainTextResponse("not JSON", 400)
    if not isinstance(posted, list):
        return PlainTextResponse("not a list of events", 400)
    tellings = [read(event) for event in posted if isinstance(event, dict)]
    tray: Tray = request.app.state.tray
    await run_in_threadpool(tray.put, [each for each in tellings if each])
    return Response(status_code=204)


ROUTES = [Route("/sendgrid/events", events, methods=["POST"])]


async def signed_body(request: Request, at_most: int) -> bytes | Response:
    """What SendGrid posted, or the refusal of what it did not sign."""
    body = await read_body(request, at_most)
    desk: Desk = request.app.state.desk
    keys: Keys = request.app.state.keys
    if body is None:
        return PlainTextResponse("too large", 413)
    if not keys.sendgrid_signed(request.headers, body, desk.now().timestamp()):
        return PlainTextResponse("the signature does not hold", 403)
    return body


def read(event: dict[str, Any]) -> Telling | None:
    """What an event says; None if it is none that we can tell apart from others."""
    name, event_id = event.get("event"), event.get("sg_event_id")
    if not isinstance(name, str) or not isinstance(event_id, str):
        return None
    request_id = keepable(str(event.get("sg_message_id") or "")).partition(".")[0] or None
    reference = event.get(REFERENCE)
    code, blames = _failure(name, event)
    return Telling(
        provider="sendgrid",
        event_id=keepable(event_id),
        reference=keepable(reference) if isinstance(reference, str) else None,
        provider_id=request_id,
        status=keepable(name),
        error_code=code,
        seen=_seen(name, event, request_id, code, blames),
        says_no=name in OBJECTIONS,
    )


def _failure(name: str, event: dict[str, Any]) -> tuple[str | None, Blame | None]:
    """The code of a mail that did not arrive, and what that says."""
    if name == "dropped":
        return of_dropped(event.get("reason"))
    if name == "bounce":
        status = str(event.get("status") or "")
        return of_bounce(is_soft=event.get("type") == "blocked" or status.startswith("4"))
    return None, None


def _seen(
    name: str,
    event: dict[str, Any],
    request_id: str | None,
    code: str | None,
    blames: Blame | None,
) -> Seen | None:
    if code is not None:
        return Seen(request_id, None, "undelivered", code, blames)
    if request_id is None:
        return None
    # Other events come hours or days after it was accepted.
    told_at = _instant(event.get("timestamp")) if name == "processed" else None
    return Seen(request_id, told_at, "accepted" if name in ON_ITS_WAY else "delivered")


def _instant(timestamp: object) -> datetime | None:
    """None for what is no time of any calendar: it must not befall the other events."""
    try:
        return datetime.fromtimestamp(timestamp, UTC)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return None
