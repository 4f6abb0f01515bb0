"""SendGrid's v3 API, as far as Dunflow uses it: how it says no.

Sources: twilio.com/docs/sendgrid/api-reference/mail-send (errors, limitations).
"""

import hmac
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html"


class Refusal(NamedTuple):
    """One of SendGrid's errors. It has no code: only words, and the field that they are about."""

    message: str
    field: str | None = None
    status: int = 400


def refused_key(request: Request, api_key: str) -> Refusal | None:
    """Why a request without the right API key goes no further, or None."""
    given = request.headers.get("authorization", "").encode()
    if hmac.compare_digest(given, b"Bearer " + api_key.encode()):
        return None
    return Refusal("The provided authorization grant is invalid, expired, or revoked", status=401)


def error_reply(refusal: Refusal) -> Response:
    """The JSON that SendGrid answers an error with."""
    error = {
        "message": refusal.message,
        "field": refusal.field,
        "help": HELP if refusal.field else None,
    }
    return JSONResponse({"errors": [error]}, refusal.status)
