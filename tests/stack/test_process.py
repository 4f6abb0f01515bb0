"""Real processes: found again, stopped with their children, and never mistaken for another."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dunflow.stack import process

# A leader with one child; both take their time.
_FAMILY = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("ready", flush=True)
time.sleep(600)
"""
_STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("DUNFLOW_HOME", str(tmp_path))
    yield tmp_path
    process.stop("family", patience_s=0.0)


def _start(script: str) -> process.Started:
    started = process.start("family", [sys.executable, "-c", script], os.environ)
    give_up_at = time.monotonic() + 30
    while "ready" not in process.log_of("family").read_text():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
    return started


def _has_ended(one: psutil.Process) -> bool:
    # Who collects an orphan, and when, is up to the machine.
    return not one.is_running() or one.status() == psutil.STATUS_ZOMBIE


def test_it_is_found_again_by_name() -> None:
    assert process.find("family") is None
    started = _start(_FAMILY)
    assert process.find("family") == started


def test_its_children_end_with_it() -> None:
    _start(_FAMILY)
    family = process.remains("family")
    assert len(family) == 2
    process.stop("family", patience_s=5.0)
    assert [each for each in family if not _has_ended(each)] == []
    assert process.find("family") is None


def test_children_that_outlived_their_leader_are_stopped() -> None:
    started = _start(_FAMILY)
    os.kill(started.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(started.pid)], timeout=5)
    assert process.find("family") is None
    (orphan,) = process.remains("family")
    process.stop("family", patience_s=5.0)
    assert _has_ended(orphan)


def test_one_that_does_not_listen_is_killed() -> None:
    started = _start(_STUBBORN)
    process.stop("family", patience_s=0.2)
    assert process.find("family") is None
    assert started.pid not in {each.pid for each in process.remains("family")}


def test_another_process_that_got_the_same_number_is_left_alone(home: Path) -> None:
    stranger = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    try:
        ours = process.start("family", [sys.executable, "-c", "pass"], os.environ)
        told = vars(ours) | {"pid": stranger.pid, "after_s": ours.after_s - 3600}
        (home / "run/family.json").write_text(json.dumps(told))
        assert process.find("family") is None
        assert process.remains("family") == []
        process.stop("family", patience_s=0.0)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_clock_that_is_set_hides_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    started = _start(_STUBBORN)
    one = psutil.Process(started.pid)
    created, booted = psutil.Process.create_time, psutil.boot_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: created(self) + 3600)
    monkeypatch.setattr(psutil, "boot_time", lambda: booted() + 3600)
    found = process.find("family")
    assert found is not None
    assert found.pid == started.pid
    process.stop("family", patience_s=0.0)
    monkeypatch.undo()
    assert _has_ended(one)


def test_a_pid_file_that_is_damaged_names_nobody(home: Path) -> None:
    (home / "run").mkdir()
    for text in ("", "{", "[1]", '{"pid": 1}'):
        (home / "run/family.json").write_text(text)
        assert process.find("family") is None
        process.stop("family", patience_s=0.0)
