"""Twilio's webhooks: the status of an SMS, and what people answer.

Sources: twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks and
…/guides/webhook-request. Twilio adds fields without notice, and all of them are signed.
"""

from typing import Literal
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dunflow.intake.receiver.body import keepable, read_body
from dunflow.intake.receiver.desk import Desk, Telling
from dunflow.intake.receiver.keys import Keys
from dunflow.intake.receiver.tray import Tray
from dunflow.intake.replies import Reply
from dunflow.remind.senders.codes import of_twilio
from dunflow.remind.senders.outcome import Seen
from dunflow.remind.senders.twilio import STATUS_PATH
from dunflow.remind.senders.twilio_ask import ARRIVED, FAILED

MAX_BYTES = 1_000_000
"""A webhook of Twilio's has some dozens of short fields."""
SAYS: dict[str, Literal["stop", "start"]] = {"STOP": "stop", "START": "start"}
"""`OptOutType`, which Twilio gives where a Messaging Service has Advanced Opt-Out."""


async def status(request: Request) -> Response:
    """POST: how far a message has come. It may come before the create call's own reply."""
    form = await verified(request)
    if form is None:
        return unsigned()
    sid, told = text_of(form, "MessageSid"), text_of(form, "MessageStatus")
    if not sid or not told:
        return PlainTextResponse("MessageSid and MessageStatus are missing", 400)
    code = text_of(form, "ErrorCode") or None
    telling = Telling(
        provider="twilio",
        # Without a number of their own, two that say the same are the same.
        event_id=f"{sid} {told} {code or ''}".strip(),
        reference=request.path_params["reference"],
        provider_id=sid,
        status=told,
        error_code=code,
        seen=_seen(sid, told, code),
    )
    await run_in_threadpool(tray_of(request).put, [telling])
    return Response(status_code=204)


async def inbound(request: Request) -> Response:
    """POST: what a person wrote back."""
    form = await verified(request)
    if form is None:
        return unsigned()
    sid, sender = text_of(form, "MessageSid"), text_of(form, "From")
    if not sid or not sender:
        return PlainTextResponse("MessageSid and From are missing", 400)
    desk = desk_of(request)
    reply = Reply(
        ref=sid,
        channel="sms",
        text=text_of(form, "Body"),
        received_at=desk.now(),
        address=number_of(sender),
        told=SAYS.get(text_of(form, "OptOutType")),
    )
    ours = [number_of(text_of(form, "To")), text_of(form, "MessagingServiceSid")]
    await run_in_threadpool(desk.receive, [each for each in ours if each], reply)
    return Response("<Response/>", media_type="text/xml")


ROUTES = [
    Route(f"{STATUS_PATH}/{{reference}}", status, methods=["POST"]),
    Route("/twilio/inbound", inbound, methods=["POST"]),
]


async def verified(request: Request) -> FormData | None:
    """The form, if Twilio signed it. Blank fields are part of what is signed."""
    body = await read_body(request, MAX_BYTES)
    if body is None:
        return None
    raw = body.decode(errors="replace")
    fields: list[tuple[str, str | UploadFile]] = [*parse_qsl(raw, keep_blank_values=True)]
    form = FormData(fields)
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    keys: Keys = request.app.state.keys
    return form if keys.twilio_signed(path, request.headers, form) else None


def _seen(sid: str, told: str, code: str | None) -> Seen:
    if told in ARRIVED:
        return Seen(sid, None, "delivered")
    if told in FAILED:
        return Seen(sid, None, "undelivered", code or told, of_twilio(code))
    return Seen(sid, None)


def number_of(written: str) -> str:
    """The number of `rcs:+8613…` or `whatsapp:+8613…`: somebody who says no there means us, however
    the words came, and one opt-out covers SMS and RCS."""
    return written.rpartition(":")[2]


def text_of(form: FormData, name: str) -> str:
    return keepable(str(form.get(name, "")))


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def tray_of(request: Request) -> Tray:
    tray: Tray = request.app.state.tray
    return tray


def unsigned() -> Response:
    return PlainTextResponse("the signature does not hold", 403)
