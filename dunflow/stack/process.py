"""A process that outlives the command that started it, known by pid and start time.

Each leads a session of its own, and its children stay in that session. So they are found even after
their leader was killed, and a number that the system has given to somebody else is never touched.
"""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from dunflow.home import home

_SAME_START_S = 2.0
"""The system tells its own start in whole seconds, which may flicker."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Started:
    """What a pid file says: of which boot of the machine, and how long after it.

    Not when by the clock, which may be set while the process runs.
    """

    pid: int
    boot: str
    after_s: float


def log_of(name: str) -> Path:
    return home() / "logs" / f"{name}.log"


def start(name: str, command: Sequence[str], environment: Mapping[str, str]) -> Started:
    """Start `command` in the background; what it says goes to its log."""
    log = log_of(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=home(),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = Started(process.pid, _boot(), _after_boot_s(psutil.Process(process.pid)))
    file = _pid_file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(vars(started)))
    draft.replace(file)
    return started


def find(name: str) -> Started | None:
    """What was started under `name`, if it still runs."""
    known = _read(name)
    return known if known and _leader(known) else None


def remains(name: str) -> list[psutil.Process]:
    """The processes of `name` that run: its leader, and whatever that left in its session."""
    known = _read(name)
    return _members(known) if known else []


def stop(name: str, patience_s: float) -> None:
    """End `name` and its children: asked first, then told, then killed."""
    known = _read(name)
    if known is None:
        return
    leader = _leader(known)
    if leader:
        leader.terminate()
        _wait_until_empty(known, patience_s)
    for send in (psutil.Process.terminate, psutil.Process.kill):
        for member in _members(known):
            try:
                send(member)
            except psutil.NoSuchProcess:
                continue
        _wait_until_empty(known, 5.0)
    _pid_file(name).unlink(missing_ok=True)


def _wait_until_empty(known: Started, limit_s: float) -> None:
    give_up_at = time.monotonic() + limit_s
    while _members(known) and time.monotonic() < give_up_at:
        time.sleep(0.1)


def _leader(known: Started) -> psutil.Process | None:
    try:
        process = psutil.Process(known.pid)
        # One that ended and was not yet collected by its parent runs no more.
        runs = _is(process, known) and process.status() != psutil.STATUS_ZOMBIE
        return process if runs else None
    except psutil.NoSuchProcess:
        return None


def _members(known: Started) -> list[psutil.Process]:
    # While any process is left in a session, the system gives its number to nobody else. A session
    # of that number whose leader is another process is therefore none of ours.
    try:
        if not _is(psutil.Process(known.pid), known):
            return []
    except psutil.NoSuchProcess:
        pass
    return [process for process in psutil.process_iter() if _belongs(process, known)]


def _belongs(process: psutil.Process, known: Started) -> bool:
    try:
        return (
            os.getsid(process.pid) == known.pid
            and known.boot == _boot()
            and _after_boot_s(process) >= known.after_s - _SAME_START_S
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
        return False


def _is(process: psutil.Process, known: Started) -> bool:
    """Whether it is the one that was started, and no other that has its number by now."""
    same_start = abs(_after_boot_s(process) - known.after_s) < _SAME_START_S
    return same_start and known.boot == _boot()


def _after_boot_s(process: psutil.Process) -> float:
    return process.create_time() - psutil.boot_time()


def _boot() -> str:
    """Which boot of the machine this is; empty where the system does not tell."""
    return _BOOT.read_text().strip() if _BOOT.exists() else ""


def _read(name: str) -> Started | None:
    try:
        return Started(**json.loads(_pid_file(name).read_text()))
    except (FileNotFoundError, ValueError, TypeError):  # one that is damaged tells nothing
        return None


def _pid_file(name: str) -> Path:
    return home() / "run" / f"{name}.json"
