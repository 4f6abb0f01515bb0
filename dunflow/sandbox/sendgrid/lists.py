"""SendGrid's lists of addresses that it sends nothing to any more.

Who bounced is on one of them from then on; `POST /_sandbox/suppressions` with the inbox token puts
somebody on any: `{"list": "unsubscribes", "email": "…"}`. No event tells of it, as if it were lost.
A mail to somebody who is listed is answered with 202 and dropped. Source:
twilio.com/docs/sendgrid/api-reference/suppressions.
"""

import json
import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dunflow.sandbox.answers import is_known, stranger
from dunflow.sandbox.room import room_of
from dunflow.sandbox.sendgrid import Refusal, error_reply, refused_key
from dunflow.sandbox.sendgrid.undelivered import HARD_BOUNCE
from dunflow.sandbox.store import Suppressed

MAX_LIMIT = 500
SHOWN = {
    "unsubscribes": ("created", "email"),
    "spam_reports": ("created", "email"),
    "bounces": ("created", "email", "reason", "status"),
    "invalid_emails": ("created", "email", "reason"),
}


async def find(request: Request) -> Response:
    """GET /v3/suppression/{list}?start_time=…&end_time=…&limit=…&offset=…: newest first."""
    room = room_of(request)
    refusal = refused_key(request, room.credentials.api_key)
    if refusal is not None:
        return error_reply(refusal)
    name: str = request.path_params["list"]
    if name not in SHOWN:
        return error_reply(Refusal("resource not found", status=404))
    numbers = {"start_time": 0, "end_time": 2**40, "limit": MAX_LIMIT, "offset": 0}
    for key in numbers:
        given = request.query_params.get(key)
        if given is None:
            continue
        if not re.fullmatch("[0-9]{1,12}", given):
            return error_reply(Refusal(f"{key} must be a number", key))
        numbers[key] = int(given)
    if not 1 <= numbers["limit"] <= MAX_LIMIT:
        return error_reply(Refusal(f"limit must be between 1 and {MAX_LIMIT}", "limit"))
    rows = room.store.suppressed(name, **numbers)
    return JSONResponse([{key: getattr(row, key) for key in SHOWN[name]} for row in rows])


async def suppress(request: Request) -> Response:
    """POST: 202 once it is on the list."""
    room = room_of(request)
    if not is_known(request):
        return stranger()
    try:
        given = json.loads(await request.body())
        name, email = (str(given[key]) for key in ("list", "email"))
        reason, status = HARD_BOUNCE if name == "bounces" else ("", "")
        status = str(given.get("status", status))
        known = name in SHOWN
    except (ValueError, LookupError, TypeError, AttributeError):
        known = False
    if not known:
        error = f'send {{"list": "…", "email": "…"}}; a list is one of {", ".join(SHOWN)}'
        return JSONResponse({"error": error}, 400)
    created = int(room.clock.now().timestamp())
    room.store.suppress(Suppressed(name, email, created, reason, status))
    return Response(status_code=202)


ROUTES = [
    Route("/v3/suppression/{list}", find, methods=["GET"]),
    Route("/_sandbox/suppressions", suppress, methods=["POST"]),
]
