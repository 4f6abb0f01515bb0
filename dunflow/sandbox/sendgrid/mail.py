"""SendGrid's mail/send: 202, an empty body and X-Message-Id, once every recipient's mail is kept."""

import hmac
import json
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dunflow.sandbox.room import room_of
from dunflow.sandbox.sendgrid import Refusal, error_reply
from dunflow.sandbox.sendgrid.rules import personalizations, recipients, refusal_of
from dunflow.sandbox.store import Message

MAX_REQUEST_BYTES = 30_000_000
REFERENCE = "dunflow_reference"
"""The custom argument that names one contact of Dunflow's."""


async def send(request: Request) -> Response:
    """POST /v3/mail/send."""
    room = room_of(request)
    refusal = _refused_request(request, room.credentials.api_key)
    if refusal is not None:
        return error_reply(refusal.status, refusal.message, refusal.field)
    body = await request.body()
    if len(body) > MAX_REQUEST_BYTES:
        return error_reply(413, "The JSON payload you have included in your request is too large.")
    try:
        mail = json.loads(body)
    except ValueError:
        return error_reply(400, "Bad Request")
    refusal = refusal_of(mail)
    if refusal is not None:
        return error_reply(refusal.status, refusal.message, refusal.field)
    if _is_only_a_check(mail):
        return Response(status_code=200)
    request_id = secrets.token_urlsafe(16)
    room.store.accept(_accepted(mail, request_id, created_at=room.clock.now().timestamp()))
    return Response(status_code=202, headers={"X-Message-Id": request_id})


ROUTES = [Route("/v3/mail/send", send, methods=["POST"])]


def _refused_request(request: Request, api_key: str) -> Refusal | None:
    given = request.headers.get("authorization", "").encode()
    if not hmac.compare_digest(given, b"Bearer " + api_key.encode()):
        return Refusal(
            "The provided authorization grant is invalid, expired, or revoked", status=401
        )
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        return Refusal("Content-Type should be application/json.", status=415)
    return None


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
