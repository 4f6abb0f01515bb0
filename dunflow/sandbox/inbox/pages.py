"""The inbox's pages. What is searched for may be a person's address, so it travels in a request's
body and never stands in a URL."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from dunflow.sandbox.inbox.login import is_logged_in, is_token, let_in
from dunflow.sandbox.inbox.view import by_day
from dunflow.sandbox.room import read_aside, room_of
from dunflow.sandbox.store import Filter, Reader

HERE = Path(__file__).parent
PAGE_SIZE = 40
CHANNELS = {"sms": "SMS", "email": "Email", "voice": "Calls"}
HEADERS = {
    # Inline styles are let through for the emails: a srcdoc frame inherits this policy, and mail is
    # styled inline. Scripts and anything from elsewhere, tracking pixels included, are not.
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; "
    "img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_templates = Environment(
    loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


async def show(request: Request) -> Response:
    """GET or POST /: the inbox; to a stranger the login form and nothing else."""
    token = room_of(request).credentials.inbox_token
    if request.method == "GET" and "token" in request.query_params:
        if is_token(request.query_params["token"], token):
            return let_in(token)
        return _login("This token is not the right one.")
    if not is_logged_in(request, token):
        return _login()
    asked = await _form(request) if request.method == "POST" else request.query_params
    return _page("inbox.html", await read_aside(request, partial(_inbox, asked)))


async def login(request: Request) -> Response:
    """POST /login: the form's token."""
    token = room_of(request).credentials.inbox_token
    if is_token((await _form(request)).get("token", "").strip(), token):
        return let_in(token)
    return _login("This token is not the right one.")


async def stylesheet(request: Request) -> Response:  # noqa: ARG001 - Starlette passes it
    return FileResponse(HERE / "inbox.css", headers={"Cache-Control": "no-cache"})


ROUTES = [
    Route("/", show, methods=["GET", "POST"]),
    Route("/login", login, methods=["POST"]),
    Route("/inbox.css", stylesheet, methods=["GET"]),
]


def _inbox(asked: Mapping[str, str], reader: Reader) -> dict[str, object]:
    channel = asked.get("channel") if asked.get("channel") in CHANNELS else None
    words = asked.get("words", "").strip()
    before = asked.get("before", "")
    older_than = int(before) if re.fullmatch("[0-9]{1,18}", before) else None
    wanted = Filter(words=words or None)
    messages = reader.newest(
        wanted._replace(channel=channel), limit=PAGE_SIZE + 1, older_than=older_than
    )
    counts = reader.counts(wanted)
    return {
        "days": by_day(messages[:PAGE_SIZE]),
        "channels": CHANNELS,
        "channel": channel,
        "words": words,
        "counts": counts,
        "total": sum(counts.values()),
        "is_first_page": older_than is None,
        "next_before": messages[PAGE_SIZE - 1].id if len(messages) > PAGE_SIZE else None,
    }


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode(errors="replace")))


def _login(problem: str = "") -> Response:
    return _page("login.html", {"problem": problem}, status=401)


def _page(template: str, content: dict[str, object], *, status: int = 200) -> Response:
    html = _templates.get_template(template).render(content)
    return HTMLResponse(html, status, HEADERS)
