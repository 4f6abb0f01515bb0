"""What Twilio's resources have in common: who may enter, fetching, lists, scripted faults."""

import base64
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dunflow.sandbox.credentials import Credentials
from dunflow.sandbox.faults import Kind, lose_reply
from dunflow.sandbox.room import room_of
from dunflow.sandbox.store import Fate, Filter, Message
from dunflow.sandbox.twilio import Refusal, error_reply, not_found
from dunflow.sandbox.twilio.listing import Page, read_page

API = "2010-04-01"


@dataclass(frozen=True)
class Resource:
    """A kind of thing that is created, fetched and listed; `name` as it stands in paths.

    `wanted` reads the parameters of a list, whose names are `narrowing`, at a moment in Unix
    seconds. `shown` is what a client sees: of a message, its fate, at a moment, by an account.
    """

    name: str
    channel: str
    narrowing: Sequence[str]
    wanted: Callable[[Mapping[str, str], float], Filter | Refusal]
    shown: Callable[[Message, Fate | None, float, str], dict[str, object]]

    def routes(self, create: Callable[[Request], Awaitable[Response]]) -> list[Route]:
        path = f"/{API}/Accounts/{{account}}/{self.name}"
        return [
            Route(f"{path}.json", create, methods=["POST"]),
            Route(f"{path}.json", self._list, methods=["GET"]),
            Route(f"{path}/{{sid}}.json", self._fetch, methods=["GET"]),
        ]

    async def _fetch(self, request: Request) -> Response:
        room = room_of(request)
        if not may_enter(request, room.credentials):
            return stranger()
        sid, written_back = request.path_params["sid"], self.channel == "sms"
        wanted = Filter(channel=self.channel, provider_id=sid, answers=written_back)
        found = room.store.newest(wanted, limit=1)
        if not found:
            return not_found(request)
        now = room.clock.now().timestamp()
        fate = room.store.fates([found[0].provider_id]).get(found[0].provider_id)
        return JSONResponse(self.shown(found[0], fate, now, room.credentials.account_sid))

    async def _list(self, request: Request) -> Response:
        """Newest first, those not sent yet included."""
        room = room_of(request)
        if not may_enter(request, room.credentials):
            return stranger()
        now = room.clock.now().timestamp()
        query = request.query_params
        wanted = self.wanted(query, now)
        page = read_page(room.store, request.url.path, query, wanted, self.narrowing)
        if isinstance(page, Refusal):
            return error_reply(page)
        fates = room.store.fates([each.provider_id for each in page.messages])
        account = room.credentials.account_sid
        shown = [
            self.shown(each, fates.get(each.provider_id), now, account) for each in page.messages
        ]
        return JSONResponse(_page(page, self.name.lower(), shown))


def may_enter(request: Request, credentials: Credentials) -> bool:
    pair = f"{credentials.account_sid}:{credentials.auth_token}".encode()
    expected = b"Basic " + base64.b64encode(pair)
    given = request.headers.get("authorization", "").encode()
    own_account: bool = request.path_params["account"] == credentials.account_sid
    return hmac.compare_digest(given, expected) and own_account


def stranger() -> Response:
    return error_reply(Refusal(20003, "Authenticate", 401))


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


def rfc2822(seconds: float) -> str:
    """Always at +0000: the SDK drops the offset and takes what is left for UTC."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC))


def _page(page: Page, name: str, shown: list[dict[str, object]]) -> dict[str, object]:
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
