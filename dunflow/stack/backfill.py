"""Takes a portfolio through past business dates by Airflow's own backfill."""

import datetime as dt
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from dunflow.errors import DunflowError
from dunflow.stack.airflow import AirflowApi, AirflowError
from dunflow.stack.status import status

States = dict[dt.date, str]
"""Business date → state of its newest run, as Airflow calls it; `none` where there is none."""
OVER = ("success", "failed")
PARSE_LIMIT_S = 120.0
BUSY_LIMIT_S = 120.0


class NotUp(DunflowError):
    """The local stack does not run."""


def backfill(
    portfolio: str,
    first: dt.date,
    last: dt.date,
    progress: Callable[[States], None] = lambda _: None,
) -> States:
    """Run the dates from `first` to `last`, both included, the oldest first and one at a time.

    A date whose newest run succeeded is left alone. `progress` hears of every change; the result
    is how each date ended.
    """
    now = status()
    if not now.is_up:
        raise NotUp("Airflow does not run here; run 'dunflow up' first")
    api = AirflowApi(now.ports)
    dag_id = f"daily_escalation__{portfolio}"
    _require_dag(api, dag_id)
    dates = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    told = _states(api, dag_id, dates)
    progress(told)
    if set(told.values()) == {"success"}:
        # Airflow would look at an empty backfill for half a minute, and take no other meanwhile.
        return told
    identity = _create(api, dag_id, first, last)
    while True:
        # In this order: what was still running when it was asked for is then not yet complete.
        complete = api.get(f"/api/v2/backfills/{identity}")["completed_at"] is not None
        states = _states(api, dag_id, dates)
        if states != told:
            progress(states)
            told = states
        if complete or all(state in OVER for state in states.values()):
            return states
        time.sleep(1.0)


def _require_dag(api: AirflowApi, dag_id: str) -> None:
    """Wait until the DAG was parsed, and refuse one that is paused."""
    give_up_at = time.monotonic() + PARSE_LIMIT_S
    while True:
        try:
            dag = api.get(f"/api/v2/dags/{dag_id}")
            break
        except AirflowError as err:
            if err.status != 404:
                raise
            if time.monotonic() > give_up_at:
                raise DunflowError(
                    f"Airflow knows no DAG {dag_id}; see 'dunflow check', and the import errors on "
                    "Airflow's first page. It reads the folders that DUNFLOW_PORTFOLIOS named when "
                    "it was started: after a new one, dunflow down and dunflow up"
                ) from err
            time.sleep(1.0)
    if dag["is_paused"]:
        # Waking it here would also start its schedule, which contacts people.
        raise DunflowError(
            f"{dag_id} is paused, so none of its runs would start; unpause it in Airflow, which "
            "also starts its daily runs"
        )


def _create(api: AirflowApi, dag_id: str, first: dt.date, last: dt.date) -> int:
    wanted = {
        "dag_id": dag_id,
        "from_date": f"{first}T00:00:00Z",
        "to_date": f"{last}T00:00:00Z",
        "reprocess_behavior": "failed",
        "max_active_runs": 1,
    }
    give_up_at = time.monotonic() + BUSY_LIMIT_S
    while True:
        try:
            return int(api.send("POST", "/api/v2/backfills", wanted)["id"])
        except AirflowError as err:
            # Airflow takes one backfill of a DAG at a time, and notices only every half minute that
            # all runs of the one before have ended.
            if err.status != 409:
                raise
            if time.monotonic() > give_up_at:
                raise DunflowError(
                    f"another backfill of {dag_id} is running; wait for it, or cancel it in Airflow"
                ) from err
            time.sleep(2.0)


def why_failed(portfolio: str, dates: list[dt.date]) -> dict[dt.date, str]:
    """Of dates whose newest run failed, which task did, and where its log is."""
    if not dates:
        return {}
    ports, dag_id = status().ports, f"daily_escalation__{portfolio}"
    api = AirflowApi(ports)
    newest = _newest(api, dag_id)
    told = {}
    for date in dates:
        run = quote(newest[date.isoformat()]["dag_run_id"])
        of = f"/api/v2/dags/{dag_id}/dagRuns/{run}/taskInstances?state=failed"
        tasks = dict.fromkeys(task["task_id"] for task in api.get(of)["task_instances"])
        page = f"{ports.airflow_url}/dags/{dag_id}/runs/{run}"
        told[date] = f"{', '.join(tasks) or 'its run'} failed; the log is at {page}"
    return told


def _states(api: AirflowApi, dag_id: str, dates: list[dt.date]) -> States:
    newest = _newest(api, dag_id)
    keys = {date: date.isoformat() for date in dates}
    return {date: newest[key]["state"] if key in newest else "none" for date, key in keys.items()}


def _newest(api: AirflowApi, dag_id: str) -> dict[str, dict[str, Any]]:
    """Partition key → its newest run."""
    newest: dict[str, dict[str, Any]] = {}
    for run in _runs(api, dag_id):
        key = run["partition_key"]
        if key and (key not in newest or _queued_at(run) >= _queued_at(newest[key])):
            newest[key] = run
    return newest


def _queued_at(run: dict[str, Any]) -> str:
    return run["queued_at"] or ""


def _runs(api: AirflowApi, dag_id: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = []
    while True:
        query = urlencode({"limit": 100, "offset": len(runs), "order_by": "-id"})
        page = api.get(f"/api/v2/dags/{dag_id}/dagRuns?{query}")
        runs += page["dag_runs"]
        if not page["dag_runs"] or len(runs) >= page["total_entries"]:
            return runs
