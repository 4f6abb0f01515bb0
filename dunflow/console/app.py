"""The console as a web application. Whoever mounts it puts a login in front."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Engine

from dunflow.console.figures import latest
from dunflow.ledger.engine import ledger_url, make_engine
from dunflow.ledger.tables import ACTIONS, CONTACT_STATES

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@cache
def _engine() -> Engine:
    return make_engine(ledger_url())


def create_app(dependencies: Sequence[Any], engine: Callable[[], Engine] = _engine) -> FastAPI:
    """The application. `dependencies` guard every page of it.

    The pages that describe an API would stand outside of that guard, so there are none.
    """
    app = FastAPI(
        title="Dunflow",
        dependencies=dependencies,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )

    @app.get("/", response_class=HTMLResponse)
    def page() -> HTMLResponse:
        with engine().connect() as conn:
            portfolios = latest(conn)
        html = _TEMPLATES.get_template("page.html").render(
            portfolios=portfolios, actions=ACTIONS, states=CONTACT_STATES
        )
        return HTMLResponse(html, headers=HEADERS)

    return app
