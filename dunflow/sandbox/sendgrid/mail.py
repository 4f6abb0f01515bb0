"""SendGrid's mail/send: 202, no body and an X-Message-Id, once every recipient's mail is kept."""

import json
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dunflow.sandbox.faults import Kind, answers, lose_reply
from dunflow.sandbox.room import Room, room_of
from dunflow.sandbox.sendgrid import Refusal, error_reply, refused_key
from dunflow.sandbox.sendgrid.rules import BAD_REQUEST, personalizations, recipients, refusal_of
from dunflow.sandbox.sendgrid.undelivered import HARD_BOUNCE, reason
from dunflow.sandbox.store import Fate, Message, Suppressed

MAX_REQUEST_BYTES = 30_000_000
TOO_LARGE = Refusal("The JSON payload you have included in your request is too large.", status=413)
REFERENCE = "dunflow_reference"
"""The custom argument that names one contact of Dunflow's."""


async def send(request: Request) -> Response:
    """POST /v3/mail/send."""
    room = room_of(request)
    refusal = refused_key(request, room.credentials.api_key) or _refused_type(request)
    if refusal is not None:
        return error_reply(refusal)
    body = await request.body()
    if len(body) > MAX_REQUEST_BYTES:
        return error_reply(TOO_LARGE)
    try:
        mail = json.loads(body)
        # Half a surrogate pair is allowed in JSON but is no text.
        json.dumps(mail, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return error_reply(BAD_REQUEST)
    refusal = refusal_of(mail)
    if refusal is not None:
        return error_reply(refusal)
    if _is_only_a_check(mail):
        return Response(status_code=200)
    fault = room.faults.strike("email", _first_recipient(mail))
    if fault is not None and fault.moment == "before":
        return await _struck(request, fault)
    request_id = _keep(room, mail, fault)
    if fault is not None and not await answers(fault):
        return await _struck(request, fault)
    return Response(status_code=202, headers={"X-Message-Id": request_id})


ROUTES = [Route("/v3/mail/send", send, methods=["POST"])]


def _keep(room: Room, mail: dict[str, Any], fault: Kind | None) -> str:
    """Accept the mail, and let become of it what is to; the id of the request."""
    request_id, created_at = secrets.token_urlsafe(16), room.clock.now().timestamp()
    recipient = _first_recipient(mail)
    fate = Fate(fault.fate, fault.code) if fault and fault.does == "fail" else None
    if (listed := room.store.listed(recipient)) is not None:
        fate = Fate("dropped", 0)
    accepted = _accepted(mail, request_id, created_at=created_at)
    room.store.accept(accepted, fate)
    if fate is not None and fate.event == "bounced":
        room.store.suppress(Suppressed("bounces", recipient, int(created_at), *HARD_BOUNCE))
    why = reason(fate, listed) if fate is not None else ""
    for message in accepted:
        room.webhooks.follow_mail(message, fate, room.faults.how_told(fault), why)
    return request_id


async def _struck(request: Request, fault: Kind) -> Response:
    """What a scripted fault makes of the call."""
    match fault.does:
        case "drop" | "hang":
            return await lose_reply(request, fault)
        case "refuse":
            to = "personalizations.0.to.0.email"
            return error_reply(Refusal("Does not contain a valid address.", to))
        case _:
            reply = error_reply(Refusal("scripted", status=fault.status))
            if fault.status == 429:
                reply.headers["Retry-After"] = "1"
            return reply


def _first_recipient(mail: dict[str, Any]) -> str:
    return str(next(recipients(personalizations(mail)[0]))[1]["email"])


def _refused_type(request: Request) -> Refusal | None:
    if request.headers.get("content-type", "").split(";")[0].strip() == "application/json":
        return None
    return Refusal("Content-Type should be application/json.", status=415)


def _is_only_a_check(mail: dict[str, Any]) -> bool:
    """SendGrid's own sandbox mode: the mail is checked, answered with 200, and thrown away."""
    settings = mail.get("mail_settings") or {}
    return (settings.get("sandbox_mode") or {}).get("enable") is True


def _accepted(mail: dict[str, Any], request_id: str, *, created_at: float) -> list[Message]:
    """One message per recipient, all under the id of the request, as in SendGrid's events."""
    parts = {part["type"]: part["value"] for part in reversed(mail.get("content") or [])}
    rest = {name: value for name, value in mail.items() if name in ("reply_to", "categories")}
    kept = []
    for personalization in personalizations(mail):
        arguments: dict[str, str] = {
            **mail.get("custom_args", {}),
            **personalization.get("custom_args", {}),
        }
        options = json.dumps({**rest, "custom_args": arguments}, ensure_ascii=False)
        for _, recipient in recipients(personalization):
            kept.append(
                Message(
                    channel="email",
                    provider_id=request_id,
                    recipient=recipient["email"],
                    sender=mail["from"]["email"],
                    sender_name=mail["from"].get("name"),
                    subject=personalization.get("subject") or mail.get("subject"),
                    body=parts.get("text/plain"),
                    html=parts.get("text/html"),
                    reference=arguments.get(REFERENCE),
                    segments=None,
                    status="processed",
                    created_at=created_at,
                    sent_at=None,
                    options=options,
                )
            )
    return kept
