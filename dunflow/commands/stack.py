"""The local stack: started, stopped, looked at, shown with a made-up lender."""

import sys
from dataclasses import replace
from typing import Any

import click

from dunflow.commands.desk import json_option


@click.command()
@click.option("--airflow-port", type=int, help="Airflow's port on loopback.  [default: 8080]")
@click.option("--sandbox-port", type=int, help="The sandbox's port on loopback.  [default: 9801]")
@click.option("--receiver-port", type=int, help="The receiver's port.  [default: 9802]")
@json_option
def up(
    airflow_port: int | None, sandbox_port: int | None, receiver_port: int | None, json_: bool
) -> None:
    """Start the local stack: PostgreSQL, sandbox, receiver, Airflow. Does nothing if it runs."""
    from dunflow import tell
    from dunflow.stack.up import up as start

    with tell.doing("Starting") as say:
        running = start(_ports(airflow_port, sandbox_port, receiver_port), say)
    urls = {
        "airflow": running.ports.airflow_url,
        "user": running.user,
        "password": running.password,
        "inbox": running.ports.sandbox_url,
        "inbox_token": running.inbox_token,
        "started": list(running.started),
    }
    if json_:
        tell.as_json(urls)
    else:
        tell.urls(running)


def _ports(airflow: int | None, sandbox: int | None, receiver: int | None) -> Any:
    from dunflow.stack.ports import Ports, remembered

    if airflow is None and sandbox is None and receiver is None:
        return None
    given = {"airflow": airflow, "sandbox": sandbox, "receiver": receiver}
    known = remembered() or Ports()
    return replace(known, **{part: port for part, port in given.items() if port is not None})


@click.command()
@json_option
def down(json_: bool) -> None:
    """Stop the local stack; what it knows stays below DUNFLOW_HOME."""
    from dunflow import tell
    from dunflow.stack.down import down as stop

    with tell.doing("Stopping") as say:
        stopped = stop(lambda part: say(f"Stopping the {part}"))
    if json_:
        tell.as_json({"stopped": list(stopped)})
    else:
        tell.screen.print(f"Stopped: {', '.join(stopped)}" if stopped else "Nothing was running.")


@click.command()
@json_option
def status(json_: bool) -> None:
    """What of the local stack runs. Exit code 1 if a part is missing."""
    from dunflow import tell
    from dunflow.stack.status import status as look

    found = look()
    if json_:
        tell.as_json({"parts": found.parts, "database": found.database, "up": found.is_up})
    else:
        for part, pid in {**found.parts, "database": found.database or None}.items():
            tell.screen.print(f"{part:14} {'runs' if pid else 'does not run'}")
    sys.exit(0 if found.is_up else 1)


@click.command()
@click.option("--airflow-port", type=int, help="Airflow's port on loopback.  [default: 8080]")
@click.option("--sandbox-port", type=int, help="The sandbox's port on loopback.  [default: 9801]")
@click.option("--receiver-port", type=int, help="The receiver's port.  [default: 9802]")
@click.option("--dates", type=click.IntRange(3, 60), default=12, show_default=True)
@json_option
def demo(
    airflow_port: int | None,
    sandbox_port: int | None,
    receiver_port: int | None,
    dates: int,
    json_: bool,
) -> None:
    """Start everything, make a lender, and take its last dates through the real Airflow."""
    from dunflow import tell
    from dunflow.demo.show import show

    with tell.dates_bar(dates) as (say, ran):
        shown = show(_ports(airflow_port, sandbox_port, receiver_port), dates, say, ran)
    if json_:
        tell.as_json(shown.figures())
    else:
        tell.demo(shown)
    sys.exit(0 if shown.clean else 1)


@click.command()
@json_option
def migrate(json_: bool) -> None:
    """Bring the ledger's schema to this version's."""
    from dunflow import tell
    from dunflow.ledger.engine import ledger_url, make_engine
    from dunflow.ledger.migrate import answering
    from dunflow.ledger.migrate import migrate as bring

    engine = make_engine(ledger_url())
    with answering(engine):
        revision = bring(engine)
    if json_:
        tell.as_json({"revision": revision})
    else:
        tell.screen.print(f"The ledger's schema is at {revision}.")


COMMANDS = (up, down, status, demo, migrate)
