"""Twilio's webhooks of automated calls: what to say, which keys were pressed, how it ended.

Sources: twilio.com/docs/voice/twiml, …/answering-machine-detection, …/api/call-resource.
"""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dunflow.intake.receiver.desk import Telling
from dunflow.intake.receiver.keys import Keys
from dunflow.intake.receiver.twilio import desk_of, text_of, tray_of, unsigned, verified
from dunflow.remind import voice
from dunflow.remind.senders.outcome import Seen
from dunflow.remind.senders.twilio_voice import CALLS_PATH, result_of

NOTHING = '<?xml version="1.0" encoding="UTF-8"?><Response><Hangup/></Response>'


async def answer(request: Request) -> Response:
    """POST: somebody, or something, has answered; what is it told?"""
    form = await verified(request)
    if form is None:
        return unsigned()
    reference = request.path_params["reference"]
    script = await run_in_threadpool(desk_of(request).script, reference)
    if script is None:
        return _twiml(NOTHING)
    return _twiml(voice.answered(script, text_of(form, "AnsweredBy"), _keys_url(request)))


async def keys(request: Request) -> Response:
    """POST: a person has pressed keys."""
    form = await verified(request)
    if form is None:
        return unsigned()
    reference, digits = request.path_params["reference"], text_of(form, "Digits")
    desk = desk_of(request)
    script = await run_in_threadpool(desk.script, reference)
    if script is None:
        return _twiml(NOTHING)
    sid = text_of(form, "CallSid")
    if digits in (voice.WRONG_PERSON, voice.NO_MORE_CALLS):
        await run_in_threadpool(desk.refused, reference, sid, digits)
    elif voice.is_customer(script, digits):
        told = Telling("twilio", f"{sid} identified", reference, sid, "identified", None, None)
        await run_in_threadpool(tray_of(request).put, [told])
    attempt: int = request.path_params["attempt"]
    return _twiml(voice.keyed(script, digits, attempt, _keys_url(request)))


async def status(request: Request) -> Response:
    """POST: how far a call has come. It may come before the create call's own reply."""
    form = await verified(request)
    if form is None:
        return unsigned()
    sid, told = text_of(form, "CallSid"), text_of(form, "CallStatus")
    if not sid or not told:
        return PlainTextResponse("CallSid and CallStatus are missing", 400)
    answered_by = text_of(form, "AnsweredBy")
    telling = Telling(
        provider="twilio",
        event_id=f"{sid} {told} {answered_by}".strip(),
        reference=request.path_params["reference"],
        provider_id=sid,
        status=f"{told} {answered_by}".strip(),
        error_code=None,
        seen=_seen(sid, told, answered_by),
    )
    await run_in_threadpool(tray_of(request).put, [telling])
    return Response(status_code=204)


ROUTES = [
    Route(f"{CALLS_PATH}/{{reference}}/answer", answer, methods=["POST"]),
    Route(f"{CALLS_PATH}/{{reference}}/keys/{{attempt:int}}", keys, methods=["POST"]),
    Route(f"{CALLS_PATH}/{{reference}}/status", status, methods=["POST"]),
]


def _seen(sid: str, told: str, answered_by: str) -> Seen:
    """Where it does not say who answered, the call's own record is asked later."""
    if told == "completed" and not answered_by:
        return Seen(sid, None)
    return result_of(sid, None, told, answered_by)


def _keys_url(request: Request) -> str:
    known: Keys = request.app.state.keys
    return f"{known.public_url}{CALLS_PATH}/{request.path_params['reference']}/keys"


def _twiml(text: str) -> Response:
    return Response(text, media_type="text/xml")
