"""People who answer: `POST /_sandbox/answers` with the inbox token lets one write back.

`{"from": "+86…", "to": "+1…", "text": "STOP"}`: `to` is the sender's number. It goes to the
receiver as Twilio would send it.
"""

import hmac
import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dunflow.sandbox.room import room_of


async def answer(request: Request) -> Response:
    """POST: 202 once it is on its way."""
    room = room_of(request)
    expected = b"Bearer " + room.credentials.inbox_token.encode()
    if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected):
        return JSONResponse({"error": "send the inbox token: Authorization: Bearer …"}, 401)
    try:
        given = json.loads(await request.body())
        sender, to, text = (str(given[name]) for name in ("from", "to", "text"))
    except (ValueError, LookupError, TypeError):
        return JSONResponse({"error": 'send {"from": "…", "to": "…", "text": "…"}'}, 400)
    room.webhooks.answer(sender, to, text)
    return Response(status_code=202)


ROUTES = [Route("/_sandbox/answers", answer, methods=["POST"])]
