"""Throw-away ledgers: clones of one migrated template, for scenarios and tests."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, func, select, text
from sqlalchemy.pool import NullPool

from dunflow.ledger import embedded, locks
from dunflow.ledger.engine import make_engine
from dunflow.ledger.migrate import migrate, newest

_CARELESS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "256MB",  # its files may stand in memory
}
_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made below it is its maker's alone
_ROOM_BYTES = 2**30 * (os.cpu_count() or 1)  # tests run on every core, each with such a server


@contextmanager
def own_server() -> Iterator[URL]:
    """A server of one's own for as long as it is wanted; nothing is left of it.

    Its files stand in memory where there is room. A day on a few accounts makes tables rather than
    fills them, and most of what that costs is the file system's.
    """
    roomy = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES
    folder = Path(tempfile.mkdtemp(prefix="dunflow-throwaway-", dir=_MEMORY if roomy else None))
    try:
        yield start_server(folder / "postgres")
    finally:
        embedded.stop(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)


def start_server(folder: Path) -> URL:
    """An embedded server that trades safety for speed."""
    server = embedded.start(folder)
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as conn:
        for setting, value in _CARELESS.items():
            conn.execute(text(f"ALTER SYSTEM SET {setting} = '{value}'"))
        conn.execute(text("SELECT pg_reload_conf()"))
    return server


def ensure_template(server: URL) -> str:
    """The name of a migrated database to clone. Several processes may ask at once."""
    name = f"dunflow_template_{newest()}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as conn:
        conn.execute(select(func.pg_advisory_lock(locks.SCHEMA, locks.TEMPLATE)))
        embedded.ensure_database(server, name)
        engine = make_engine(server.set(database=name))
        migrate(engine)
        engine.dispose()  # a template with an open session can't be cloned
    return name


@contextmanager
def clone(server: URL, template: str, *, keep: bool = False) -> Iterator[URL]:
    """A fresh ledger's URL; dropped at the end unless it is to be kept."""
    name = f"dunflow_{secrets.token_hex(6)}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"))
    try:
        yield server.set(database=name)
    finally:
        if not keep:
            with admin.connect() as conn:
                conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@dataclass
class _Shared:
    """One engine for the throw-away ledgers of a server, which follow one another."""

    engine: Engine
    database: str | None = field(default=None)
    """The ledger that is worked on now."""

    def __post_init__(self) -> None:
        @event.listens_for(self.engine, "do_connect")
        def to_the_ledger(_dialect: Any, _record: Any, _args: Any, given: dict[str, Any]) -> None:
            given["dbname"] = self.database


_shared: dict[URL, _Shared] = {}


@contextmanager
def engine_on(url: URL) -> Iterator[Engine]:
    """An engine on a throw-away ledger, for as long as it is there.

    SQLAlchemy keeps what it compiles with the engine, and compiling a day's statements takes longer
    than running them on a few rows. So a process has one engine for a server's ledgers; only a
    ledger beside another one has its own.
    """
    server = url.set(database="postgres")  # whichever, but the same for all
    if server not in _shared:
        _shared[server] = _Shared(make_engine(url))
    shared = _shared[server]
    if shared.database is not None:
        engine = make_engine(url)
        try:
            yield engine
        finally:
            engine.dispose()
        return
    shared.database, shared.engine.url = url.database, url
    try:
        yield shared.engine
    finally:
        shared.engine.dispose()
        shared.database = None
