"""Twilio's Messages resource: create, fetch and list, with the fields and types of the real one."""

import base64
import hmac
import json
import secrets
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dunflow.remind.render.segments import measure
from dunflow.sandbox.credentials import Credentials
from dunflow.sandbox.faults import Kind, answers, lose_reply
from dunflow.sandbox.life import LEAVES_S, stage
from dunflow.sandbox.room import room_of
from dunflow.sandbox.store import Fate, Filter, Message, Store
from dunflow.sandbox.twilio import Refusal, error_reply, not_found
from dunflow.sandbox.twilio.listing import NARROWING, Page, filter_of, read_page
from dunflow.sandbox.twilio.rules import refusal_of

API = "2010-04-01"
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
    return JSONResponse(_resource(message, None, now, room.credentials.account_sid), 201)


async def fetch(request: Request) -> Response:
    """GET …/Messages/{SID}.json."""
    room = room_of(request)
    if not may_enter(request, room.credentials):
        return stranger()
    wanted = Filter(channel="sms", provider_id=request.path_params["sid"])
    found = room.store.newest(wanted, limit=1)
    if not found:
        return not_found(request)
    now = room.clock.now().timestamp()
    fate = room.store.fates([found[0].provider_id]).get(found[0].provider_id)
    return JSONResponse(_resource(found[0], fate, now, room.credentials.account_sid))


async def list_messages(request: Request) -> Response:
    """GET …/Messages.json: newest first, those not sent yet included."""
    room = room_of(request)
    if not may_enter(request, room.credentials):
        return stranger()
    now = room.clock.now().timestamp()
    wanted = filter_of(request.query_params, now)
    page = read_page(room.store, request.url.path, request.query_params, wanted, NARROWING)
    if isinstance(page, Refusal):
        return error_reply(page)
    fates = room.store.fates([message.provider_id for message in page.messages])
    account = room.credentials.account_sid
    shown = [_resource(each, fates.get(each.provider_id), now, account) for each in page.messages]
    return JSONResponse(page_of(page, "messages", shown))


ROUTES = [
    Route(f"/{API}/Accounts/{{account}}/Messages.json", create, methods=["POST"]),
    Route(f"/{API}/Accounts/{{account}}/Messages.json", list_messages, methods=["GET"]),
    Route(f"/{API}/Accounts/{{account}}/Messages/{{sid}}.json", fetch, methods=["GET"]),
]


def may_enter(request: Request, credentials: Credentials) -> bool:
    pair = f"{credentials.account_sid}:{credentials.auth_token}".encode()
    expected = b"Basic " + base64.b64encode(pair)
    given = request.headers.get("authorization", "").encode()
    own_account: bool = request.path_params["account"] == credentials.account_sid
    return hmac.compare_digest(given, expected) and own_account


def stranger() -> Response:
    return error_reply(Refusal(20003, "Authenticate", 401))


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


async def struck(request: Request, fault: Kind) -> Response:
    """What a scripted fault makes of the call."""
    if fault.does in ("drop", "hang"):
        return await lose_reply(request, fault)
    reply = error_reply(Refusal(fault.code, WORDS.get(fault.code, "Scripted"), fault.status))
    if fault.status == 429:
        reply.headers["Retry-After"] = "1"
    return reply


WORDS = {
    20003: "Authenticate",
    20429: "Too Many Requests",
    20503: "Service unavailable",
    21211: "Invalid 'To' Phone Number",
    21610: "Attempt to send to unsubscribed recipient",
}


def _resource(message: Message, fate: Fate | None, now: float, account: str) -> dict[str, object]:
    lived = stage(message, fate, now)
    left_at = message.created_at + LEAVES_S
    uri = f"/{API}/Accounts/{account}/Messages/{message.provider_id}"
    return {
        "account_sid": account,
        "api_version": API,
        "body": message.body,
        "date_created": rfc2822(message.created_at),
        "date_sent": None if now < left_at else rfc2822(left_at),
        "date_updated": rfc2822(lived.since),
        "direction": "outbound-api",
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


def page_of(page: Page, name: str, shown: list[dict[str, object]]) -> dict[str, object]:
    """The SDK takes the one field that it does not know for the list, so none may be added."""
    start = page.number * page.size
    return {
        "end": start + max(0, len(page.messages) - 1),
        "first_page_uri": page.first_uri,
        name: shown,
        "next_page_uri": page.next_uri,
        "page": page.number,
        "page_size": page.size,
        "previous_page_uri": page.previous_uri,
        "start": start,
        "uri": page.uri,
    }


def rfc2822(seconds: float) -> str:
    """Always at +0000: the SDK drops the offset and takes what is left for UTC."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC))
