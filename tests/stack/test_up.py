"""Parts that end by themselves: started again, and called up only once they have given a sign."""

import datetime as dt
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dunflow.ledger.engine import URL_VARIABLE
from dunflow.stack import process, up
from dunflow.stack.parts import Part
from dunflow.stack.ports import Ports

# Answers as Airflow does when it is asked for its health. The scheduler's sign of life is a file's.
_API_SERVER = """
import datetime as dt, json, pathlib, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        now, beat = dt.datetime.now(dt.UTC).isoformat(), pathlib.Path("beat")
        parts = {
            name: {f"latest_{name}_heartbeat": now} for name in ("triggerer", "dag_processor")
        }
        told = beat.read_text() if beat.exists() else "2000-01-01T00:00:00+00:00"
        parts["scheduler"] = {"latest_scheduler_heartbeat": told}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"metadatabase": {"status": "healthy"}, **parts}).encode())

HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""
# The first one lives on for a second after it lost its database.
_SCHEDULER = """
import datetime as dt, pathlib, time
lost = pathlib.Path("lost")
if not lost.exists():
    lost.touch()
    time.sleep(1)
else:
    pathlib.Path("beat").write_text(dt.datetime.now(dt.UTC).isoformat())
    time.sleep(600)
"""


@pytest.fixture
def ports() -> Ports:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Ports(airflow=int(probe.getsockname()[1]))


Run = Callable[[str], list[str]]


@pytest.fixture
def keep_up(tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Keeps a stack of two parts up, the scheduler being this script."""
    monkeypatch.setenv("DUNFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    stack = [Part("api-server", ("api_server", str(ports.airflow))), Part("scheduler", ("beats",))]
    monkeypatch.setattr(up, "parts", lambda _: stack)

    def run(scheduler: str) -> list[str]:
        (tmp_path / "api_server.py").write_text(_API_SERVER)
        (tmp_path / "beats.py").write_text(scheduler)
        for part in stack:
            process.start(part.name, part.command, os.environ)
        return up.keep_up(ports, os.environ, dt.datetime.now(dt.UTC), lambda _: None)

    yield run
    for part in stack:
        process.stop(part.name, patience_s=0.0)


def test_one_that_ends_after_the_database_is_back_is_started_again(keep_up: Run) -> None:
    assert keep_up(_SCHEDULER) == ["scheduler"]
    assert process.find("scheduler") is not None


def test_one_that_ends_whenever_it_is_started_is_told(keep_up: Run) -> None:
    with pytest.raises(up.StackError, match="scheduler has ended instead of starting"):
        keep_up("")


def test_those_that_run_and_give_signs_are_left_alone(keep_up: Run) -> None:
    assert keep_up("from pathlib import Path\nPath('lost').touch()\n" + _SCHEDULER) == []


def test_a_running_stack_is_not_split_over_two_ledgers(
    keep_up: Run, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_up("from pathlib import Path\nPath('lost').touch()\n" + _SCHEDULER)
    monkeypatch.setenv(URL_VARIABLE, "postgresql://dunflow@ledger.example/dunflow")
    with pytest.raises(up.StackError, match="on the embedded ledger, and"):
        up.up(ports)
