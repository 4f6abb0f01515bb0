"""Twilio's Calls resource: create, fetch and list, with the fields and types of the real one.

Who answers is told by the last four digits of the number (see PROFILES), or by a scripted fault.
"""

import json
import re
import secrets
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dunflow.sandbox.faults import answers
from dunflow.sandbox.life import HANGS_UP_S, RINGS_S, answered_by, stage
from dunflow.sandbox.room import room_of
from dunflow.sandbox.store import Fate, Message
from dunflow.sandbox.twilio import error_reply
from dunflow.sandbox.twilio.call_rules import PROFILES, filter_of_calls, refusal_of_call
from dunflow.sandbox.twilio.resource import API, Resource, may_enter, rfc2822, stranger, struck
from dunflow.sandbox.twilio.told import said_in

NARROWING = ("To", "From", "StartTime", "StartTime<", "StartTime>")
REPEATED = "StatusCallbackEvent"
"""The one field that a request may hold more than once."""
_REFERENCE = re.compile(r"/calls/([0-9A-Za-z]+)/", re.ASCII)


async def create(request: Request) -> Response:
    """POST …/Calls.json: 201 with the call, once it is kept."""
    room = room_of(request)
    if not may_enter(request, room.credentials):
        return stranger()
    fields = parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
    form = dict(fields)
    refusal = refusal_of_call(form)
    if refusal is not None:
        return error_reply(refusal)
    fault = room.faults.strike("voice", form["To"])
    if fault is not None and fault.moment == "before":
        return await struck(request, fault)
    now = room.clock.now().timestamp()
    events = [value for name, value in fields if name == REPEATED]
    call = _accepted(form, events, created_at=now)
    scripted = fault.fate if fault and fault.does == "fail" else PROFILES.get(form["To"][-4:])
    fate = Fate(scripted, 0) if scripted else None
    room.store.accept([call], fate)
    room.webhooks.follow_call(call, fate, room.faults.how_told(fault))
    if fault is not None and not await answers(fault):
        return await struck(request, fault)
    return JSONResponse(_shown(call, fate, now, room.credentials.account_sid), 201)


def _accepted(form: dict[str, str], events: list[str], *, created_at: float) -> Message:
    """The call as it is first kept. What it says by a URL is not known before somebody answers."""
    callback = _REFERENCE.search(form.get("StatusCallback", ""))
    kept = {name: value for name, value in form.items() if name not in ("To", "From", "Twiml")}
    return Message(
        channel="voice",
        provider_id=f"CA{secrets.token_hex(16)}",
        recipient=form["To"],
        sender=form["From"],
        sender_name=None,
        subject=None,
        body=said_in(form["Twiml"]) if "Url" not in form else None,
        html=None,
        reference=callback[1] if callback else None,
        segments=None,
        status="queued",
        created_at=created_at,
        sent_at=None,
        options=json.dumps(kept | {REPEATED: events}, ensure_ascii=False),
    )


def _shown(call: Message, fate: Fate | None, now: float, account: str) -> dict[str, object]:
    lived = stage(call, fate, now)
    began_at = call.created_at + RINGS_S
    is_over = lived.status not in ("queued", "ringing", "in-progress")
    was_taken = lived.status in ("in-progress", "completed")
    detects = "MachineDetection" in json.loads(call.options)
    talked_s = HANGS_UP_S if lived.status == "completed" else 0.0
    uri = f"/{API}/Accounts/{account}/Calls/{call.provider_id}"
    return {
        "account_sid": account,
        "annotation": None,
        "answered_by": answered_by(fate) if was_taken and detects else None,
        "api_version": API,
        "caller_name": None,
        "date_created": rfc2822(call.created_at),
        "date_updated": rfc2822(lived.since),
        "direction": "outbound-api",
        "duration": str(int(talked_s)) if is_over else None,
        "end_time": rfc2822(lived.since) if is_over else None,
        "forwarded_from": None,
        "from": call.sender,
        "from_formatted": call.sender,
        "group_sid": None,
        "parent_call_sid": None,
        "phone_number_sid": None,
        "price": None,
        "price_unit": "USD",
        "queue_time": "0",
        "sid": call.provider_id,
        "start_time": None if now < began_at else rfc2822(began_at),
        "status": lived.status,
        "subresource_uris": {"notifications": f"{uri}/Notifications.json"},
        "to": call.recipient,
        "to_formatted": call.recipient,
        "trunk_sid": None,
        "uri": f"{uri}.json",
    }


ROUTES = Resource("Calls", "voice", NARROWING, filter_of_calls, _shown).routes(create)
