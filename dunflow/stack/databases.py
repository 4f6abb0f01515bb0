"""The two databases of the stack: the ledger's and Airflow's."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import URL, make_url

from dunflow.errors import ConfigError
from dunflow.home import home
from dunflow.ledger import embedded
from dunflow.ledger.engine import URL_VARIABLE, ledger_url
from dunflow.stack.environment import METADATA_VARIABLE

AIRFLOW_DATABASE = "airflow"


@dataclass(frozen=True)
class Databases:
    """Their URLs, passwords included."""

    ledger: str
    metadata: str


def folder() -> Path:
    return home() / "postgres"


def open_databases() -> Databases:
    """The databases that the environment names; the embedded server's where it names none.

    Raises ConfigError where the stack here was started on a server's ledger, and none is named.
    """
    return Databases(
        ledger=_rendered(ledger_url()),
        metadata=_named(METADATA_VARIABLE) or _embedded(AIRFLOW_DATABASE),
    )


def are_elsewhere() -> bool:
    """Whether the environment names both, so that none is the embedded server's."""
    return bool(os.environ.get(URL_VARIABLE) and os.environ.get(METADATA_VARIABLE))


def stop_server() -> None:
    """Stop the embedded server; its clients are cut off, what they committed is safe."""
    # The wheel stops a server only for the last process that it has noted as a user, and one that
    # was killed stays noted for ever. So it is told directly: SIGINT is a fast shutdown. One that
    # comes in the middle of a crash recovery may hang; SIGQUIT ends at once and recovers next time.
    for told, limit_s in ((signal.SIGINT, 60.0), (signal.SIGQUIT, 15.0)):
        postmaster = _postmaster()
        if postmaster is None:
            return
        postmaster.send_signal(told)
        with suppress(psutil.TimeoutExpired):
            postmaster.wait(limit_s)


def _postmaster() -> psutil.Process | None:
    if not embedded.is_running(folder()):
        return None
    number = int((folder() / "postmaster.pid").read_text().splitlines()[0])
    return psutil.Process(number)


def _named(variable: str) -> str | None:
    given = os.environ.get(variable)
    if not given:
        return None
    url = make_url(given)
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigError(
            f"{variable}: names a {url.get_backend_name()} database; the stack needs PostgreSQL: "
            "write postgresql://user@host/database"
        )
    return _rendered(url)


def _embedded(name: str) -> str:
    return _rendered(embedded.ensure_database(embedded.start(folder()), name))


def _rendered(url: URL) -> str:
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
