"""The stack as people start it, with a real scheduler: up, a backfill, a crash, up again, down."""

import datetime as dt
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import pytest
from outage import (
    ACCOUNTS,
    BACKFILLED,
    CATCHING_UP,
    Outage,
    broken_promises,
    contacted,
    decided,
    run_in_time,
)
from sqlalchemy import Connection, Engine, create_engine, inspect, make_url, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.pool import NullPool

from dunflow.errors import ConfigError
from dunflow.ledger.engine import make_engine, portfolio_id_of
from dunflow.ledger.tables import worklist
from dunflow.stack import process
from dunflow.stack.airflow import AirflowApi
from dunflow.stack.backfill import backfill
from dunflow.stack.databases import Databases, folder, open_databases
from dunflow.stack.down import down
from dunflow.stack.environment import stack_environment
from dunflow.stack.parts import parts
from dunflow.stack.ports import Ports, remembered
from dunflow.stack.status import status
from dunflow.stack.up import Running, StackError, up

FIRST, LAST, EMPTY = dt.date(2026, 3, 2), dt.date(2026, 3, 3), dt.date(2026, 3, 4)
DAG = "daily_escalation__corner_shop"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def first_up(portfolios: Path) -> Iterator[Running]:
    """The stack of an empty home, with one portfolio; whatever happens, it ends with the tests."""
    home = Path(tempfile.mkdtemp(prefix="dunflow-e2e-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUNFLOW_HOME", str(home))
        patch.setenv("DUNFLOW_PORTFOLIOS", str(portfolios))
        for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
            patch.delenv(name)
        patch.delenv("DUNFLOW_LEDGER_URL", raising=False)
        try:
            yield up(Ports(_free_port(), _free_port(), _free_port()))
        finally:
            down()
            shutil.rmtree(home)


@pytest.fixture
def stack(first_up: Running) -> Running:
    """It runs, whatever an earlier test did to it."""
    up()
    return first_up


@pytest.fixture
def databases(stack: Running) -> Databases:
    return open_databases()


@dataclass(frozen=True)
class Backfilled:
    """How the two dates ended, and every state of both that was told meanwhile."""

    ended: dict[dt.date, str]
    told: list[dict[dt.date, str]]


@pytest.fixture(scope="module")
def backfilled(first_up: Running) -> Backfilled:
    """Both dates, once for all tests that look at what became of them."""
    up()
    told: list[dict[dt.date, str]] = []
    return Backfilled(backfill("corner_shop", FIRST, LAST, told.append), told)


def _connect(url: str) -> Connection:
    return create_engine(url, poolclass=NullPool).connect()


def _runs_of_both_dates(databases: Databases) -> int:
    counted = text("SELECT count(*) FROM run WHERE business_date IN (:first, :last)")
    with _connect(databases.ledger) as conn:
        found: int = conn.execute(counted, {"first": FIRST, "last": LAST}).scalar_one()
    return found


def _task(api: AirflowApi, run: str, task: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{run}/taskInstances/{task}")
    return found


def _wait_for(condition: Callable[[], bool], limit_s: float = 120) -> None:
    give_up_at = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < give_up_at, "it did not come to pass"
        time.sleep(0.5)


def _runs(number: int) -> bool:
    # Who collects an orphan, and when, is up to the machine.
    return psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE


def _own_processes(stack: Running) -> set[int]:
    return {each.pid for part in parts(stack.ports) for each in process.remains(part.name)}


def test_a_second_up_starts_nothing(first_up: Running, stack: Running) -> None:
    before = _own_processes(stack)
    assert set(first_up.started) == {part.name for part in parts(stack.ports)}
    assert up().started == ()
    assert _own_processes(stack) >= before


def test_it_does_not_move_to_other_ports_while_it_runs(stack: Running) -> None:
    with pytest.raises(StackError, match="runs already"):
        up(Ports(_free_port(), _free_port(), _free_port()))
    assert remembered() == stack.ports


def test_nothing_listens_beyond_this_machine(stack: Running) -> None:
    own = _own_processes(stack)
    heard = [
        each.laddr.ip
        for each in psutil.net_connections("inet")
        if each.pid in own and each.status == psutil.CONN_LISTEN
    ]
    assert set(heard) == {"127.0.0.1"}


def test_the_console_is_behind_the_login(stack: Running) -> None:
    page = f"{stack.ports.airflow_url}/dunflow/"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(page)
    assert refused.value.code == 401
    plugins = AirflowApi(stack.ports).get("/api/v2/plugins")["plugins"]
    assert [each["name"] for each in plugins] == ["dunflow"]


# The simple login knows each role; a token tells which one somebody has.
_TOKEN = """
import sys
from airflow.api_fastapi.app import init_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
manager = init_auth_manager()
print("token", manager.generate_jwt(SimpleAuthManagerUser(username="ann", role=sys.argv[1])))
"""


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ("viewer", (403, "those who may edit its DAG daily_escalation__sold_book")),
        ("user", (404, "there is no portfolio &#39;sold_book&#39;")),
    ],
)
def test_who_may_only_view_sees_figures_and_no_person(
    stack: Running, databases: Databases, role: str, told: tuple[int, str]
) -> None:
    with make_engine(make_url(databases.ledger)).begin() as conn:
        number = portfolio_id_of(conn, "sold_book")
        listed = {"portfolio_id": number, "channel": "call", "team": "calls"}
        listed |= {"listed_on": FIRST, "made_at": dt.datetime.now(dt.UTC), "reference": "sold"}
        conn.execute(insert(worklist).values(listed).on_conflict_do_nothing())
    settings = stack_environment(stack.ports, databases.metadata, databases.ledger)
    script = [sys.executable, "-c", _TOKEN, role]
    said = subprocess.run(script, env=settings, check=True, capture_output=True, text=True).stdout
    token = said.split("token ")[1].strip()

    def page(path: str) -> tuple[int, str]:
        url = f"{stack.ports.airflow_url}/dunflow/{path}"
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(asked) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    assert {page(path)[0] for path in ("", "lists", "handed-over")} == {200}
    status, text = page("lists/sold")
    assert (status, told[1] in text) == (told[0], True)


def test_a_backfill_takes_both_dates_in_order(backfilled: Backfilled, databases: Databases) -> None:
    assert backfilled.ended == {FIRST: "success", LAST: "success"}
    assert {each[FIRST] for each in backfilled.told if each[LAST] == "running"} == {"success"}
    with _connect(databases.ledger) as conn:
        # Whether it is known by now that it was delivered is a matter of seconds.
        counted = (
            "business_date, channel, state IN ('accepted', 'delivered'), count(*) "
            "FROM contact GROUP BY 1, 2, 3 ORDER BY 1"
        )
        contacts = conn.execute(text(f"SELECT {counted}")).all()
    assert [tuple(row) for row in contacts] == [
        (FIRST, "sms", True, 3),
        (LAST, "email", True, 3),
    ]


@pytest.mark.usefixtures("backfilled")
def test_a_date_that_succeeded_is_not_run_again(databases: Databases) -> None:
    backfill("corner_shop", FIRST, LAST)
    assert _runs_of_both_dates(databases) == 2


@pytest.mark.usefixtures("backfilled")
def test_the_day_ends_with_an_asset_event_that_carries_its_counts(stack: Running) -> None:
    query = f"source_dag_id={DAG}&order_by=timestamp"
    events = AirflowApi(stack.ports).get(f"/api/v2/assets/events?{query}")["asset_events"]
    decided = [event for event in events if event["source_task_id"] == "report"]
    ended = [event for event in events if event["source_task_id"] == "date_ended"]
    assert [event["extra"]["business_date"] for event in decided] == ["2026-03-02", "2026-03-03"]
    for of in (decided, ended):
        assert [event["partition_key"] for event in of] == ["2026-03-02", "2026-03-03"]


def test_a_refused_snapshot_is_not_tried_again(stack: Running) -> None:
    assert backfill("corner_shop", EMPTY, EMPTY) == {EMPTY: "failed"}
    api = AirflowApi(stack.ports)
    newest = api.get(f"/api/v2/dags/{DAG}/dagRuns?order_by=-id&limit=1")["dag_runs"][0]
    gate = _task(api, f"/api/v2/dags/{DAG}/dagRuns/{newest['dag_run_id']}", "gate")
    assert (newest["partition_key"], gate["state"], gate["try_number"]) == (str(EMPTY), "failed", 1)


def test_a_run_by_hand_takes_the_newest_date_and_waits_for_its_source(stack: Running) -> None:
    api = AirflowApi(stack.ports)
    run = api.send("POST", f"/api/v2/dags/{DAG}/dagRuns", {"logical_date": None})
    path = f"/api/v2/dags/{DAG}/dagRuns/{run['dag_run_id']}"
    _wait_for(lambda: _task(api, path, "snapshot")["state"] == "up_for_retry")
    told = api.get(f"{path}/taskInstances/business_date/xcomEntries/return_value")["value"]
    yesterday = dt.datetime.now(ZoneInfo("Asia/Shanghai")).date() - dt.timedelta(days=1)
    assert told == yesterday.isoformat()
    api.send("PATCH", path, {"state": "failed"})


def _ask_for(api: AirflowApi, date: str) -> str:
    """A run by hand for a date; its path in the API."""
    run = api.send(
        "POST", f"/api/v2/dags/{DAG}/dagRuns", {"logical_date": None, "partition_key": date}
    )
    return f"/api/v2/dags/{DAG}/dagRuns/{run['dag_run_id']}"


def _log_of_business_date(path: str) -> str:
    run = path.rpartition("/")[2]
    told = folder().parent / "logs/tasks" / f"dag_id={DAG}" / f"run_id={run}"
    return "".join(file.read_text() for file in told.glob("task_id=business_date/*.log"))


def test_the_date_that_closes_next_waits_without_a_worker(stack: Running) -> None:
    api = AirflowApi(stack.ports)
    today = dt.datetime.now(ZoneInfo("Asia/Shanghai")).date()
    path = _ask_for(api, today.isoformat())
    _wait_for(lambda: _task(api, path, "business_date")["state"] == "deferred")
    # Midnight in Shanghai.
    assert f"opens at {today} 16:00:00+00:00" in _log_of_business_date(path)
    api.send("PATCH", path, {"state": "failed"})


@pytest.mark.parametrize(
    ("date", "why"),
    [
        ("2199-12-31", "2199-12-31 lies ahead"),
        ("9999-12-31", "9999-12-31 lies ahead"),
        ("2026-11-5", "'2026-11-5' is no business date"),
    ],
)
def test_a_date_that_lies_ahead_is_refused_at_once_and_nothing_runs_without_one(
    stack: Running, date: str, why: str
) -> None:
    api = AirflowApi(stack.ports)
    path = _ask_for(api, date)
    _wait_for(lambda: api.get(path)["state"] == "failed")
    tasks = api.get(f"{path}/taskInstances")["task_instances"]
    ended = {each["task_id"]: (each["state"], each["try_number"]) for each in tasks}
    assert ended.pop("business_date") == ("failed", 1)
    # The two that a date is not asked of: what the policy says, and a mark.
    assert (ended.pop("channels")[0], ended.pop("reminded")[0]) == ("success", "success")
    assert ended.pop("date_ended")[0] == "skipped"
    assert {state for state, _ in ended.values()} == {"upstream_failed"}
    assert why in _log_of_business_date(path)


@dataclass(frozen=True)
class Returned:
    """What the two portfolios came to after the outage, at each stage; `grid`: states of tasks."""

    caught_up: dict[dt.date, list[tuple[Any, ...]]]
    caught_up_contacts: list[tuple[Any, ...]]
    grid: dict[str, set[str]]
    engine: Engine


@pytest.fixture(scope="module")
def returned(first_up: Running, outage: Outage) -> Iterator[Returned]:
    """The scheduler stands still for five business dates, and then comes back.

    One portfolio catches up by itself, oldest date first, and a backfill then does the newest dates
    once more, newest first. The other one runs its newest date alone, and a backfill fills older
    ones.
    """
    up()
    process.stop("scheduler", 30.0)
    api = AirflowApi(first_up.ports)
    dags = {name: f"daily_escalation__{name}" for name in (CATCHING_UP, BACKFILLED)}
    for name, dag in dags.items():
        run_in_time(name, outage.before)
        _wait_for(lambda dag=dag: _knows(api, dag))
        api.send("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})
    up()
    engine = make_engine(make_url(open_databases().ledger))
    catching_up, backfilled = dags.values()
    _wait_for_runs(api, catching_up, outage.dates)
    _wait_for_runs(api, backfilled, [outage.last])
    caught_up = decided(engine, CATCHING_UP), contacted(engine, CATCHING_UP)
    _run_again_backwards(api, catching_up, outage.dates[-2:])
    backfill(BACKFILLED, *outage.missed[-2:])
    _wait_for_runs(api, catching_up, [*outage.dates, *outage.dates[-2:]])
    grid = {name: _states_of_tasks(api, dag) for name, dag in dags.items()}
    yield Returned(*caught_up, grid, engine)
    engine.dispose()


def _knows(api: AirflowApi, dag: str) -> bool:
    return any(each["dag_id"] == dag for each in api.get("/api/v2/dags?limit=50")["dags"])


def _wait_for_runs(api: AirflowApi, dag: str, dates: list[dt.date]) -> None:
    """Until these, each as often as it is named, are all the runs that succeeded."""

    def succeeded() -> list[str]:
        runs = api.get(f"/api/v2/dags/{dag}/dagRuns?limit=50")["dag_runs"]
        return sorted(each["partition_key"] for each in runs if each["state"] == "success")

    _wait_for(lambda: succeeded() == sorted(map(str, dates)), limit_s=600)


def _states_of_tasks(api: AirflowApi, dag: str) -> set[str]:
    runs = api.get(f"/api/v2/dags/{dag}/dagRuns?limit=50")["dag_runs"]
    tasks = api.get(f"/api/v2/dags/{dag}/dagRuns/~/taskInstances?limit=100")
    assert tasks["total_entries"] <= 100
    return {each["state"] for each in [*runs, *tasks["task_instances"]]}


def _run_again_backwards(api: AirflowApi, dag: str, dates: list[dt.date]) -> None:
    wanted = {
        "dag_id": dag,
        "from_date": f"{dates[0]}T00:00:00Z",
        "to_date": f"{dates[-1]}T00:00:00Z",
        "run_backwards": True,
        "reprocess_behavior": "completed",
        "max_active_runs": 1,
    }
    api.send("POST", "/api/v2/backfills", wanted)


def _rows(*decision: str) -> list[tuple[str, ...]]:
    return [(ref, *decision) for ref in ACCOUNTS]


def test_after_an_outage_catching_up_contacts_each_account_once_at_the_right_rung(
    returned: Returned, outage: Outage
) -> None:
    assert [returned.caught_up[date] for date in outage.dates] == [
        _rows("missed", "late_run", "step2"),
        *(_rows("missed", "late_run", "step3") for _ in range(3)),
        _rows("send", "step_due", "step3"),
    ]
    assert returned.caught_up_contacts == [
        (date, ref, step, "accepted")
        for date, step in ((outage.before, "step1"), (outage.last, "step3"))
        for ref in ACCOUNTS
    ]


def test_dates_run_again_newest_first_change_nothing(returned: Returned) -> None:
    assert decided(returned.engine, CATCHING_UP) == returned.caught_up
    assert contacted(returned.engine, CATCHING_UP) == returned.caught_up_contacts


def test_older_dates_filled_after_the_newest_come_to_the_same(
    returned: Returned, outage: Outage
) -> None:
    filled = [outage.before, *outage.missed[-2:], outage.last]
    assert decided(returned.engine, BACKFILLED) == {
        date: returned.caught_up[date] for date in filled
    }
    assert contacted(returned.engine, BACKFILLED) == returned.caught_up_contacts


def test_after_an_outage_the_grid_is_green_and_the_audit_clean(returned: Returned) -> None:
    assert returned.grid == {name: {"success"} for name in (CATCHING_UP, BACKFILLED)}
    for name in (CATCHING_UP, BACKFILLED):
        assert broken_promises(returned.engine, name) == []


@pytest.mark.usefixtures("backfilled", "returned")
def test_no_personal_data_outside_of_ledger_and_sandbox(
    stack: Running, databases: Databases, personal: list[str]
) -> None:
    home = folder().parent
    files = [*(home / "logs").rglob("*"), *(home / "airflow").rglob("*")]
    for file in filter(Path.is_file, files):
        content = file.read_bytes().decode(errors="replace")
        assert [value for value in personal if value in content] == [], file
    with _connect(databases.metadata) as conn:
        for table in inspect(conn).get_table_names():
            rows = conn.execute(text(f'SELECT t::text FROM "{table}" t')).scalars()
            content = "\n".join(rows)
            assert [value for value in personal if value in content] == [], table


def test_a_taken_port_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUNFLOW_HOME", str(tmp_path))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} .* another --airflow-port"):
            up(Ports(airflow=port, sandbox=_free_port(), receiver=_free_port()))
    assert not status().is_up
    assert not (tmp_path / "postgres").exists()


@pytest.mark.usefixtures("backfilled")
def test_after_a_crash_of_everything_up_works_and_the_ledger_is_whole(
    stack: Running, databases: Databases
) -> None:
    before = _own_processes(stack)
    server = psutil.Process(int((folder() / "postmaster.pid").read_text().splitlines()[0]))
    everything = [server, *server.children(), *map(psutil.Process, before)]
    for each in everything:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(everything, timeout=10)
    # As a person would: by a command of its own.
    subprocess.run(
        [sys.executable, "-c", "from dunflow.stack.up import up; up()"], check=True, timeout=180
    )
    assert status().is_up
    assert not before & _own_processes(stack)
    assert _runs_of_both_dates(databases) == 2


def test_after_the_database_was_killed_alone_up_means_that_all_parts_run(stack: Running) -> None:
    server = psutil.Process(int((folder() / "postmaster.pid").read_text().splitlines()[0]))
    server.kill()
    psutil.wait_procs([server], timeout=10)
    # Those that lose their database end by and by.
    up()
    for _ in range(20):
        assert status().is_up
        time.sleep(0.5)


def test_down_leaves_no_process_behind(stack: Running) -> None:
    own = _own_processes(stack)
    stopped = down()
    assert set(stopped) == {*(part.name for part in parts(stack.ports)), "database"}
    assert _own_processes(stack) == set()
    assert [number for number in own if _runs(number)] == []
    assert down() == ()
