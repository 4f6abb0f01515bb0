"""The console as a web application. Whoever mounts it puts a login in front."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError, ProgrammingError

from dunflow import money
from dunflow.clock import DatabaseClock
from dunflow.config.book import Book, read_book
from dunflow.console import lists
from dunflow.console.figures import latest
from dunflow.console.handed_over import handed_over
from dunflow.errors import ConfigError
from dunflow.ledger.engine import ledger_url, make_engine
from dunflow.ledger.tables import ACTIONS, CONTACT_STATES, PLACEMENT_STATES

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
_TEMPLATES.filters["grouped"] = money.grouped


@cache
def _engine() -> Engine:
    return make_engine(ledger_url())


SeesPeople = Callable[[str], bool]
"""Whether whoever asks may see the people of this portfolio."""


def _nobody() -> SeesPeople:
    return lambda _: False


def create_app(
    dependencies: Sequence[Any],
    engine: Callable[[], Engine] = _engine,
    books: Callable[[str], Book] = read_book,
    login: str | None = None,
    sees_people: Callable[..., SeesPeople] = _nobody,
) -> FastAPI:
    """The application. `dependencies` guard every page of it; whom they send away with 401 is led
    to `login`, a path beside the one under which this is mounted, and back from there.

    All pages but one show figures. The lines of a list are personal data, and `sees_people`, a
    dependency too, says of which portfolios a person gets them.

    The pages that describe an API would stand outside of that guard, so there are none.
    """
    app = FastAPI(
        title="Dunflow",
        dependencies=dependencies,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    if login is not None:
        _lead_to(app, login)
    for error in (OperationalError, ProgrammingError):
        app.exception_handler(error)(_tell_of_the_ledger)

    @app.get("/", response_class=HTMLResponse)
    def page() -> HTMLResponse:
        with engine().connect() as conn:
            portfolios = latest(conn)
        return _shown("page.html", portfolios=portfolios, actions=ACTIONS, states=CONTACT_STATES)

    @app.get("/handed-over", response_class=HTMLResponse)
    def all_handed_over() -> HTMLResponse:
        with engine().connect() as conn:
            found = handed_over(conn, books)
        return _shown(
            "handed_over.html", portfolios=found, states=PLACEMENT_STATES, amount=money.plain
        )

    @app.get("/lists", response_class=HTMLResponse)
    def all_lists() -> HTMLResponse:
        with engine().connect() as conn:
            found = lists.heads(conn)
        return _shown("lists.html", heads=found)

    @app.get("/lists/{reference}", response_class=HTMLResponse)
    def one_list(
        reference: str, may_see: Annotated[SeesPeople, Depends(sees_people)]
    ) -> HTMLResponse:
        ledger = engine()
        with ledger.connect() as conn:
            head = lists.head_of(conn, reference)
            if head is None:
                return _no_list(404, "There is no such list.")
            if not may_see(head.portfolio):
                return _no_list(403, _FOR_OTHERS.format(head.portfolio))
            try:
                found = lists.page_of(conn, head, DatabaseClock(ledger).now(), books)
            except ConfigError as error:
                return _no_list(404, str(error))
        return _shown("list.html", page=found, amount=money.exact)

    return app


def _lead_to(app: FastAPI, login: str) -> None:
    """A person gets a form to log in, a program the plain 401."""

    @app.exception_handler(401)
    async def lead(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if "text/html" not in request.headers.get("accept", ""):
            return await http_exception_handler(request, error)
        mounted_at = str(request.scope.get("root_path", ""))
        before = mounted_at.rpartition("/")[0]
        return RedirectResponse(f"{before}{login}?next={quote(request.url.path)}", 302)


async def _tell_of_the_ledger(_: Request, error: Exception) -> Response:
    """The server is away, or its schema is not this version's."""
    is_away = isinstance(error, OperationalError)
    why = (
        "The ledger does not answer. Load this page again; if it stays so, look after its server."
        if is_away
        else "The ledger can't be read: its schema may be another version's. Run 'dunflow migrate'."
    )
    return _shown("refused.html", 503, what="This page", why=why, back=None)


def _shown(template: str, status: int = 200, **content: Any) -> HTMLResponse:
    html = _TEMPLATES.get_template(template).render(**content)
    return HTMLResponse(html, status, headers=HEADERS)


def _no_list(status: int, why: str) -> HTMLResponse:
    return _shown("refused.html", status, what="This list", why=why, back="../lists")


_FOR_OTHERS = (
    "The people of {0} are shown only to those who may edit its DAG daily_escalation__{0}; ask "
    "whoever gives out the roles of Airflow."
)
