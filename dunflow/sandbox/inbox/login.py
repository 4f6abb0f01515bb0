"""Who may see the inbox: whoever gave the token once, by a link or by the form.

The cookie holds a value derived from the token and not the token itself, because a browser sends
cookies of 127.0.0.1 to every port there.
"""

import hashlib
import hmac

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

COOKIE = "dunflow_inbox"


def is_token(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def is_logged_in(request: Request, token: str) -> bool:
    given = request.cookies.get(COOKIE, "")
    return hmac.compare_digest(given.encode(), _cookie_value(token).encode())


def let_in(token: str) -> Response:
    """To the inbox at its clean address, so that the token stays neither there nor in history."""
    response = RedirectResponse("/", 303)
    response.set_cookie(COOKIE, _cookie_value(token), httponly=True, samesite="strict")
    return response


def _cookie_value(token: str) -> str:
    return hmac.new(token.encode(), b"dunflow sandbox inbox", hashlib.sha256).hexdigest()
