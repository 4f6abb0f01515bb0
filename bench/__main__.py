"""Measures a day: `python -m bench --accounts 1000000`."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bench.report import as_json, tell
from bench.run import measure


@contextmanager
def own_home() -> Iterator[None]:
    """A home of its own, gone in the end: a server with the settings that production has."""
    from dunflow.home import home
    from dunflow.ledger import embedded

    folder = Path(tempfile.mkdtemp(prefix="dunflow-bench-"))
    os.environ["DUNFLOW_HOME"] = str(folder)
    os.environ["DUNFLOW_PORTFOLIOS"] = str(Path(__file__).parent / "portfolios")
    os.environ.pop("DUNFLOW_LEDGER_URL", None)
    try:
        yield
    finally:
        embedded.stop(home() / "postgres")
        shutil.rmtree(folder, ignore_errors=True)


@click.command()
@click.option("--accounts", default=1_000_000, show_default=True, help="Overdue on each date.")
@click.option("--history", default=0, metavar="DAYS", help="Run so many dates more, then one.")
@click.option("--json", "json_", is_flag=True, help="Print for a script.")
def main(accounts: int, history: int, json_: bool) -> None:
    """Seconds and memory of a first and a second business date, and the floor beside them."""
    with own_home():
        measured = measure(accounts, history, told=lambda what: click.echo(what, err=True))
    if json_:
        click.echo(as_json(measured))
    else:
        tell(measured)


if __name__ == "__main__":
    main()
