"""The receiver as one ASGI application."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dunflow.intake.receiver import calls, mail, sendgrid, twilio
from dunflow.intake.receiver.desk import Desk
from dunflow.intake.receiver.keys import Keys
from dunflow.intake.receiver.tray import Tray


def create_app(desk: Desk, keys: Keys) -> Starlette:
    """Whatever fails inside answers 500, so that the provider tells it again."""
    routes = [*twilio.ROUTES, *calls.ROUTES, *sendgrid.ROUTES, *mail.ROUTES]
    app = Starlette(routes=[Route("/health", health), *routes])
    app.state.desk, app.state.keys, app.state.tray = desk, keys, Tray(desk.hear)
    return app


async def health(request: Request) -> Response:  # noqa: ARG001 - Starlette passes it
    return PlainTextResponse("ok")
