"""What Airflow makes of the DAG files, each time with portfolios of the test's own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WritePortfolio = Callable[..., Path]
Parse = Callable[[], dict[str, Any]]


@pytest.fixture
def parse(parsing: dict[str, str]) -> Parse:
    def run() -> dict[str, Any]:
        script = [sys.executable, str(Path(__file__).parent / "parse.py")]
        done = subprocess.run(script, env=parsing, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result

    return run


def test_fifty_portfolios_parse_in_a_second_without_a_database(
    parse: Parse, write_portfolio: WritePortfolio
) -> None:
    for number in range(50):
        write_portfolio(f"book_{number:02}", starts_on="2026-03-01")
    parsed = parse()
    assert parsed["errors"] == {}
    assert len(parsed["dags"]) == 100
    assert parsed["seconds"] < 1.0
    assert parsed["heavy"] == []


def test_a_day_goes_from_stage_to_stage(parse: Parse, write_portfolio: WritePortfolio) -> None:
    write_portfolio("corner_shop")
    tasks = parse()["dags"]["daily_escalation__corner_shop"]["tasks"]
    line = ["snapshot", "gate", "decide", "remind", "report"]
    assert [tasks[before] for before in line[:-1]] == [[after] for after in line[1:]]
    assert "snapshot" in tasks["business_date"]
    assert tasks["channels"] == ["remind"]


def test_every_dag_has_an_owner_tags_and_documentation(
    parse: Parse, write_portfolio: WritePortfolio
) -> None:
    write_portfolio("corner_shop")
    dags = parse()["dags"]
    assert set(dags) == {"daily_escalation__corner_shop", "dispatch_reminders__corner_shop"}
    for dag in dags.values():
        assert dag["owner"] == "risk"
        assert dag["tags"] == ["corner_shop", "dunflow"]
        assert dag["documented"]
        assert dag["runs_at_once"] == 1


def test_the_first_run_is_the_midnight_that_ends_the_first_date(
    parse: Parse, write_portfolio: WritePortfolio
) -> None:
    write_portfolio("corner_shop", starts_on="2026-03-01")
    dag = parse()["dags"]["daily_escalation__corner_shop"]
    assert dag["start"] == "2026-03-01T16:00:00+00:00"  # 2026-03-02 00:00 in Shanghai
    assert dag["catchup"]


def test_a_portfolio_without_a_first_date_catches_nothing_up(
    parse: Parse, write_portfolio: WritePortfolio
) -> None:
    write_portfolio("corner_shop")
    dag = parse()["dags"]["daily_escalation__corner_shop"]
    assert not dag["catchup"]
    assert dag["paused"]


def test_a_replayed_portfolio_runs_only_when_it_is_asked_to(
    parse: Parse, write_portfolio: WritePortfolio
) -> None:
    write_portfolio("museum", clock="replay", starts_on="2016-09-01")
    dags = parse()["dags"]
    assert set(dags) == {"daily_escalation__museum"}
    dag = dags["daily_escalation__museum"]
    assert (dag["ends"], dag["catchup"], dag["paused"]) == (True, False, False)


@pytest.mark.parametrize(
    "broken", ["time_zone: Nowhere/At_all", "starts_on: soon", "[", "- a list", "owner: [", ""]
)
def test_a_broken_portfolio_keeps_its_dags_and_harms_no_other(
    parse: Parse, write_portfolio: WritePortfolio, broken: str
) -> None:
    write_portfolio("corner_shop")
    (write_portfolio("wreck") / "portfolio.yaml").write_text(broken)
    parsed = parse()
    assert parsed["errors"] == {}
    assert len(parsed["dags"]) == 4
    assert "unreadable portfolio.yaml" in parsed["dags"]["daily_escalation__wreck"]["tags"]
    assert parsed["dags"]["daily_escalation__corner_shop"]["tags"] == ["corner_shop", "dunflow"]
