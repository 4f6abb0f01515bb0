"""The report of a business date as one page that needs nothing else: no script, no network.

Pages lie in a folder per portfolio, readable by their owner alone, beside an index of all dates.
"""

import datetime as dt
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection, Engine, select

from dunflow.config.book import Book
from dunflow.ledger.engine import give_room
from dunflow.ledger.loads import state_shown
from dunflow.ledger.tables import ACTIONS, CONTACT_STATES, load
from dunflow.money import grouped
from dunflow.report import charts
from dunflow.report.figures import Figures, figures
from dunflow.report.remedies import REJECTED, UNRESOLVED, remedy
from dunflow.report.trend import Line, trend

TREND_DATES = 30
AGAIN = 3
"""So many loaded dates before have their pages written again. Most contacts go out after the run of
their date, in their hours, and what became of them is heard later still."""


@dataclass(frozen=True)
class Written:
    """The file, and the figures that it shows."""

    page: Path
    figures: Figures


def write_pages(
    engine: Engine,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    folder: Path,
    now: dt.datetime,
) -> Written:
    """Write `<folder>/<portfolio>/<date>.html`, those of a few dates before again, and the index.

    A reader finds the old page or the new one, never a part.
    """
    # One state of the ledger for all pages, whatever is being sent meanwhile.
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn:
        give_room(conn)
        lines = trend(conn, portfolio_id, TREND_DATES + AGAIN, business_date)
        before = [each.business_date for each in lines if each.business_date < business_date]
        counted = {
            date: figures(conn, book, portfolio_id, date)
            for date in (business_date, *before[:AGAIN])
        }
        dates = _all_dates(conn, portfolio_id)
    place = folder / book.name
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for date, of in counted.items():
        upto = [each for each in lines if each.business_date <= date][:TREND_DATES]
        _write(_file(place, date), _render("page.html", **_page(book, of, upto, now)))
    written = {file.stem for file in place.glob("????-??-??.html")}
    _write(
        place / "index.html",
        _render("index.html", portfolio=book.portfolio, dates=dates, written=written),
    )
    return Written(_file(place, business_date), counted[business_date])


def _file(place: Path, business_date: dt.date) -> Path:
    return place / f"{business_date}.html"


def _page(book: Book, counted: Figures, lines: list[Line], now: dt.datetime) -> dict[str, Any]:
    """What the template shows; a chart is empty where there is nothing to draw."""
    forwards = lines[::-1]
    currencies = sorted({currency for line in lines for currency in line.overdue})
    return {
        "portfolio": book.portfolio,
        "figures": counted,
        "as_of": _local(book, counted["snapshot"]["as_of"]),
        "written_at": _local(book, now.isoformat()),
        "sent": sum(counted["sent_by_hour"].values()),
        "lines": lines,
        "currencies": currencies,
        "tiers_chart": charts.tiers(counted) if any(_in_tiers(counted)) else "",
        "reasons_chart": charts.reasons(counted) if counted["decide"] else "",
        "channels_chart": charts.channels(counted) if counted["channels"] else "",
        "hours_chart": charts.hours(counted) if counted["sent_by_hour"] else "",
        "overdue_charts": {currency: charts.overdue(forwards, currency) for currency in currencies},
        "contacts_chart": charts.contacts(forwards) if any(line.sent for line in lines) else "",
        "actions": ACTIONS,
        "states": CONTACT_STATES,
        "remedy": remedy,
        "unresolved": UNRESOLVED,
        "rejected": REJECTED,
    }


def _local(book: Book, instant: str | None) -> str:
    """The instant by the portfolio's clock."""
    if instant is None:
        return ""
    wall = dt.datetime.fromisoformat(instant).astimezone(book.portfolio.zone)
    return f"{wall:%Y-%m-%d %H:%M}, {book.portfolio.time_zone}"


def _in_tiers(counted: Figures) -> list[int]:
    return [tier["accounts"] for tier in counted["tiers"].values()]


def _all_dates(conn: Connection, portfolio_id: int) -> list[dict[str, Any]]:
    rows = conn.execute(
        select(load.c.business_date, state_shown(), load.c.accounts, load.c.overdue)
        .where(load.c.portfolio_id == portfolio_id)
        .order_by(load.c.business_date.desc())
    )
    return [dict(row._mapping) for row in rows]


def _render(template: str, **shown: Any) -> str:
    return _TEMPLATES.get_template(template).render(**shown)


def _write(file: Path, html: str) -> None:
    """In one stroke. A temporary file is its owner's alone (mode 600), and stays so."""
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".html")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(html)
        Path(draft).replace(file)
    except BaseException:
        Path(draft).unlink()
        raise


def _count(number: int) -> str:
    return f"{number:,}"


def _words(name: str) -> str:
    """A name as words: `hand_off` reads better as `hand off`."""
    return name.replace("_", " ")


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {"count": _count, "amount": grouped, "words": _words}
