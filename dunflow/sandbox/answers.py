"""People who answer: `POST /_sandbox/answers` with the inbox token lets one write back.

`{"from": "+86…", "to": "+1…", "text": "STOP"}`: `to` is the sender's number. It goes to the
receiver as Twilio would send it. A whole message of STOP makes that sender's texts to the person
fail with 21610 until a START. The scope is the one number, or the Messaging Service. Sources:
support.twilio.com 223134027 and 31560110671259.

Where `to` is an address, it answers the newest mail that the person got, which it quotes, and goes
to the receiver as SendGrid's inbound parse would send it.

`POST /_sandbox/keys` with `{"number": "+86…", "digits": "0423"}` lets whoever answers the next call
there press these, once the call asks for keys.
"""

import hmac
import json
import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dunflow.remind.render.segments import measure
from dunflow.sandbox.room import room_of
from dunflow.sandbox.store import ANSWER, Filter, Message

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
START = frozenset({"START", "YES", "UNSTOP"})
HELP = frozenset({"HELP", "INFO"})
"""Twilio's own words, which count only as the whole message, in any case of letters."""


def _opt_out_type(to: str, word: str) -> str | None:
    """What Twilio tells of the word: only with a Messaging Service's Advanced Opt-Out."""
    kinds = {"STOP": STOP, "START": START, "HELP": HELP}
    if not to.startswith("MG"):
        return None
    return next((kind for kind, words in kinds.items() if word in words), None)


async def answer(request: Request) -> Response:
    """POST: 202 once it is on its way."""
    room = room_of(request)
    if not is_known(request):
        return stranger()
    try:
        given = json.loads(await request.body())
        sender, to, text = (str(given[name]) for name in ("from", "to", "text"))
    except (ValueError, LookupError, TypeError):
        return JSONResponse({"error": 'send {"from": "…", "to": "…", "text": "…"}'}, 400)
    if "@" in to:
        newest = room.store.newest(Filter(channel="email", recipient=sender), limit=1)
        room.webhooks.answer_mail(sender, to, text, newest[0] if newest else None)
        return Response(status_code=202)
    word = text.strip().upper()
    if word in STOP:
        room.store.stop(sender, to)
    elif word in START:
        room.store.start(sender, to)
    written = _written(sender, to, text, room.clock.now().timestamp())
    room.store.accept([written])
    room.webhooks.answer(written.provider_id, sender, to, text, _opt_out_type(to, word))
    return Response(status_code=202)


def _written(sender: str, to: str, text: str, at: float) -> Message:
    """Twilio keeps what it receives among the account's messages, whether or not it can tell it."""
    return Message(
        channel=ANSWER,
        provider_id=f"SM{secrets.token_hex(16)}",
        recipient=to,
        sender=sender,
        sender_name=None,
        subject=None,
        body=text,
        html=None,
        reference=None,
        segments=measure(text).segments,
        status="received",
        created_at=at,
        sent_at=None,
        options="{}",
    )


async def press(request: Request) -> Response:
    """POST: 202 once it is known."""
    if not is_known(request):
        return stranger()
    try:
        given = json.loads(await request.body())
        number, digits = (str(given[name]) for name in ("number", "digits"))
    except (ValueError, LookupError, TypeError):
        return JSONResponse({"error": 'send {"number": "…", "digits": "…"}'}, 400)
    room_of(request).webhooks.press(number, digits)
    return Response(status_code=202)


ROUTES = [
    Route("/_sandbox/answers", answer, methods=["POST"]),
    Route("/_sandbox/keys", press, methods=["POST"]),
]


def is_known(request: Request) -> bool:
    expected = b"Bearer " + room_of(request).credentials.inbox_token.encode()
    return hmac.compare_digest(request.headers.get("authorization", "").encode(), expected)


def stranger() -> Response:
    return JSONResponse({"error": "send the inbox token: Authorization: Bearer …"}, 401)
