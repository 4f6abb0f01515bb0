"""Starts the local stack, and waits until it is ready."""

import datetime as dt
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import create_engine, func, make_url, select
from sqlalchemy.pool import NullPool

from dunflow.errors import DunflowError
from dunflow.home import home, local_secrets
from dunflow.ledger.engine import (
    URL_VARIABLE,
    make_engine,
    named_server,
    remember_stack_ledger,
    stack_ledger,
)
from dunflow.ledger.migrate import migrate
from dunflow.stack import process
from dunflow.stack.airflow import AirflowApi, AirflowError
from dunflow.stack.databases import Databases, open_databases
from dunflow.stack.environment import USER, stack_environment, write_password
from dunflow.stack.lock import stack_lock
from dunflow.stack.parts import Part, parts
from dunflow.stack.ports import Ports, remember, remembered, require_free

Progress = Callable[[str], None]
READY_LIMIT_S = 180.0


class StackError(DunflowError):
    """A part of the stack did not start; names its log."""


@dataclass(frozen=True)
class Running:
    """The stack as it runs: where to look, and how to get in."""

    ports: Ports
    started: tuple[str, ...]
    """The parts that this call had to start; none if all of them ran already."""
    user: str = USER
    password: str = field(default="", repr=False)
    inbox_token: str = field(default="", repr=False)


def up(ports: Ports | None = None, progress: Progress = lambda _: None) -> Running:
    """Start whatever does not run; without `ports`, on those of the last time."""
    with stack_lock():
        known = remembered()
        ports = ports or known or Ports()
        missing = _missing(ports)
        if known not in (None, ports) and len(missing) < len(parts(ports)):
            raise StackError(
                f"the stack runs already, on other ports than {ports.airflow}, "
                f"{ports.sandbox} and {ports.receiver}: leave the ports out, or run "
                "'dunflow down' first"
            )
        if stack_ledger() != named_server() and len(missing) < len(parts(ports)):
            raise StackError(
                f"the stack runs already, on {stack_ledger() or 'the embedded ledger'}, and "
                f"{URL_VARIABLE} names {named_server() or 'none'}: set it as it was, or run "
                "'dunflow down' first"
            )
        _require_ports(ports, missing)
        remember(ports)
        progress("Starting the database")
        databases = open_databases()
        remember_stack_ledger()
        settings = stack_environment(ports, databases.metadata, databases.ledger)
        if missing:
            _migrate(databases, settings, progress)
            write_password()
        started = keep_up(ports, settings, _begun_at(databases), progress)
    secrets = local_secrets()
    return Running(
        ports,
        tuple(started),
        password=secrets["DUNFLOW_AIRFLOW_PASSWORD"],
        inbox_token=secrets["DUNFLOW_SANDBOX_INBOX_TOKEN"],
    )


def keep_up(
    ports: Ports, settings: Mapping[str, str], since: dt.datetime, progress: Progress
) -> list[str]:
    """Start what does not run until all parts do and have given a sign of life; names those.

    `since`: when the database began. A part that lost the one before ends by and by, and counts as
    running meanwhile: so it has to give its sign after that.
    """
    api, started = AirflowApi(ports), dict[str, dt.datetime]()
    give_up_at = time.monotonic() + READY_LIMIT_S
    while time.monotonic() < give_up_at:
        missing = _missing(ports)
        for part in missing:
            if part.name in started:
                raise StackError(
                    f"{part.name} has ended instead of starting; {process.log_of(part.name)} says "
                    "why. Run 'dunflow up' again after mending it"
                )
            progress(f"Starting the {part.name}")
            process.stop(part.name, patience_s=0.0)  # children that outlived their leader
            started[part.name] = dt.datetime.now(dt.UTC)
            process.start(part.name, part.command, settings)
        if missing:
            progress("Waiting until all parts are ready")
        # Until the API server listens there is nobody to ask.
        with suppress(OSError, AirflowError):
            if _all_beat(api.health(), started, since) and not _missing(ports):
                return list(started)
        time.sleep(0.5)
    raise StackError(
        f"Airflow was not ready after {READY_LIMIT_S:.0f} s; look into the logs beside "
        f"{process.log_of('scheduler')}, then run 'dunflow down' and 'dunflow up'"
    )


def _missing(ports: Ports) -> list[Part]:
    return [part for part in parts(ports) if process.find(part.name) is None]


def _begun_at(databases: Databases) -> dt.datetime:
    """When the server of Airflow's database was started, by this machine's clock."""
    engine = create_engine(databases.metadata, poolclass=NullPool)
    age = select(func.clock_timestamp() - func.pg_postmaster_start_time())
    with engine.connect() as conn:
        for_so_long: dt.timedelta = conn.execute(age).scalar_one()
    return dt.datetime.now(dt.UTC) - for_so_long


def _require_ports(ports: Ports, missing: list[Part]) -> None:
    names = {part.name for part in missing}
    if "sandbox" in names:
        require_free(ports.sandbox, "sandbox", "--sandbox-port")
    if "receiver" in names:
        require_free(ports.receiver, "receiver", "--receiver-port")
    if "api-server" in names:
        require_free(ports.airflow, "Airflow", "--airflow-port")


def _migrate(databases: Databases, settings: Mapping[str, str], progress: Progress) -> None:
    progress("Making the schema of the ledger")
    engine = make_engine(make_url(databases.ledger))
    migrate(engine)
    engine.dispose()
    progress("Making the schema of Airflow")
    log = process.log_of("airflow-migrate")
    log.parent.mkdir(parents=True, exist_ok=True)
    command = Part("airflow-migrate", ("airflow", "db", "migrate")).command
    with log.open("ab") as stream:
        done = subprocess.run(
            command, env=settings, cwd=home(), stdout=stream, stderr=stream, check=False
        )
    if done.returncode != 0:
        raise StackError(f"airflow db migrate ended with {done.returncode}; {log} says why")


def _all_beat(
    health: Mapping[str, Mapping[str, str | None]],
    started: Mapping[str, dt.datetime],
    since: dt.datetime,
) -> bool:
    """Whether every part has given a sign of life since it was started, and `since` if it ran."""
    for name, key in _HEARTBEATS.items():
        beat = health[name].get(key)
        earliest = started.get(name.replace("_", "-"), since)
        if beat is None or dt.datetime.fromisoformat(beat) < earliest:
            return False
    return health["metadatabase"]["status"] == "healthy"


_HEARTBEATS = {
    "scheduler": "latest_scheduler_heartbeat",
    "triggerer": "latest_triggerer_heartbeat",
    "dag_processor": "latest_dag_processor_heartbeat",
}
