"""Measures a day, and sending: `python -m bench --accounts 1000000 --contacts 20000`."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bench.report import as_json, tell, tell_sending
from bench.run import measure
from bench.sending import measure_sending


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
@click.option(
    "--accounts", default=1_000_000, show_default=True, help="Overdue on each date; 0: no day."
)
@click.option("--history", default=0, metavar="DAYS", help="Run so many dates more, then one.")
@click.option(
    "--contacts", default=20_000, show_default=True, help="Sent by each channel; 0: nothing."
)
@click.option("--json", "json_", is_flag=True, help="Print for a script.")
def main(accounts: int, history: int, contacts: int, json_: bool) -> None:
    """Seconds and memory of a first and a second business date, and the floor beside them; then
    contacts a second through the outbox, and those of loops that only send."""

    def told(what: str) -> None:
        click.echo(what, err=True)

    with own_home():
        measured = measure(accounts, history, told) if accounts else None
        if measured and not json_:
            tell(measured)
        sending = measure_sending(contacts, told) if contacts else None
        if sending and not json_:
            tell_sending(sending)
    if json_:
        click.echo(as_json(measured, sending))


if __name__ == "__main__":
    main()
