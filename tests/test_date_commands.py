"""The commands about business dates: what stops one, who lets it go on, and what is told of it."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from click.testing import CliRunner
from sqlalchemy import URL, make_url

from dunflow.cli import main
from dunflow.day import opens_at
from dunflow.decide.breaker import note_stopped
from dunflow.errors import NotClosed
from dunflow.ledger import throwaway
from dunflow.ledger.engine import URL_VARIABLE, make_engine, portfolio_id_of
from dunflow.report.trend import trend
from dunflow.snapshot.finding import vouched_for
from tests.test_kill import _POLICY, _PORTFOLIO

FIRST, SECOND = dt.date(2026, 3, 2), dt.date(2026, 3, 3)
WHY = ["--reason", "a branch was sold", "--by", "ann"]


class Shop:
    """A book with a file for each date, and the commands on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def deliver(self, date: dt.date, accounts: range, next_due: range = range(0)) -> None:
        """`next_due`: those whose next instalment is in the file, and nothing that is overdue."""
        rows = ["account,customer,due_on,overdue,name,phone,email"]
        rows += [
            f"A{n},C{n},2026-0{4 if n in next_due else 3}-01,120.50,张三,+861348{n:07},"
            f"c{n}@example.com"
            for n in accounts
        ]
        (self.folder / f"{date}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")

    def says(self, *words: object, code: int = 0) -> str:
        done = CliRunner().invoke(main, [str(word) for word in words])
        assert done.exit_code == code, done.output
        return " ".join(done.output.split())

    def states(self) -> dict[dt.date, str]:
        """What the pages show of each date's snapshot."""
        engine = make_engine(make_url(os.environ[URL_VARIABLE]))
        with engine.connect() as conn:
            lines = trend(conn, portfolio_id_of(conn, "shop"), 30)
        engine.dispose()
        return {line.business_date: line.state for line in lines}

    def day(self, date: dt.date, code: int = 0) -> str:
        return self.says("day", "shop", date, code=code)


@contextmanager
def open_shop(
    server: URL, template: str, monkeypatch: pytest.MonkeyPatch, place: Path, policy: dict[str, Any]
) -> Iterator[Shop]:
    """A shop whose ledger is the one that commands find."""
    folder = place / "portfolios" / "shop"
    folder.mkdir(parents=True)
    limits = {"volume": {"max_contacts": 150, "small": 50}}
    (folder / "portfolio.yaml").write_text(yaml.safe_dump(_PORTFOLIO | limits))
    (folder / "policy.yaml").write_text(yaml.safe_dump(policy))
    monkeypatch.setenv("DUNFLOW_HOME", str(place))
    monkeypatch.setenv("DUNFLOW_PORTFOLIOS", str(place / "portfolios"))
    with throwaway.clone(server, template) as url:
        monkeypatch.setenv(URL_VARIABLE, url.render_as_string(hide_password=False))
        yield Shop(folder)


@pytest.fixture
def shop(
    server: URL, template: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Shop]:
    with open_shop(server, template, monkeypatch, tmp_path, _POLICY) as opened:
        yield opened


def test_a_person_learns_how_many_contacts_they_let_out_and_no_more_go(shop: Shop) -> None:
    shop.deliver(FIRST, range(200))
    stopped = shop.day(FIRST, code=1)
    assert "contacts to be planned: seen 200, allowed 150 (volume.max_contacts)" in stopped
    assert "contacts to be planned: seen 200" in shop.says("accept", "shop", FIRST, *WHY)
    shop.deliver(FIRST, range(250))
    assert "contacts to be planned: seen 250" in shop.day(FIRST, code=1)
    shop.deliver(FIRST, range(205))
    ran = shop.day(FIRST)
    assert "A person accepted the date, knowing: contacts to be planned: seen 205" in ran
    assert "accepted 205" in ran
    assert "nothing to accept" in shop.says("accept", "shop", FIRST, *WHY, code=1)


def test_a_run_that_was_stopped_before_somebody_accepted_takes_nothing_back(shop: Shop) -> None:
    """Two runs at once: the one that was stopped writes so down after the other went on."""
    shop.deliver(FIRST, range(200))
    shop.day(FIRST, code=1)
    shop.says("accept", "shop", FIRST, *WHY)
    shop.day(FIRST)
    engine = make_engine(make_url(os.environ[URL_VARIABLE]))
    with engine.begin() as conn:
        number = portfolio_id_of(conn, "shop")
        note_stopped(conn, number, FIRST, vouched_for(conn, number, FIRST))
    engine.dispose()
    assert shop.states() == {FIRST: "accepted"}


def test_a_file_that_breaks_off_cures_nobody_before_a_person_says_so(shop: Shop) -> None:
    """A fall that the gate lets pass: 56 of 140 are the last lines that a cut file has."""
    shop.deliver(FIRST, range(140))
    shop.day(FIRST)
    shop.deliver(SECOND, range(84))
    stopped = shop.day(SECOND, code=1)
    assert f"accounts that are cured: seen 56 of 140 (40%) since {FIRST}, allowed 30%" in stopped
    assert '"decision": null' in shop.says("explain", "shop", "A99", SECOND, "--json")
    assert shop.states() == {SECOND: "stopped", FIRST: "accepted"}
    shop.deliver(SECOND, range(140))
    shop.day(SECOND)  # mended, and nothing is to be accepted
    assert shop.states() == {SECOND: "accepted", FIRST: "accepted"}
    third = SECOND + dt.timedelta(days=1)
    shop.deliver(third, range(84))
    shop.day(third, code=1)
    shop.says("accept", "shop", third, *WHY)
    assert '"cured": 56' in shop.says("day", "shop", third, "--json")


def test_a_day_says_of_its_snapshot_what_the_pages_say(shop: Shop) -> None:
    shop.deliver(FIRST, range(3))
    assert '"state": "accepted"' in shop.says("day", "shop", FIRST, "--json")
    assert shop.states() == {FIRST: "accepted"}


def test_a_file_that_calls_too_many_up_to_date_is_stopped_as_one_that_leaves_them_out(
    shop: Shop,
) -> None:
    shop.deliver(FIRST, range(140))
    shop.day(FIRST)
    shop.deliver(SECOND, range(140), next_due=range(56))
    stopped = shop.day(SECOND, code=1)
    assert f"accounts that are cured: seen 56 of 140 (40%) since {FIRST}, allowed 30%" in stopped
    shop.says("accept", "shop", SECOND, *WHY)
    assert "accounts that are cured: seen 56 of 140" in shop.day(SECOND)


def test_a_stop_is_seen_until_it_is_lifted(shop: Shop) -> None:
    assert "nothing is stopped" in shop.says("stop", "shop")
    shop.says("stop", "shop", "--channel", "sms", "--reason", "under review", "--by", "Ann")
    shop.deliver(FIRST, range(3))
    assert "A person stopped sms, and nothing goes out by that" in shop.day(FIRST)
    listed = shop.says("stop", "shop")
    assert "sms" in listed
    assert "under review Ann" in listed
    shop.says("stop", "shop", "--channel", "email", code=2)  # a slip, and not asked for a list
    shop.says("resume", "shop", "--channel", "sms", "--reason", "reviewed")
    assert "nothing is stopped" in shop.says("stop", "shop")


def test_no_date_is_filled_in_before_it_has_closed(shop: Shop) -> None:
    today = dt.datetime.now(ZoneInfo("Asia/Shanghai")).date()
    assert "has not closed" in shop.says("backfill", "shop", FIRST, today, code=1)
    assert shop.states() == {}


def test_history_that_is_still_to_come_is_not_replayed(shop: Shop) -> None:
    """After such a date every real one would be late."""
    today = dt.datetime.now(ZoneInfo("Asia/Shanghai")).date()
    for date in (today, today + dt.timedelta(days=30)):
        shop.deliver(date, range(3))
        assert f"{date} has not closed" in shop.day(date, code=1)
    assert shop.states() == {}


@pytest.mark.usefixtures("shop")
def test_a_run_waits_for_the_date_that_closes_next_and_for_no_later_one() -> None:
    midnight = dt.datetime(2026, 3, 2, 16, tzinfo=dt.UTC)  # of the 2nd to the 3rd in Shanghai
    before = midnight - dt.timedelta(seconds=1)
    usual = dt.datetime(2026, 3, 2, 22, 30, tzinfo=dt.UTC)
    assert opens_at("shop", FIRST, before) == opens_at("shop", FIRST, midnight) == usual
    assert opens_at("shop", SECOND, midnight) == usual + dt.timedelta(days=1)
    for date, now in [(SECOND, before), (dt.date(2046, 1, 1), before), (dt.date.max, midnight)]:
        with pytest.raises(NotClosed, match=f"{date} lies ahead.* earlier one"):
            opens_at("shop", date, now)


def test_no_other_date_is_judged_by_one_that_was_stopped(shop: Shop) -> None:
    """Beside the cut file of the day before a whole one would be 67 % more, and those whom it left
    out would begin a new ladder."""
    shop.deliver(FIRST, range(140))
    shop.day(FIRST)
    shop.deliver(SECOND, range(84))
    shop.day(SECOND, code=1)
    third = SECOND + dt.timedelta(days=1)
    shop.deliver(third, range(140))
    shop.day(third)
    assert shop.states() == {third: "accepted", SECOND: "stopped", FIRST: "accepted"}
    shop.deliver(SECOND, range(140))
    shop.day(SECOND)  # filled in late
    shop.day(third)
    story = shop.says("explain", "shop", "A99")
    assert story.count("2026-03-02 courtesy") == 1  # one episode, begun on the first date


def test_days_that_are_missing_had_their_cures_too(shop: Shop) -> None:
    shop.deliver(FIRST, range(140))
    shop.day(FIRST)
    later = FIRST + dt.timedelta(days=3)  # 66 % are allowed by then
    shop.deliver(later, range(84))
    assert "cured 56" in shop.day(later)


def test_what_could_not_be_read_is_shown_with_row_and_reason(shop: Shop) -> None:
    assert "shop: nothing is loaded" in shop.says("quarantine", "shop", code=1)
    shop.deliver(FIRST, range(3))
    with (shop.folder / f"{FIRST}.csv").open("a", encoding="utf-8") as file:
        file.write("A9,C9,2026-03-01,12O.50,张三,+8613480000009,c@example.com\n")
    assert f"dunflow quarantine shop {FIRST}" in shop.day(FIRST)
    assert "4 overdue text" in shop.says("quarantine", "shop")
    shop.deliver(SECOND, range(1))
    with (shop.folder / f"{SECOND}.csv").open("a", encoding="utf-8") as file:
        file.write(",C9,2026-03-01,120.50,张三,+8613480000009,c@example.com\n")
    shop.day(SECOND)
    first = shop.says("quarantine", "shop", SECOND, "--most", "1")  # three are missing
    assert "2 account empty" in first
    assert "The first 1 of 4" in first
    third = SECOND + dt.timedelta(days=1)
    shop.deliver(third, range(1))
    shop.day(third)
    assert "everything could be read" in shop.says("quarantine", "shop")
    assert "nothing is loaded" in shop.says("quarantine", "shop", "2026-04-01", code=1)


def test_an_audit_of_nothing_says_that_it_proves_nothing(shop: Shop) -> None:
    assert "proves nothing" in shop.says("audit", "shop")
    shop.deliver(FIRST, range(3))
    shop.day(FIRST)
    assert "proves nothing" not in shop.says("audit", "shop")
    assert "proves nothing" in shop.says("audit", "shop", "2030-12-01", "2030-12-05")


def test_a_story_tells_what_was_said_and_agreed(shop: Shop) -> None:
    shop.deliver(FIRST, range(3))
    shop.day(FIRST)
    shop.says("promise", "shop", "A1", "20.00", "2026-03-09", *WHY, "--now", "2026-03-03 12:00")
    shop.says("opt-out", "shop", "C1", "sms", *WHY)
    held = shop.says("hold", "shop", "A1", "--kind", "dispute", *WHY)
    # Where the replayed clock is: at eight that date's contacts went out, and rightly so.
    assert "(dispute) stands from 2026-03-03 08:00" in held
    assert "BROKEN" not in shop.says("audit", "shop")
    noon = ("--now", "2026-03-03 12:00")
    shop.says("talked", "shop", "A1", "--at", "2026-03-03 11:00", *noon)
    story = shop.says("explain", "shop", "A1", "--json")
    for told in ('"promised_on": "2026-03-09"', '"kind": "dispute"', '"channel": "sms", "of_the'):
        assert told in story
    assert '"held_at": "2026-03-03T03:00:00+00:00"' in story
    assert "348" not in story  # as in phones
