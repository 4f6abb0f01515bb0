"""The page inside Airflow, on a real ledger, over HTTP."""

import datetime as dt
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection

import pytest
from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import Engine, insert, make_url

from dunflow.console.app import create_app
from dunflow.console.figures import DATES, latest
from dunflow.ledger.engine import make_engine, portfolio_id_of
from dunflow.ledger.tables import load
from dunflow.remind import brake
from dunflow.sandbox.serve import serve

FIRST = dt.date(2026, 3, 1)


def _load(ledger: Engine, days: int, state: str = "accepted") -> None:
    with ledger.begin() as conn:
        number = portfolio_id_of(conn, "corner_shop")
        for offset in range(days):
            conn.execute(
                insert(load).values(
                    portfolio_id=number,
                    business_date=FIRST + dt.timedelta(days=offset),
                    as_of_at=dt.datetime(2026, 3, 2, tzinfo=dt.UTC),
                    loaded_at=dt.datetime(2026, 3, 2, tzinfo=dt.UTC),
                    state=state,
                    rows_read=12345,
                    accounts=12345,
                    customers=678,
                    overdue={"CNY": "1090.50"},
                    quarantined=9,
                )
            )


def _refuse() -> None:
    raise HTTPException(401)


@dataclass
class Answer:
    status: int
    text: str
    headers: Message


def _get(app: FastAPI, path: str = "/") -> Answer:
    with serve(app) as url:
        try:
            with urllib.request.urlopen(url + path) as answer:
                return Answer(answer.status, answer.read().decode(), answer.headers)
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode(), error.headers)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 401),
        ("/lists", 401),
        ("/handed-over", 401),
        ("/lists/any", 401),
        ("/docs", 404),
        ("/redoc", 404),
        ("/openapi.json", 404),
    ],
)
def test_nothing_stands_before_the_guard(ledger: Engine, path: str, status: int) -> None:
    assert _get(create_app([Depends(_refuse)], lambda: ledger), path).status == status


def test_an_empty_ledger_says_what_to_do(ledger: Engine) -> None:
    page = _get(create_app([], lambda: ledger))
    assert page.status == 200
    assert "dunflow backfill" in page.text


@pytest.mark.parametrize("state", ["loaded", "accepted", "refused"])
def test_a_date_shows_its_snapshot_and_whether_it_is_trusted(ledger: Engine, state: str) -> None:
    _load(ledger, 1, state)
    page = _get(create_app([], lambda: ledger)).text
    for told in ("corner_shop", "2026-03-01", "12,345", "678", "CNY 1,090.50", f'"state {state}"'):
        assert told in page


@pytest.mark.parametrize("path", ["/", "/lists", "/lists/x", "/handed-over"])
def test_a_ledger_that_is_away_or_of_another_version_is_told_of(ledger: Engine, path: str) -> None:
    away = make_engine(make_url("postgresql+psycopg://dun:secret@127.0.0.1:1/ledger"))
    page = _get(create_app([], lambda: away), path)
    assert (page.status, "does not answer" in page.text) == (503, True)
    assert "secret" not in page.text
    bare = make_engine(ledger.url.set(database="postgres"))
    page = _get(create_app([], lambda: bare), path)
    assert (page.status, "dunflow migrate" in page.text) == (503, True)
    bare.dispose()


def test_it_shows_the_newest_dates_only(ledger: Engine) -> None:
    _load(ledger, DATES + 3)
    with ledger.connect() as conn:
        (portfolio,) = latest(conn)
    assert portfolio.dates[0].business_date == FIRST + dt.timedelta(days=DATES + 2)
    assert len(portfolio.dates) == DATES


def test_a_stop_in_force_is_shown_without_its_reason(ledger: Engine) -> None:
    _load(ledger, 1)
    with ledger.begin() as conn:
        number = portfolio_id_of(conn, "corner_shop")
        at = dt.datetime(2026, 3, 2, 3, 4, tzinfo=dt.UTC)
        brake.pull(conn, number, "sms", "Mr Li complained", "Ann", at)
        brake.pull(conn, number, "email", "over", "Ann", at)
        brake.release(conn, number, "email", "mended", "Ann", at)
    page = _get(create_app([], lambda: ledger)).text
    assert "A person stopped sms since 2026-03-02 03:04 UTC: nothing" in page
    assert "Mr Li" not in page


def test_the_page_is_kept_by_nobody(ledger: Engine) -> None:
    assert _get(create_app([], lambda: ledger)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("accept", "answer"),
    [
        ("text/html,*/*", (302, "/api/v2/auth/login?next=/dunflow/lists")),
        ("application/json", (401, None)),
    ],
)
def test_a_person_without_a_login_is_led_to_it_and_back(
    ledger: Engine, accept: str, answer: tuple[int, str | None]
) -> None:
    airflow = FastAPI()
    console = create_app([Depends(_refuse)], lambda: ledger, login="/api/v2/auth/login")
    airflow.mount("/dunflow", console)
    with serve(airflow) as url:
        line = HTTPConnection(url.removeprefix("http://"))
        line.request("GET", "/dunflow/lists", headers={"Accept": accept})
        reply = line.getresponse()
        assert (reply.status, reply.getheader("Location")) == answer
        line.close()
