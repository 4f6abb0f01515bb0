"""What Airflow makes of the DAG files, with portfolios of the test's own."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dunflow.config.book import root
from dunflow.config.head import heads

WritePortfolio = Callable[[Path, str, dict[str, object]], Path]
Parse = Callable[[Path], dict[str, Any]]

FEEDS = {"payments": {"kind": "files", "path": "in/*.csv"}}
BROKEN = {
    "no_zone": "time_zone: Nowhere/At_all",
    "no_date": "{time_zone: Asia/Shanghai, starts_on: soon}",
    "no_end_of_time": "{time_zone: Asia/Shanghai, starts_on: '9999-12-31'}",
    "no_character": '{time_zone: Asia/Shanghai, description: "a\\0b"}',
    "no_end": f"{{time_zone: Asia/Shanghai, owner: {'x' * 2001}}}",
    "no_yaml": "owner: [",
    "no_mapping": "- a list",
    "no_text": "",
}

NAMELESS = ["book b", "Book", "9_books", "x" * 41, "x" * 120]
"""Folders that can name no portfolio."""


@pytest.fixture(scope="module")
def parse(parsing: Callable[[Path], dict[str, str]]) -> Parse:
    def run(root: Path) -> dict[str, Any]:
        script = [sys.executable, str(Path(__file__).parent / "parse.py")]
        done = subprocess.run(script, env=parsing(root), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result

    return run


@pytest.fixture(scope="module")
def parsed(
    parse: Parse, write_portfolio: WritePortfolio, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """One portfolio of each kind."""
    root = tmp_path_factory.mktemp("kinds")
    write_portfolio(root, "plain", {})
    write_portfolio(root, "fed", {"intake": FEEDS})
    write_portfolio(root, "pair", {"destinations": {"legal": {"approvals": 2}}})
    write_portfolio(root, "dated", {"starts_on": "2026-03-01"})
    replayed = {"clock": "replay", "starts_on": "2016-09-01", "intake": FEEDS}
    write_portfolio(root, "museum", replayed)
    for name, document in BROKEN.items():
        (write_portfolio(root, name, {}) / "portfolio.yaml").write_text(document)
    for name in NAMELESS:
        write_portfolio(root, name, {})
    return parse(root)


@pytest.fixture(scope="module")
def dags(parsed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = parsed["dags"]
    return found


def test_fifty_portfolios_parse_in_a_second_without_a_database(
    parse: Parse, write_portfolio: WritePortfolio, tmp_path: Path
) -> None:
    for number in range(50):
        write_portfolio(tmp_path, f"book_{number:02}", {"starts_on": "2026-03-01"})
    parsed = parse(tmp_path)
    assert parsed["errors"] == {}
    assert len(parsed["dags"]) == 200
    assert parsed["seconds"] < 1.0
    assert parsed["heavy"] == []


def test_a_day_goes_from_stage_to_stage(dags: dict[str, Any]) -> None:
    tasks = dags["daily_escalation__plain"]["tasks"]
    line = ["snapshot", "gate", "decide", "remind"]
    assert all(after in tasks[before] for before, after in pairwise(line))
    assert "snapshot" in tasks["business_date"]
    assert tasks["channels"] == ["remind"]


def test_the_readme_and_the_dag_itself_tell_every_task_of_a_day(dags: dict[str, Any]) -> None:
    told = re.findall(r"^  (\w+)  +\S", (root() / "README.md").read_text(), flags=re.MULTILINE)
    page = (root() / "dags/daily_escalation.py").read_text()
    tasks = set(dags["daily_escalation__plain"]["tasks"])
    assert set(told) == tasks
    assert set(re.findall(r"^\| (\w+) \|", page, flags=re.MULTILINE)) - {"task"} == tasks


def test_a_sender_that_is_down_keeps_back_no_report_and_fails_the_run(
    dags: dict[str, Any],
) -> None:
    dag = dags["daily_escalation__plain"]
    tasks, rules = dag["tasks"], dag["rules"]
    assert tasks["decide"] == ["remind", "report"]
    assert tasks["remind"] == ["complete", "date_ended", "reminded"]
    assert tasks["reminded"] == ["letters", "lists", "report"]
    # Airflow takes a run's state from its last tasks: `complete` has to be one of them.
    assert {name for name, after in tasks.items() if not after} == {"complete", "date_ended"}
    assert (rules["reminded"], rules["report"], rules["complete"]) == (
        "all_done",
        "none_failed",
        "all_success",
    )


def test_what_works_on_a_date_never_runs_without_one(dags: dict[str, Any]) -> None:
    dag = dags["daily_escalation__plain"]
    careless = {name for name, rule in dag["rules"].items() if rule == "all_done"}
    # It works on none: without one it is skipped.
    assert careless & set(dag["tasks"]["business_date"]) == {"date_ended"}


def test_what_has_left_is_taken_back_before_a_person_is_asked(dags: dict[str, Any]) -> None:
    tasks = dags["placements__plain"]["tasks"]
    line = ["take_back", "candidates", "approval", "carry_out", "deliver"]
    assert [tasks[before][0] for before in line[:-1]] == line[1:]


def test_as_many_people_are_asked_as_a_receiver_wants(dags: dict[str, Any]) -> None:
    tasks, rules = dags["placements__pair"]["tasks"], dags["placements__pair"]["rules"]
    assert tasks["carry_out"] == ["candidates_2", "deliver"]
    line = ["candidates_2", "approval_2", "carry_out_2", "deliver_2"]
    assert [tasks[before][0] for before in line[:-1]] == line[1:]
    # Nobody is asked a second time about what the first person left for later.
    assert (rules["candidates"], rules["candidates_2"]) == ("all_done", "all_success")


def test_what_became_of_emails_is_asked_after_sending(dags: dict[str, Any]) -> None:
    tasks = dags["dispatch_reminders__plain"]["tasks"]
    assert tasks["dispatch"] == ["lists", "results"]


def test_what_is_let_go_is_let_go_before_the_audit(dags: dict[str, Any]) -> None:
    assert dags["housekeeping__plain"]["tasks"] == {"let_go": ["audit"], "audit": []}


def test_a_run_that_waits_for_a_person_keeps_no_other_waiting(dags: dict[str, Any]) -> None:
    assert dags["placements__plain"]["runs_at_once"] > 14  # days that an answer may take


@pytest.mark.parametrize(
    "kind", ["daily_escalation", "dispatch_reminders", "housekeeping", "placements"]
)
def test_every_dag_has_an_owner_tags_and_documentation(dags: dict[str, Any], kind: str) -> None:
    dag = dags[f"{kind}__plain"]
    assert dag["owner"] == "risk"
    assert dag["tags"] == ["dunflow", "plain"]
    assert dag["documented"]


def test_what_happens_in_between_is_taken_in_where_a_portfolio_has_feeds(
    dags: dict[str, Any],
) -> None:
    dag = dags["intake__fed"]
    assert dag["tasks"] == {"kinds": ["take"], "take": []}
    assert dag["runs_at_once"] == 1
    assert dag["documented"]
    assert "intake__plain" not in dags
    assert "intake__museum" not in dags  # a replayed day takes in what had come by then


@pytest.mark.parametrize("kind", ["daily_escalation", "dispatch_reminders", "housekeeping"])
def test_days_and_dispatches_run_one_after_the_other(dags: dict[str, Any], kind: str) -> None:
    assert dags[f"{kind}__plain"]["runs_at_once"] == 1


def test_the_first_run_is_the_midnight_that_ends_the_first_date(dags: dict[str, Any]) -> None:
    dag = dags["daily_escalation__dated"]
    assert dag["start"] == "2026-03-01T16:00:00+00:00"  # 2026-03-02 00:00 in Shanghai
    assert dag["catchup"]


def test_a_portfolio_without_a_first_date_catches_nothing_up(dags: dict[str, Any]) -> None:
    assert not dags["daily_escalation__plain"]["catchup"]


def test_what_contacts_real_people_waits_to_be_unpaused(dags: dict[str, Any]) -> None:
    paused = {name for name, dag in dags.items() if dag["paused"] is not False}
    assert paused == set(dags) - {"daily_escalation__museum", "placements__museum"}


def test_a_replayed_portfolio_runs_only_when_it_is_asked_to(dags: dict[str, Any]) -> None:
    assert "dispatch_reminders__museum" not in dags
    dag = dags["daily_escalation__museum"]
    assert dag["ends"]
    assert not dag["catchup"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_portfolio_keeps_its_dags_and_harms_no_other(
    parsed: dict[str, Any], name: str
) -> None:
    assert parsed["errors"] == {}
    for kind in ("daily_escalation", "dispatch_reminders", "housekeeping", "placements"):
        assert "unreadable portfolio.yaml" in parsed["dags"][f"{kind}__{name}"]["tags"]


def test_a_folder_that_can_name_no_portfolio_is_passed_over(dags: dict[str, Any]) -> None:
    assert [dag for dag in dags if dag.partition("__")[2] in NAMELESS] == []


def test_a_name_in_two_places_harms_no_other_portfolio(
    write_portfolio: WritePortfolio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUNFLOW_ROOT", str(tmp_path / "one"))
    monkeypatch.setenv("DUNFLOW_PORTFOLIOS", str(tmp_path / "two/include/portfolios"))
    for place, name in [("one", "twice"), ("two", "twice"), ("one", "once")]:
        write_portfolio(tmp_path / place, name, {})
    assert [(head.name, head.owner, head.warnings) for head in heads()] == [
        ("once", "risk", ()),
        ("twice", "collections", ("lies in several folders",)),
    ]
