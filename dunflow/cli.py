"""`dunflow`: the pipeline from a terminal. Every command has --json; exit code 0 is success."""

import datetime as dt
import getpass
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from dunflow.commands import (
    agreements,
    intake,
    lists,
    people,
    placements,
    records,
    sending,
    waiving,
)
from dunflow.errors import DunflowError

DATE = click.DateTime(["%Y-%m-%d"])
json_option = click.option("--json", "json_", is_flag=True, help="Print for a script.")


class Commands(click.Group):
    """Shows an error that a person can repair as a sentence, not as a trace."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DunflowError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Dunning that escalates by itself, explains itself, and stops when it must.

    \b
    Begin with:  dunflow demo
    One date:    dunflow day PORTFOLIO 2026-03-01
    One account: dunflow explain PORTFOLIO ACCOUNT
    """
    # What `up` or `demo` keeps below DUNFLOW_HOME (the demo core's URL, the sandbox's credentials).
    from dunflow.home import local_secrets

    for name, value in local_secrets().items():
        os.environ.setdefault(name, value)


main.add_command(placements.placements)


@main.command()
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

    with tell.aside.status("starting") as status:
        running = start(
            _ports(airflow_port, sandbox_port, receiver_port),
            lambda part: status.update(f"starting {part}"),
        )
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
    known = remembered() or Ports()
    return Ports(airflow or known.airflow, sandbox or known.sandbox, receiver or known.receiver)


@main.command()
@json_option
def down(json_: bool) -> None:
    """Stop the local stack; what it knows stays below DUNFLOW_HOME."""
    from dunflow import tell
    from dunflow.stack.down import down as stop

    with tell.aside.status("stopping") as status:
        stopped = stop(lambda part: status.update(f"stopping {part}"))
    if json_:
        tell.as_json({"stopped": list(stopped)})
    else:
        tell.screen.print(f"Stopped: {', '.join(stopped)}" if stopped else "Nothing was running.")


@main.command()
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


@main.command()
@click.option("--airflow-port", type=int, help="Airflow's port on loopback.  [default: 8080]")
@click.option("--sandbox-port", type=int, help="The sandbox's port on loopback.  [default: 9801]")
@click.option("--receiver-port", type=int, help="The receiver's port.  [default: 9802]")
@click.option("--dates", type=click.IntRange(2, 60), default=12, show_default=True)
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


@main.command()
@click.argument("portfolio")
@click.argument("date", type=DATE)
@click.option(
    "--now",
    type=click.DateTime(["%Y-%m-%dT%H:%M%z", "%Y-%m-%d %H:%M"]),
    help="Stands in for the clock; where every sender is the sandbox. Without an offset "
    "it is meant in the portfolio's zone.",
)
@json_option
def day(portfolio: str, date: dt.datetime, now: dt.datetime | None, json_: bool) -> None:
    """Run one business date without Airflow, and print its counts.

    \b
    dunflow day sunrise_instalment 2026-03-01
    dunflow day sunrise_instalment 2026-03-01 --json
    """
    from dunflow import day as stages
    from dunflow import tell
    from dunflow.config.book import read_book

    if now is not None and now.tzinfo is None:
        now = now.replace(tzinfo=read_book(portfolio).portfolio.zone)
    with _sandbox(), tell.aside.status("starting") as shown:
        opened = stages.open_day(portfolio, date.date(), now)
        figures = stages.run(opened, shown.update)
    whole = {"portfolio": portfolio, "business_date": date.date(), **figures}
    if json_:
        tell.as_json(whole)
    else:
        tell.day(whole)


@contextmanager
def _sandbox() -> Iterator[None]:
    """The sandbox for the time of a command, where none runs already."""
    from dunflow.home import home
    from dunflow.remind.senders.choose import SANDBOX_URL
    from dunflow.sandbox.app import create_app
    from dunflow.sandbox.credentials import read_credentials
    from dunflow.sandbox.serve import serve
    from dunflow.stack.status import status as look

    if os.environ.get(SANDBOX_URL):
        yield
        return
    found = look()
    if found.parts.get("sandbox"):
        os.environ[SANDBOX_URL] = found.ports.sandbox_url
        yield
        return
    app = create_app(home() / "sandbox", credentials=read_credentials(os.environ))
    with serve(app) as url:
        os.environ[SANDBOX_URL] = url
        yield


@main.command()
@click.argument("portfolio")
@click.argument("first", metavar="FROM", type=DATE)
@click.argument("last", metavar="TO", type=DATE)
@json_option
def backfill(portfolio: str, first: dt.datetime, last: dt.datetime, json_: bool) -> None:
    """Run every date from FROM to TO, both included: through Airflow if it is up, else here.

    \b
    dunflow backfill sunrise_instalment 2026-03-01 2026-03-10
    """
    from dunflow import tell
    from dunflow.stack.status import status as look

    if first > last:
        raise click.BadParameter(f"FROM {first.date()} lies after TO {last.date()}")
    run = _through_airflow if look().is_up else _day_by_day
    ended = run(portfolio, first.date(), last.date())
    if json_:
        tell.as_json({str(date): state for date, state in ended.items()})
    else:
        for date, state in ended.items():
            tell.screen.print(f"{date}  {state}")
    sys.exit(0 if all(state == "success" for state in ended.values()) else 1)


def _through_airflow(portfolio: str, first: dt.date, last: dt.date) -> dict[dt.date, str]:
    from dunflow import tell
    from dunflow.stack.backfill import backfill as run

    with tell.aside.status("Airflow runs the dates") as shown:
        return run(
            portfolio,
            first,
            last,
            lambda states: shown.update(f"Airflow runs the dates: {tell.states(states)}"),
        )


def _day_by_day(portfolio: str, first: dt.date, last: dt.date) -> dict[dt.date, str]:
    from dunflow import day as stages
    from dunflow import tell

    ended: dict[dt.date, str] = {}
    with _sandbox(), tell.aside.status("starting") as shown:
        for offset in range((last - first).days + 1):
            date = first + dt.timedelta(days=offset)
            try:
                stages.run(
                    stages.open_day(portfolio, date),
                    lambda stage, date=date: shown.update(f"{date} {stage}"),  # type: ignore[misc]
                )
                ended[date] = "success"
            except DunflowError as error:
                tell.aside.print(f"{date}: {error}")
                ended[date] = "failed"
    return ended


@main.command()
@click.argument("portfolio")
@click.argument("account")
@click.argument("date", type=DATE, required=False)
@json_option
def explain(portfolio: str, account: str, date: dt.datetime | None, json_: bool) -> None:
    """Tell an account's whole story, and the decision of DATE (the newest one) in full.

    \b
    dunflow explain sunrise_instalment L0000123
    dunflow explain sunrise_instalment L0000123 2026-03-01 --json
    """
    from dunflow import tell
    from dunflow.config.book import read_book
    from dunflow.decide.explain import explain as told
    from dunflow.ledger.engine import portfolio_id_of
    from dunflow.ledger.migrate import open_ledger

    book = read_book(portfolio)
    with open_ledger().begin() as conn:
        number = portfolio_id_of(conn, portfolio)
        story = told(conn, book, number, account, date.date() if date else None)
    if json_:
        tell.as_json(story)
    else:
        tell.story(story, book.portfolio.zone)


@main.command()
@click.argument("portfolio")
@json_option
def letters(portfolio: str, json_: bool) -> None:
    """Make PDF files for the printer of every letter that was not printed yet.

    \b
    dunflow letters sunrise_instalment
    """
    from dunflow import tell
    from dunflow.letters import print_letters
    from dunflow.placements import open_desk

    made = print_letters(open_desk(portfolio))
    if json_:
        tell.as_json(made)
    elif made is None:
        tell.screen.print("There is no letter to print.")
    else:
        tell.screen.print(
            f"{made['reference']}: {made['letters']:,} letters, {made['pages']:,} pages"
        )
        for reference, why in made["unprintable"].items():
            tell.screen.print(f"{reference} can't be printed: {why}")


@main.command()
@click.argument("portfolio", required=False)
@json_option
def check(portfolio: str | None, json_: bool) -> None:
    """Lint one portfolio or all: its files, what they say together, its templates."""
    from dunflow import tell
    from dunflow.check import check as lint
    from dunflow.config.book import folders

    found = [lint(name) for name in ([portfolio] if portfolio else sorted(folders()))]
    if json_:
        tell.as_json([vars(each) for each in found])
    else:
        for each in found:
            tell.lint(each)
    sys.exit(1 if any(each.errors for each in found) else 0)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--keep", is_flag=True, help="Keep each story's ledger, and print its URL.")
@json_option
def scenario(paths: tuple[Path, ...], keep: bool, json_: bool) -> None:
    """Play scenario files, or all of a folder, through the production code.

    \b
    dunflow scenario tests/scenarios/ladder.yaml
    dunflow scenario tests/scenarios --keep
    """
    from dunflow import tell
    from dunflow.scenario.run import find_stories, run_stories

    stories = find_stories(list(paths))
    with _scratch_server(keep=keep) as server:
        told = None if json_ else tell.ending
        ended = list(run_stories(stories, server, keep=keep, told=told))
    failed = [each for each in ended if each.failed]
    if json_:
        tell.as_json(
            [
                {"scenario": each.story.name, "differences": each.differences, "kept": each.ledger}
                for each in ended
            ]
        )
    else:
        tell.screen.print(f"{len(ended) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


@contextmanager
def _scratch_server(*, keep: bool) -> Iterator[Any]:
    """A PostgreSQL for ledgers that are thrown away; it goes with the command unless kept."""
    import shutil

    from dunflow.home import home
    from dunflow.ledger import embedded, throwaway

    if keep:
        yield throwaway.start_server(home() / "scenarios")
        return
    folder = Path(tempfile.mkdtemp(prefix="dunflow-scenarios-"))
    try:
        yield throwaway.start_server(folder)
    finally:
        embedded.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


@main.command()
@click.argument("portfolio")
@click.argument("date", type=DATE)
@click.option("--reason", required=True, help="Why the date is right as it is.")
@click.option("--by", default=getpass.getuser, help="Who says so.  [default: you]")
@json_option
def accept(portfolio: str, date: dt.datetime, reason: str, by: str, json_: bool) -> None:
    """Vouch for a date that the gate refused or the volume breaker stopped; then run it again.

    \b
    dunflow accept sunrise_instalment 2026-03-01 --reason "a branch was merged in"
    """
    from dunflow import tell
    from dunflow.clock import DatabaseClock
    from dunflow.config.book import read_book
    from dunflow.ledger.engine import portfolio_id_of, portfolio_lock
    from dunflow.ledger.migrate import open_ledger
    from dunflow.snapshot.accept import accept as vouch

    book, engine = read_book(portfolio), open_ledger()
    now = DatabaseClock(engine).now()
    with portfolio_lock(engine, portfolio) as conn:
        vouch(conn, book, portfolio_id_of(conn, portfolio), date.date(), reason, by, now)
    if json_:
        tell.as_json({"portfolio": portfolio, "business_date": date.date(), "accepted_by": by})
    else:
        tell.screen.print(
            f"{portfolio} {date.date()} is accepted. Run it: dunflow day {portfolio} {date.date()}"
        )


@main.command()
@click.argument("portfolio")
@click.argument("first", metavar="[FROM", type=DATE, required=False)
@click.argument("last", metavar="TO]", type=DATE, required=False)
@json_option
def audit(portfolio: str, first: dt.datetime | None, last: dt.datetime | None, json_: bool) -> None:
    """Prove the promises on the ledger. Exit code 1 if one is broken."""
    from dunflow import tell
    from dunflow.config.book import read_book
    from dunflow.ledger.engine import portfolio_id_of
    from dunflow.ledger.migrate import open_ledger
    from dunflow.report.audit import audit as prove

    book = read_book(portfolio)
    with open_ledger().begin() as conn:
        checked = prove(
            conn,
            book,
            portfolio_id_of(conn, portfolio),
            first.date() if first else dt.date.min,
            last.date() if last else dt.date.max,
        )
    if json_:
        tell.as_json([vars(each) for each in checked])
    else:
        tell.audit(checked)
    sys.exit(1 if any(each.broken for each in checked) else 0)


SENDING = (sending.stop, sending.resume, sending.resolve)
TAKING = (*intake.COMMANDS, *lists.COMMANDS)
OTHERS = (*agreements.COMMANDS, *records.COMMANDS, waiving.waive)
for _command in (*people.COMMANDS, *TAKING, *SENDING, *OTHERS):
    main.add_command(_command)


@main.command()
@json_option
def migrate(json_: bool) -> None:
    """Bring the ledger's schema to this version's."""
    from dunflow import tell
    from dunflow.ledger.engine import ledger_url, make_engine
    from dunflow.ledger.migrate import migrate as bring

    revision = bring(make_engine(ledger_url()))
    if json_:
        tell.as_json({"revision": revision})
    else:
        tell.screen.print(f"The ledger's schema is at {revision}.")
