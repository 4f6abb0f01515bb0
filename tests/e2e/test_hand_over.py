"""In real Airflow: from the first reminder to the agency and back, approved by a person."""

import csv
import datetime as dt
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from dunflow import placements
from dunflow.clock import DAY
from dunflow.placements import Desk
from dunflow.stack.airflow import AirflowApi
from dunflow.stack.backfill import backfill, why_failed
from dunflow.stack.databases import open_databases
from dunflow.stack.down import down
from dunflow.stack.ports import Ports
from dunflow.stack.up import up

NAME, AGENCY = "corner_loans", "harbour_agency"
FIRST, HANDED, PAID = dt.date(2026, 3, 2), dt.date(2026, 3, 4), dt.date(2026, 3, 5)
RUNS = f"/api/v2/dags/placements__{NAME}/dagRuns"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(what: Callable[[], Any]) -> Any:
    give_up_at = time.monotonic() + 120
    while not (found := what()):
        assert time.monotonic() < give_up_at, "it did not come to pass"
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module")
def api(hand_over_portfolios: Path) -> Iterator[AirflowApi]:
    """A stack of its own, with one portfolio."""
    home = Path(tempfile.mkdtemp(prefix="dunflow-e2e-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUNFLOW_HOME", str(home))
        patch.setenv("DUNFLOW_PORTFOLIOS", str(hand_over_portfolios))
        for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
            patch.delenv(name)
        patch.delenv("DUNFLOW_LEDGER_URL", raising=False)
        try:
            yield AirflowApi(up(Ports(_free_port(), _free_port(), _free_port())).ports)
        finally:
            down()
            shutil.rmtree(home)


def _rows(query: str) -> list[Any]:
    with create_engine(open_databases().ledger, poolclass=NullPool).connect() as conn:
        return list(conn.execute(text(query)).all())


def _states() -> dict[str, str]:
    return dict(
        _rows("SELECT destination, state FROM placement ORDER BY placement_id")  # one account
    )


def _placements_run(api: AirflowApi, date: dt.date) -> str:
    """The run that followed the date by itself."""

    def found() -> str | None:
        runs = api.get(RUNS)["dag_runs"]
        of_date = [run for run in runs if run["partition_key"] == date.isoformat()]
        return str(of_date[0]["dag_run_id"]) if of_date else None

    return str(_wait_for(found))


def _has_ended(api: AirflowApi, run: str) -> bool:
    state = _state(api, run)
    assert state != "failed"
    return state == "success"


def _asked(api: AirflowApi, run: str) -> bool:
    task = api.get(f"{RUNS}/{run}/taskInstances/approval")
    return task["state"] in ("deferred", "awaiting_input")


def _approve(api: AirflowApi, run: str) -> None:
    """As a person does: read, answer, and clear what Airflow failed meanwhile.

    Airflow 3.3.2 fails a task that is answered before its scheduler has noted that the task is
    parked, which takes a loop or two, and longer on a busy machine. Cleared, it asks again.
    """
    answer = {"chosen_options": ["Approve"], "params_input": {}}
    again = {"dag_run_id": run, "only_failed": True, "dry_run": False, "reset_dag_runs": True}
    for patience_s in (5, 10, 20, 40):
        _wait_for(lambda: _asked(api, run) or _state(api, run) in ENDED)
        if _asked(api, run):
            time.sleep(patience_s)
            api.send("PATCH", f"{RUNS}/{run}/taskInstances/approval/-1/hitlDetails", answer)
            _wait_for(lambda: _state(api, run) in ENDED)
        if _state(api, run) == "success":
            return
        # No other task: those are tried again by themselves, minutes later.
        assert api.get(f"{RUNS}/{run}/taskInstances/approval")["state"] == "failed"
        api.send("POST", f"/api/v2/dags/placements__{NAME}/clearTaskInstances", again)
    raise AssertionError("the approved run did not end well")


ENDED = ("success", "failed")


def _state(api: AirflowApi, run: str) -> str:
    return str(api.get(f"{RUNS}/{run}")["state"])


def _packages(kind: str) -> list[Path]:
    folder = Path(os.environ["DUNFLOW_HOME"]) / "exports" / NAME / AGENCY
    return sorted(folder.glob(f"*-{kind}-*"))


def _told() -> Path:
    """Where the agency leaves its files."""
    return Path(os.environ["DUNFLOW_HOME"]) / "exports" / NAME / AGENCY / "told"


def _write(file: Path, rows: list[dict[str, str]]) -> None:
    columns = sorted({key for row in rows for key in row})
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)


def _receive(desk: Desk, name: str, rows: list[dict[str, str]]) -> dict[str, Any]:
    file = Path(os.environ["DUNFLOW_HOME"]) / name
    _write(file, rows)
    return placements.receive(desk, AGENCY, file, "the agency").figures()


def test_from_the_first_reminder_to_the_agency_and_back(
    api: AirflowApi, personal: list[str]
) -> None:
    assert set(backfill(NAME, FIRST, HANDED).values()) == {"success"}
    reminded = _rows("SELECT step FROM contact WHERE account_id = 1 ORDER BY business_date")
    assert [step for (step,) in reminded] == ["text", "last_notice"]
    assert _states() == {AGENCY: "proposed"}

    run = _placements_run(api, HANDED)
    _wait_for(lambda: _asked(api, run))
    question = api.get(f"{RUNS}/{run}/taskInstances/approval/-1/hitlDetails")
    assert "| 2026-03-04 | harbour_agency | 1 | 120.5" in question["body"]
    checks = ", ".join(placements.open_desk(NAME).book.checks(AGENCY))
    assert "agency_listed_and_published" in checks
    assert f"| {checks} |" in question["body"]
    assert [value for value in personal if value in json.dumps(question)] == []
    assert _packages("placement") == []

    _approve(api, run)
    (package,) = _packages("placement")
    rows = json.loads((package / "placements.json").read_text())
    assert [(row["account"], row["amount"]) for row in rows] == [("A1", "120.50")]
    assert _states() == {AGENCY: "exported"}
    (approved,) = _rows("SELECT told_by, reason FROM placement_event WHERE event = 'approval'")
    assert approved.told_by not in ("airflow", "dunflow")
    assert approved.reason == f"checked: {checks}"

    desk = placements.open_desk(NAME)
    number, at = rows[0]["placement"], "2026-03-04 12:00"
    money = {"currency": "CNY", "at": at, "amount": "120.50", "commission": "24.10"}
    paid = {"ref": "2", "kind": "payment", "placement": number, "remittance": "3", **money}
    net = {"ref": "3", "kind": "remittance", **money, "amount": "96.40", "commission": ""}
    for new in ({"payment": 1, "remittance": 1}, {}):
        assert _receive(desk, "remitted.csv", [paid, net])["new"] == new
    found = placements.reconcile(desk)
    assert (found.standings[0].open, found.remittances) == (0, [])
    assert [each.account for each in found.unbooked] == ["A1"]

    # Left where the agency answers, and taken in by the next date's run.
    left = _told() / "acknowledged.csv"
    _write(left, [{"ref": "1", "kind": "accepted", "placement": number, "at": at}])
    os.utime(left, (time.time() - 300,) * 2)
    assert backfill(NAME, PAID, PAID) == {PAID: "success"}
    acknowledged = _rows("SELECT told_by FROM placement_event WHERE event = 'acknowledged'")
    assert [by for (by,) in acknowledged] == ["intake"]
    last = _placements_run(api, PAID)
    _wait_for(lambda: _has_ended(api, last))
    (recall,) = _packages("recall")
    told = json.loads((recall / "recalls.json").read_text())
    assert [(row["account"], row["why"]) for row in told] == [("A1", "paid")]
    assert _states() == {AGENCY: "recalled"}


def test_recalls_follow_also_a_date_whose_run_failed(
    api: AirflowApi, hand_over_portfolios: Path
) -> None:
    folder, lost = hand_over_portfolios / NAME, PAID + DAY
    nobodys = "account,customer,due_on,overdue,name\nA2,C2,2026-03-01,80.00,\n"
    (folder / f"{lost}.csv").write_text(nobodys)
    assert backfill(NAME, lost, lost) == {lost: "failed"}  # the gate misses two columns
    (why,) = why_failed(NAME, [lost]).values()
    assert why.startswith("gate failed; the log is at http://127.0.0.1:")
    run = _placements_run(api, lost)
    _wait_for(lambda: _has_ended(api, run))

    runs = f"/api/v2/dags/daily_escalation__{NAME}/dagRuns"
    key = {"logical_date": None, "partition_key": "9999-01-01"}
    no_date = str(api.send("POST", runs, key)["dag_run_id"])
    _wait_for(lambda: _over(api.get(f"{runs}/{no_date}")["state"]))
    assert api.get(f"{runs}/{no_date}/taskInstances/date_ended")["state"] == "skipped"


def test_what_follows_a_run_by_hand_knows_its_date(
    api: AirflowApi, hand_over_portfolios: Path
) -> None:
    yesterday = dt.datetime.now(ZoneInfo("Asia/Shanghai")).date() - dt.timedelta(days=1)
    folder = hand_over_portfolios / NAME
    shutil.copy(folder / "2026-03-05.csv", folder / f"{yesterday}.csv")
    api.send("POST", f"/api/v2/dags/daily_escalation__{NAME}/dagRuns", {"logical_date": None})
    last = _placements_run(api, yesterday)
    _wait_for(lambda: _has_ended(api, last))


def test_what_was_paid_in_between_is_taken_in_and_a_bad_file_stops_no_other(
    api: AirflowApi, hand_over_portfolios: Path
) -> None:
    inbox, dag = hand_over_portfolios / "corner_feeds/in", "/api/v2/dags/intake__corner_feeds"
    head = "ref,account,amount,booked_at\n"
    (inbox / "a.csv").write_text("who,what\n1,2\n")
    (inbox / "b.csv").write_text(
        head + "p1,B1,10.50,2026-03-02\np2,B1,much,2026-03-02\np1,B1,10.50,2026-03-02\n"
    )

    def run() -> str:
        number = api.send("POST", f"{dag}/dagRuns", {"logical_date": None})["dag_run_id"]
        return str(_wait_for(lambda: _over(api.get(f"{dag}/dagRuns/{number}")["state"])))

    def taken() -> tuple[list[Any], list[Any]]:
        paid = _rows("SELECT payment_ref, amount FROM payment ORDER BY payment_ref")
        waiting = _rows("SELECT place, column_name FROM reject WHERE mended_at IS NULL")
        return [(ref, float(amount)) for ref, amount in paid], [tuple(each) for each in waiting]

    api.send("PATCH", dag, {"is_paused": False})
    assert run() == "failed"
    assert taken() == ([("p1", 10.5)], [("row 2", "amount")])
    (inbox / "a.csv").write_text(head + "p3,B2,-1.00,2026-03-02\n")
    (inbox / "b.csv").write_text(head + "p1,B1,10.50,2026-03-02\np2,B1,2.00,2026-03-02\n")
    for _ in range(2):
        assert run() == "success"
        assert taken() == ([("p1", 10.5), ("p2", 2.0), ("p3", -1.0)], [])


def _over(state: str) -> str | None:
    return state if state in ENDED else None
