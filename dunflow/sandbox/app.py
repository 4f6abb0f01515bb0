"""The sandbox as one ASGI application.

A create request takes the same path at both providers: credentials, rules, `Store.accept` (which
commits), reply. Whatever is scripted to go wrong belongs between those four; whatever a provider
would tell its customer later starts after the commit.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from dunflow.sandbox import answers, faults, ledger, sendgrid, twilio
from dunflow.sandbox.credentials import Credentials
from dunflow.sandbox.inbox import pages
from dunflow.sandbox.room import Room, SystemClock
from dunflow.sandbox.sendgrid import activity, lists, mail
from dunflow.sandbox.store import Store, keep_heard
from dunflow.sandbox.twilio import calls, messages
from dunflow.sandbox.webhooks import Webhooks

if TYPE_CHECKING:
    from dunflow.clock import Clock


def create_app(
    state: Path,
    *,
    credentials: Credentials,
    clock: "Clock | None" = None,
    receiver_url: str | None = None,
    webhook_secret: str | None = None,
) -> ASGIApp:
    """The sandbox with its state in the folder `state`, which is made if need be.

    `receiver_url`: where SendGrid's events and people's answers go; an SMS says itself where.
    `webhook_secret`: Twilio's webhooks are signed with it by HMAC-SHA256, not with the auth token.
    The store is opened when the server starts and closed when it stops, in the server's thread.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        heard = partial(keep_heard, state)
        webhooks = Webhooks(credentials, receiver_url, webhook_secret, heard)
        app.state.room = Room(credentials, clock or SystemClock(), state, Store(state), webhooks)
        yield
        webhooks.close()
        app.state.room.store.close()

    app = Starlette(
        routes=[
            *messages.ROUTES,
            *calls.ROUTES,
            *mail.ROUTES,
            *activity.ROUTES,
            *lists.ROUTES,
            *ledger.ROUTES,
            *faults.ROUTES,
            *answers.ROUTES,
            *pages.ROUTES,
        ],
        exception_handlers={404: _no_such_thing, 405: _no_such_thing},
        lifespan=lifespan,
    )
    # Around everything: what Starlette puts in between does not let the connection through.
    return faults.LetTransportIn(app)


def _no_such_thing(request: Request, exc: Exception) -> Response:
    """What each provider says to a path or a method that it does not have."""
    assert isinstance(exc, HTTPException)
    if request.url.path.startswith("/2010-04-01/"):
        return twilio.not_found(request)
    if request.url.path.startswith("/v3/"):
        return sendgrid.error_reply(sendgrid.Refusal(exc.detail.lower(), status=exc.status_code))
    return PlainTextResponse(exc.detail, exc.status_code)
