"""What commands share: who says so and why, the clock, the ledger to write it in, the sandbox."""

import datetime as dt
import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import click
from sqlalchemy import Connection

from dunflow.config.book import Book


class _Instant(click.DateTime):
    """An instant that some zone's calendar has, and a debt can have to do with."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.datetime:
        given: dt.datetime = super().convert(value, param, ctx)
        if given.year < 1900:
            self.fail(f"{value!r} lies before 1900; look at the year", param, ctx)
        return given


class _Date(_Instant):
    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        return "DATE"


DATE = _Date(["%Y-%m-%d"])
LOCAL = _Instant(["%Y-%m-%d %H:%M"])
INSTANT = _Instant(["%Y-%m-%dT%H:%M%z", "%Y-%m-%d %H:%M"])
F = TypeVar("F", bound=Callable[..., Any])

FOR_A_SCRIPT = "dunflow.json"
"""In a context's `meta`: whether --json was given."""


def _note_json(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    ctx.meta[FOR_A_SCRIPT] = value
    return value


json_option = click.option(
    "--json", "json_", is_flag=True, is_eager=True, callback=_note_json, help="Print for a script."
)
by_option = click.option("--by", default=getpass.getuser, help="Who says so.  [default: you]")
reason_option = click.option("--reason", required=True, help="Why; it is kept.")
now_option = click.option(
    "--now",
    type=INSTANT,
    help="Stands in for the clock; where every sender is the sandbox. Without an offset it is "
    "meant in the portfolio's zone.  [default: now; of a replayed portfolio the time of its "
    "newest date]",
)


def told(command: F) -> F:
    """--reason, --by, --now and --json, which every change has."""
    return reason_option(by_option(now_option(json_option(command))))


@dataclass(frozen=True)
class Desk:
    """One transaction on a portfolio's ledger, and the instant of it."""

    book: Book
    conn: Connection
    portfolio_id: int
    now: dt.datetime

    @property
    def today(self) -> dt.date:
        return self.book.portfolio.calendar.local_date(self.now)


@contextmanager
def desk(portfolio: str, now: dt.datetime | None = None, *, locked: bool = False) -> Iterator[Desk]:
    """Commits at the end; `locked`: while no run decides. Without a `now` it is that of the clock
    by which the portfolio lives.

    Raises ConfigError for a `now` where real people are reached.
    """
    from dunflow.config.book import read_book
    from dunflow.ledger.engine import portfolio_id_of, portfolio_lock
    from dunflow.ledger.migrate import open_ledger
    from dunflow.ledger.replay import clock_of

    book = read_book(portfolio)
    engine = open_ledger()
    with engine.begin() as conn:
        number = portfolio_id_of(conn, portfolio)
    at = clock_of(engine, book, number, now).now()
    with portfolio_lock(engine, portfolio) if locked else engine.begin() as conn:
        yield Desk(book, conn, number, at)


@contextmanager
def sandbox() -> Iterator[None]:
    """The sandbox for the time of a command, where none runs already."""
    from dunflow.home import home
    from dunflow.remind.senders.choose import SANDBOX_URL
    from dunflow.sandbox.app import create_app
    from dunflow.sandbox.credentials import read_credentials
    from dunflow.sandbox.serve import serve
    from dunflow.stack.status import status as look

    if os.environ.get(SANDBOX_URL):
        yield
        return
    found = look()
    if found.parts.get("sandbox"):
        os.environ[SANDBOX_URL] = found.ports.sandbox_url
        yield
        return
    app = create_app(home() / "sandbox", credentials=read_credentials(os.environ))
    with serve(app) as url:
        os.environ[SANDBOX_URL] = url
        try:
            yield
        finally:
            del os.environ[SANDBOX_URL]  # nobody is there any more


def amount(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Any:
    """An option's amount as a Decimal."""
    from dunflow.money import parse_amount

    try:
        return None if value is None else parse_amount(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def say(json_: bool, figures: dict[str, Any], sentence: str) -> None:
    """Print for a script or for a person."""
    from dunflow import tell

    if json_:
        tell.as_json(figures)
    else:
        tell.screen.print(sentence)
