"""Twilio's APIs for messages and calls, as far as Dunflow uses it: how it says no.

Sources: the fields and paths of the `twilio` SDK 9.13, the error pages twilio.com/docs/api/errors.
"""

from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class Refusal(NamedTuple):
    """One of Twilio's errors: its code, its HTTP status and its words."""

    code: int
    message: str
    status: int = 400


def error_reply(refusal: Refusal) -> Response:
    """The JSON that Twilio answers an error with."""
    headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if refusal.status == 401 else None
    content = {
        "code": refusal.code,
        "message": refusal.message,
        "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
        "status": refusal.status,
    }
    return JSONResponse(content, refusal.status, headers)


def not_found(request: Request) -> Response:
    return error_reply(
        Refusal(20404, f"The requested resource {request.url.path} was not found", 404)
    )
