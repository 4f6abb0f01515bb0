"""Bad days, on order: how the next calls of a provider end.

`POST /_sandbox/faults` with the inbox token and, for example,
`{"channel": "sms", "kind": "timeout_after_accept", "times": 2, "recipient": "+86…"}` orders one;
`GET` shows those that are left, `DELETE` ends them all. With `ratio` (0 to 1) and `seed` it strikes
that share of the calls, the same ones each time; without `times` it lasts. `seconds` is how long
the reply of a `slow` one takes. Where several fit, the first that was scripted strikes. They are
kept in memory: a sandbox that is started anew is well.
"""

import asyncio
import hmac
import json
import random
from dataclasses import field
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, Field, PositiveInt
from pydantic.dataclasses import dataclass
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

HANG_S = 60.0
"""Longer than any client of ours waits."""

Moment = Literal["before", "after"]


class Kind(NamedTuple):
    """What a fault does. `moment`: before or after the message is accepted."""

    moment: Moment
    does: Literal["drop", "hang", "http", "refuse", "fail", "tell", "wait"]
    status: int = 0
    code: int = 0
    fate: str = ""
    wait_s: float = 0.0


KINDS: dict[str, Kind] = {
    # The reply never comes: to a client a time-out and a connection that breaks are alike, and the
    # second does not take a test ten seconds. `hang` is a true time-out.
    "timeout_before_accept": Kind("before", "drop"),
    "timeout_after_accept": Kind("after", "drop"),
    "hang_before_accept": Kind("before", "hang"),
    "hang_after_accept": Kind("after", "hang"),
    "http_429": Kind("before", "http", 429, 20429),
    "http_503": Kind("before", "http", 503, 20503),
    "http_503_after_accept": Kind("after", "http", 503, 20503),
    "bad_credentials": Kind("before", "http", 401, 20003),
    "invalid_number": Kind("before", "refuse", 400, 21211),
    "landline": Kind("before", "refuse", 400, 21614),
    "opted_out": Kind("before", "refuse", 400, 21610),
    "queue_full": Kind("before", "refuse", 400, 21611),
    # Accepted, and failed afterwards. Email has its own names for it, and no codes.
    "undelivered": Kind("after", "fail", code=30008, fate="blocked"),
    "bounced": Kind("after", "fail", code=30005, fate="bounced"),
    "filtered": Kind("after", "fail", code=30007, fate="dropped"),
    "unreachable": Kind("after", "fail", code=30003, fate="blocked"),
    "sender_blocked": Kind("after", "fail", code=30034, fate="over_quota"),
    # Calls: nobody, or no person, answers.
    "no_answer": Kind("after", "fail", fate="no-answer"),
    "busy": Kind("after", "fail", fate="busy"),
    "machine": Kind("after", "fail", fate="machine_end_beep"),
    "unclear": Kind("after", "fail", fate="unknown"),
    "fax": Kind("after", "fail", fate="fax"),
    # All is well, but what is told of it.
    "webhooks_lost": Kind("after", "tell", fate="lost"),
    "webhooks_doubled": Kind("after", "tell", fate="doubled"),
    "webhooks_reversed": Kind("after", "tell", fate="reversed"),
    # All is well, and it takes its time.
    "slow": Kind("after", "wait"),
}
CHANNELS = ("sms", "email", "voice")
SMS_ONLY = frozenset({"landline", "queue_full", "opted_out"})
MESSAGES_ONLY = frozenset({"undelivered", "bounced", "filtered", "unreachable", "sender_blocked"})
CALLS_ONLY = frozenset({"no_answer", "busy", "machine", "unclear", "fax"})
UNKNOWN_TO = {
    "sms": CALLS_ONLY,
    "email": SMS_ONLY | CALLS_ONLY,
    "voice": SMS_ONLY | MESSAGES_ONLY,
}
"""Channel → the kinds that don't happen there."""


@dataclass(config=ConfigDict(extra="forbid", arbitrary_types_allowed=True))
class Fault:
    """One order. `times` counts down; None: it lasts."""

    channel: str
    kind: str
    times: PositiveInt | None = None
    recipient: str | None = None
    ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    seed: int = 0
    seconds: Annotated[float, Field(ge=0, le=HANG_S)] = 2.0
    dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - has to repeat itself

    def strikes(self, channel: str, recipient: str) -> bool:
        if channel != self.channel or self.times == 0:
            return False
        if self.recipient is not None and self.recipient.lower() != recipient.lower():
            return False
        if self.ratio < 1.0 and self.dice.random() >= self.ratio:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def shown(self) -> dict[str, object]:
        return {
            "channel": self.channel,
            "kind": self.kind,
            "times": self.times,
            "recipient": self.recipient,
            "ratio": self.ratio,
            "seed": self.seed,
            "seconds": self.seconds,
        }


class Faults:
    """What is scripted, in the order of scripting."""

    def __init__(self) -> None:
        self.scripted: list[Fault] = []

    @staticmethod
    def how_told(fault: Kind | None) -> str:
        """What is wrong with the webhooks of a message; empty: nothing."""
        return fault.fate if fault is not None and fault.does == "tell" else ""

    def strike(self, channel: str, recipient: str) -> Kind | None:
        """The fault that befalls this call, which is used up by it."""
        for fault in self.scripted:
            if fault.strikes(channel, recipient):
                self.scripted = [each for each in self.scripted if each.times != 0]
                kind = KINDS[fault.kind]
                return kind._replace(wait_s=fault.seconds) if kind.does == "wait" else kind
        return None


async def answers(fault: Kind) -> bool:
    """Whether a call with this fault is answered as any other; it is time for that then."""
    await asyncio.sleep(fault.wait_s)
    return fault.does in ("fail", "tell", "wait")


async def lose_reply(request: Request, kind: Kind) -> Response:
    """Break the connection, at once or after a time-out; what is returned reaches nobody."""
    if kind.does == "hang":
        await asyncio.sleep(HANG_S)
    transport = request.scope.get(TRANSPORT)
    if transport is not None:
        transport.abort()
        await asyncio.sleep(0)  # so that the server notices, and does not try to write
    return Response(status_code=500)


TRANSPORT = "dunflow.transport"


class LetTransportIn:
    """Puts the connection into each request's scope, for those who have to break it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.state = app.state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        await self._app({**scope, TRANSPORT: transport}, receive, send)


async def script(request: Request) -> Response:
    """POST: one more fault."""
    faults = _faults_of(request)
    if faults is None:
        return _stranger()
    try:
        fault = Fault(**json.loads(await request.body()))
    except (ValueError, TypeError) as err:
        return JSONResponse({"error": f"not a fault: {err}"}, 400)
    if fault.kind not in KINDS or fault.channel not in CHANNELS:
        return JSONResponse(
            {"error": f"kind is one of {sorted(KINDS)}, channel one of {CHANNELS}"}, 400
        )
    if fault.kind in UNKNOWN_TO[fault.channel]:
        return JSONResponse({"error": f"{fault.channel} knows no {fault.kind}"}, 400)
    faults.scripted.append(fault)
    return JSONResponse(fault.shown(), 201)


async def show(request: Request) -> Response:
    """GET: those that are left."""
    faults = _faults_of(request)
    if faults is None:
        return _stranger()
    return JSONResponse({"faults": [fault.shown() for fault in faults.scripted]})


async def end(request: Request) -> Response:
    """DELETE: all is well again."""
    faults = _faults_of(request)
    if faults is None:
        return _stranger()
    faults.scripted.clear()
    return Response(status_code=204)


ROUTES = [
    Route("/_sandbox/faults", script, methods=["POST"]),
    Route("/_sandbox/faults", show, methods=["GET"]),
    Route("/_sandbox/faults", end, methods=["DELETE"]),
]


def _faults_of(request: Request) -> Faults | None:
    room = request.app.state.room
    expected = b"Bearer " + room.credentials.inbox_token.encode()
    given = request.headers.get("authorization", "").encode()
    faults: Faults = room.faults
    return faults if hmac.compare_digest(given, expected) else None


def _stranger() -> Response:
    return JSONResponse(
        {"error": "send the inbox token: Authorization: Bearer …"},
        401,
        {"WWW-Authenticate": "Bearer"},
    )
