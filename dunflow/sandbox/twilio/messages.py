"""Twilio's Messages resource: create, fetch and list, with the fields and types of the real one."""

import json
import secrets
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dunflow.remind.render.segments import measure
from dunflow.sandbox.faults import answers
from dunflow.sandbox.life import LEAVES_S, stage
from dunflow.sandbox.room import room_of
from dunflow.sandbox.store import ANSWER, Fate, Message, Store
from dunflow.sandbox.twilio import Refusal, error_reply
from dunflow.sandbox.twilio.listing import NARROWING, filter_of
from dunflow.sandbox.twilio.resource import (
    API,
    WORDS,
    Resource,
    may_enter,
    rfc2822,
    stranger,
    struck,
)
from dunflow.sandbox.twilio.rules import refusal_of

FIELDS_OF_THEIR_OWN = ("To", "From", "Body")


async def create(request: Request) -> Response:
    """POST …/Messages.json: 201 with the message, once it is kept."""
    room = room_of(request)
    if not may_enter(request, room.credentials):
        return stranger()
    form = dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
    refusal = refusal_of(form) or _stopped(room.store, form)
    if refusal is not None:
        return error_reply(refusal)
    fault = room.faults.strike("sms", form["To"])
    if fault is not None and fault.moment == "before":
        return await struck(request, fault)
    now = room.clock.now().timestamp()
    message = _accepted(form, created_at=now)
    fate = Fate(fault.fate, fault.code) if fault and fault.does == "fail" else None
    room.store.accept([message], fate)
    told = form.get("StatusCallback")
    room.webhooks.follow_sms(message, fate, told, room.faults.how_told(fault))
    if fault is not None and not await answers(fault):
        return await struck(request, fault)
    return JSONResponse(_shown(message, None, now, room.credentials.account_sid), 201)


def _stopped(store: Store, form: dict[str, str]) -> Refusal | None:
    """The person told this number, or this Messaging Service, to stop."""
    sender = form.get("MessagingServiceSid") or form.get("From", "")
    return Refusal(21610, WORDS[21610]) if store.is_stopped(form["To"], sender) else None


def _accepted(form: dict[str, str], *, created_at: float) -> Message:
    """The message as Twilio first has it. A Messaging Service picks the sender later, and counts
    the segments only then."""
    by_service = "MessagingServiceSid" in form
    options = {name: value for name, value in form.items() if name not in FIELDS_OF_THEIR_OWN}
    return Message(
        channel="sms",
        provider_id=f"SM{secrets.token_hex(16)}",
        recipient=form["To"],
        sender=form.get("From") if not by_service else None,
        sender_name=None,
        subject=None,
        body=form["Body"],
        html=None,
        reference=None,
        segments=0 if by_service else measure(form["Body"]).segments,
        status="accepted" if by_service else "queued",
        created_at=created_at,
        sent_at=None,
        options=json.dumps(options, ensure_ascii=False),
    )


def _shown(message: Message, fate: Fate | None, now: float, account: str) -> dict[str, object]:
    lived = stage(message, fate, now)
    is_answer = message.channel == ANSWER
    left_at = message.created_at + (0.0 if is_answer else LEAVES_S)
    uri = f"/{API}/Accounts/{account}/Messages/{message.provider_id}"
    return {
        "account_sid": account,
        "api_version": API,
        "body": message.body,
        "date_created": rfc2822(message.created_at),
        "date_sent": None if now < left_at else rfc2822(left_at),
        "date_updated": rfc2822(lived.since),
        "direction": "inbound" if is_answer else "outbound-api",
        "error_code": lived.error_code,
        "error_message": None,
        "from": message.sender,
        "messaging_service_sid": json.loads(message.options).get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": str(message.segments),
        "price": None,
        "price_unit": "USD",
        "sid": message.provider_id,
        "status": lived.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.recipient,
        "uri": f"{uri}.json",
    }


ROUTES = Resource("Messages", "sms", NARROWING, filter_of, _shown).routes(create)
