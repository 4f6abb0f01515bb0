"""SendGrid's v3 API, as far as Dunflow uses it: how it says no.

Sources: twilio.com/docs/sendgrid/api-reference/mail-send (errors, limitations).
"""

from typing import NamedTuple

from starlette.responses import JSONResponse, Response

HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html"


class Refusal(NamedTuple):
    """One of SendGrid's errors. It has no code: only words, and the field that they are about."""

    message: str
    field: str | None = None
    status: int = 400


def error_reply(status: int, message: str, field: str | None = None) -> Response:
    """The JSON that SendGrid answers an error with."""
    error = {"message": message, "field": field, "help": HELP if field else None}
    return JSONResponse({"errors": [error]}, status)
