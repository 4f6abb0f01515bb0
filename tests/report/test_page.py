"""The page holds the figures, names nobody, and needs nothing but itself."""

import datetime as dt
import re
import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from dunflow.decide.guards import BLOCKING
from dunflow.report.charts import channels, contacts, hours, overdue, reasons, tiers
from dunflow.report.figures import figures
from dunflow.report.page import write_pages
from dunflow.report.remedies import BLOCKED, UNRESOLVED, remedy
from dunflow.report.trend import trend
from tests.report.conftest import Told
from tests.report.test_figures import DATES, names

NOW = dt.datetime(2026, 3, 9, 1, 15, tzinfo=dt.UTC)
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """Checks that elements close in order; keeps tags, links, and the rows of tables as text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.rows: list[tuple[str, ...]] = []
        self._cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag == "tr":
            self._cells = []
        elif tag in ("td", "th"):
            self._cells.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "tr":
            self.rows.append(tuple(" ".join(cell.split()) for cell in self._cells))

    def handle_data(self, data: str) -> None:
        if "tr" in self.open:
            self._cells[-1:] = [f"{self._cells[-1]} {data}"] if self._cells else []


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    reader.close()
    assert reader.open == []
    return reader


def write(told: Told, date: dt.date, folder: Path) -> Path:
    return write_pages(told.engine, told.book, told.portfolio_id, date, folder, NOW).page


@pytest.mark.parametrize("date", [*DATES, dt.date(2030, 1, 1)], ids=str)
def test_a_page_is_whole_and_needs_nothing_else(told: Told, tmp_path: Path, date: dt.date) -> None:
    page = write(told, date, tmp_path)
    assert page == tmp_path / "scenario" / f"{date}.html"
    reader = read(page)
    assert not reader.tags & {"script", "img", "link", "iframe", "object", "embed", "image", "use"}
    assert reader.links == ["index.html"]
    html = page.read_text(encoding="utf-8")
    assert "url(" not in html
    assert "@import" not in html
    # The names of XML's dialects are no addresses to fetch.
    assert set(re.findall(r"https?://[^\"' ]+", html)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


@pytest.mark.parametrize("date", DATES, ids=str)
def test_the_tables_hold_the_figures(
    told: Told, conn: Connection, tmp_path: Path, date: dt.date
) -> None:
    rows = read(write(told, date, tmp_path)).rows
    counted = figures(conn, told.book, told.portfolio_id, date)
    for action, counts in counted["reasons"].items():
        for reason, count in counts.items():
            assert (action.replace("_", " "), reason, str(count)) in rows
    for channel, counts in counted["channels"].items():
        for state, count in counts.items():
            assert (channel, state, str(count)) in rows
    for destination, count in counted["placed"].items():
        assert (destination, str(count)) in rows
    for reason, count in counted["blocked"].items():
        assert ("a mandatory step is blocked", reason, str(count), remedy(reason)) in rows
    for hour, count in counted["sent_by_hour"].items():
        assert (f"{int(hour):02}:00", str(count)) in rows


def test_what_nobody_knows_about_is_counted_with_what_to_do(told: Told, tmp_path: Path) -> None:
    """The page is written by a transaction of its own, so what is changed for it is put back."""
    change = (
        "UPDATE contact SET state = :to WHERE contact_id = (SELECT min(contact_id) FROM contact)"
    )
    with told.engine.connect() as conn:
        before = (
            conn.execute(text("SELECT state FROM contact ORDER BY contact_id")).scalars().first()
        )
    try:
        with told.engine.begin() as conn:
            conn.execute(text(change), {"to": "parked"})
        page = write(told, DATES[4], tmp_path)
    finally:
        with told.engine.begin() as conn:
            conn.execute(text(change), {"to": before})
    assert ("a contact, of any date", "parked", "1", UNRESOLVED["parked"]) in read(page).rows


def test_each_reason_that_blocks_has_its_remedy() -> None:
    assert tuple(BLOCKED) == BLOCKING


def test_amounts_stand_beside_their_currency(told: Told, tmp_path: Path) -> None:
    rows = read(write(told, DATES[3], tmp_path)).rows
    assert ("courtesy", "5", "2,064.90 CNY 80.50 USD") in rows
    assert ("overdue then, and no more", "550.00 CNY") in rows
    assert ("2026-03-04", "9", "8,774.90 CNY 80.50 USD", "3") in rows


def test_a_late_date_says_so(told: Told, tmp_path: Path) -> None:
    assert "The run was late" in write(told, DATES[5], tmp_path).read_text(encoding="utf-8")
    assert "The run was late" not in write(told, DATES[6], tmp_path).read_text(encoding="utf-8")


def test_pages_name_nobody(told: Told, conn: Connection, tmp_path: Path) -> None:
    for date in DATES:
        html = write(told, date, tmp_path).read_text(encoding="utf-8")
        for person in names(conn):
            assert person not in html


def test_pages_are_their_owners_alone(told: Told, tmp_path: Path) -> None:
    page = write(told, DATES[0], tmp_path)
    for path, mode in ((page, 0o600), (page.parent / "index.html", 0o600), (page.parent, 0o700)):
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_writing_again_replaces_the_page_and_leaves_nothing_behind(
    told: Told, tmp_path: Path
) -> None:
    page = write(told, DATES[0], tmp_path)
    first = page.read_bytes()
    page.write_text("half a page")
    assert write(told, DATES[0], tmp_path).read_bytes() == first
    assert {file.name for file in page.parent.iterdir()} == {page.name, "index.html"}


def test_the_pages_of_a_few_dates_before_are_written_again(told: Told, tmp_path: Path) -> None:
    """Their contacts went out after the run of their date. Older pages stay as they are."""
    places = [write(told, date, tmp_path) for date in DATES[:5]]
    for place in places:
        place.write_text("as of the run")
    write(told, DATES[4], tmp_path)
    assert [place.read_text("utf-8") == "as of the run" for place in places] == [True] + [False] * 4
    for date, place in zip(DATES[1:4], places[1:4], strict=True):
        assert place.read_bytes() == write(told, date, tmp_path).read_bytes()


def test_a_page_says_when_it_was_written_by_the_portfolios_clock(
    told: Told, tmp_path: Path
) -> None:
    html = write(told, DATES[0], tmp_path).read_text(encoding="utf-8")
    assert "Written at 2026-03-09 09:15, Asia/Shanghai" in html


def test_the_index_lists_all_dates_and_links_those_with_a_page(told: Told, tmp_path: Path) -> None:
    write(told, DATES[0], tmp_path)
    index = read(write(told, DATES[5], tmp_path).parent / "index.html")
    assert [row[0] for row in index.rows[1:]] == [str(date) for date in reversed(DATES)]
    assert index.links == [f"2026-03-0{day}.html" for day in (6, 5, 4, 3, 1)]


def bars(svg: str) -> list[tuple[float, float]]:
    """Width and height of every bar that is more than a line."""
    drawn = []
    for tag in re.findall(r'<rect [^>]*class="rect reactive[^>]*>', svg):
        told = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        size = float(told.get("width", 0)), float(told["height"])
        if min(size) > 1:
            drawn.append(size)
    return drawn


def test_charts_draw_a_bar_for_each_number(told: Told, conn: Connection) -> None:
    counted = figures(conn, told.book, told.portfolio_id, DATES[3])
    numbers = {
        tiers: len(counted["tiers"]),
        reasons: sum(len(counts) for counts in counted["reasons"].values()),
        channels: sum(len(counts) for counts in counted["channels"].values()),
        hours: len(counted["sent_by_hour"]),
    }
    for chart, expected in numbers.items():
        assert len(bars(chart(counted))) == expected


def test_bars_are_as_long_as_their_numbers(told: Told, conn: Connection) -> None:
    counted = figures(conn, told.book, told.portfolio_id, DATES[3])
    drawn = [width for width, _ in bars(tiers(counted))]
    accounts = [tier["accounts"] for tier in counted["tiers"].values()]
    unit = max(drawn) / max(accounts)
    # The library draws upwards, so the mildest tier comes last.
    assert [width / unit for width in drawn] == pytest.approx(accounts[::-1], rel=0.01)


def test_the_trend_draws_a_point_for_each_date(told: Told, conn: Connection) -> None:
    lines = trend(conn, told.portfolio_id, 30)[::-1]
    assert overdue(lines, "CNY").count("<circle") == len(DATES)
    assert len(bars(contacts(lines))) == sum(line.sent > 0 for line in lines) < len(DATES)


@pytest.mark.parametrize(
    ("top", "text"), [(3, "3"), (1_500, "1,500"), (40_000, "40k"), (2_000_000, "2M")]
)
def test_axes_have_few_whole_steps(told: Told, conn: Connection, top: int, text: str) -> None:
    counted = figures(conn, told.book, told.portfolio_id, DATES[3])
    for tier in counted["tiers"].values():
        tier["accounts"] = top
    labels = re.findall(r"<text [^>]*>([^<]+)</text>", tiers(counted))
    numbers = [label for label in labels if label[0].isdigit()]
    assert numbers[0] == "0"
    assert numbers[-1] == text
    assert 3 <= len(numbers) <= 6


def test_names_in_a_chart_are_escaped(told: Told, conn: Connection) -> None:
    counted = figures(conn, told.book, told.portfolio_id, DATES[3])
    counted["reasons"]["wait"] = {"<script>alert(1)</script>": 4}
    assert "<script" not in reasons(counted)
