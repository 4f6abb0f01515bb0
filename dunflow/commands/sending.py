"""Sending: `dispatch`, and what a person decides about it: `stop`, `resume`, `resolve`. What is
decided is kept, with a reason."""

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from dunflow.commands.desk import by_option, json_option, now_option, sandbox
from dunflow.errors import DunflowError

CHANNEL = click.Choice(["sms", "email", "voice", "call", "letter", "visit"])
channel_option = click.option("--channel", type=CHANNEL, help="Only this one.  [default: all]")


@contextmanager
def _ledger(portfolio: str) -> Iterator[Any]:
    """`(connection, book, portfolio_id, now)`, in one transaction."""
    from dunflow.clock import DatabaseClock
    from dunflow.config.book import read_book
    from dunflow.ledger.engine import portfolio_id_of
    from dunflow.ledger.migrate import open_ledger

    book, engine = read_book(portfolio), open_ledger()
    now = DatabaseClock(engine).now()
    with engine.begin() as conn:
        yield conn, book, portfolio_id_of(conn, portfolio), now


@click.command()
@click.argument("portfolio")
@now_option
@json_option
def dispatch(portfolio: str, now: dt.datetime | None, json_: bool) -> None:
    """Send what has fallen due since its date was run, and list the calls and visits of now.

    Airflow does the same every five minutes: contact hours that have begun, other tries, contacts
    in doubt, what became of messages. Run it as often where no Airflow runs. Nothing goes out
    twice, whatever else is at work; letters are for `dunflow letters`.

    \b
    dunflow dispatch sunrise_instalment
    """
    from dunflow import day, tell
    from dunflow.worklists.make import hand_out_day

    failed = []
    with sandbox():
        opened = day.open_dispatch(portfolio, now)
        figures: day.Figures = {"portfolio": portfolio, "business_date": opened.business_date}
        for stage in (
            day.remind,
            lambda opened: {"lists": [each["reference"] for each in hand_out_day(opened)]},
            lambda opened: {"asked": day.ask_on(opened)},
        ):
            try:
                figures |= stage(opened)
            except DunflowError as error:  # a sender that is down keeps back no list
                failed.append(str(error))
    if json_:
        tell.as_json(figures | {"failed": failed})
    else:
        tell.dispatch(figures)
        for fault in failed:
            tell.aside.print(fault)
    sys.exit(1 if failed else 0)


@click.command()
@click.argument("portfolio")
@channel_option
@click.option("--reason", help="Why nothing is to go out; without one, the stops are listed.")
@by_option
@json_option
def stop(portfolio: str, channel: str | None, reason: str | None, by: str, json_: bool) -> None:
    """Hold back everything that would go out, or one channel, from the next claim on.

    Without --reason it lists what is stopped.

    \b
    dunflow stop sunrise_instalment --reason "wrong amounts in the core"
    dunflow stop sunrise_instalment --channel sms --reason "the text is under review"
    dunflow stop sunrise_instalment
    """
    from dunflow import tell
    from dunflow.remind import brake

    if reason is None:
        if channel is not None:
            raise click.UsageError("say --reason why the channel is to be stopped")
        with _ledger(portfolio) as (conn, book, number, _):
            stops = brake.standing(conn, number)
        if json_:
            tell.as_json(stops)
        elif stops:
            tell.rows(f"stopped in {portfolio}", stops, book.portfolio.zone)
        else:
            tell.screen.print(f"{portfolio}: nothing is stopped")
        return
    with _ledger(portfolio) as (conn, _, number, now):
        stopped = brake.pull(conn, number, channel, reason, by, now)
    what = f"{portfolio} {channel or 'all channels'}"
    if json_:
        tell.as_json({"portfolio": portfolio, "channel": channel, "stopped": stopped})
    elif stopped:
        tell.screen.print(
            f"{what}: stopped. What a worker holds may still go out, for some seconds; nothing "
            "after. Decisions go on."
        )
    else:
        tell.screen.print(f"{what}: was stopped already")


@click.command()
@click.argument("portfolio")
@channel_option
@click.option("--reason", required=True, help="Why it may go on.")
@by_option
@json_option
def resume(portfolio: str, channel: str | None, reason: str, by: str, json_: bool) -> None:
    """Lift a stop, and try a sender again that was at fault.

    \b
    dunflow resume sunrise_instalment --channel sms --reason "new credentials are in place"
    """
    from dunflow import tell
    from dunflow.remind import brake, faults

    with _ledger(portfolio) as (conn, _, number, now):
        faulty = [each for each in faults.known(conn, number) if channel in (None, each)]
        for each in faulty:
            faults.mend(conn, number, each)
        if channel in brake.pulled(conn, number) or not faulty:
            brake.release(conn, number, channel, reason, by, now)
        left = [each or "all channels" for each in brake.pulled(conn, number)]
    if json_:
        tell.as_json({"portfolio": portfolio, "channel": channel, "still_stopped": left})
    else:
        still = f" Still stopped: {', '.join(left)}." if left else ""
        tell.screen.print(f"{portfolio} {channel or 'all channels'}: goes on.{still}")


@click.command()
@click.argument("portfolio")
@click.argument("reference", required=False)
@click.option("--sent/--not-sent", default=None, help="What the provider's console says.")
@click.option("--reason", help="How you know.")
@by_option
@json_option
def resolve(
    portfolio: str,
    reference: str | None,
    sent: bool | None,
    reason: str | None,
    by: str,
    json_: bool,
) -> None:
    """List the contacts that nobody knows about, or say of one whether it was sent.

    A contact that was not sent goes out again, if its date still lives.

    \b
    dunflow resolve sunrise_instalment
    dunflow resolve sunrise_instalment 7KQMN2A --sent --reason "stands in SendGrid's activity"
    """
    from dunflow import tell
    from dunflow.remind import resolve as resolving

    if reference is None:
        with _ledger(portfolio) as (conn, book, number, _):
            rows = resolving.waiting(conn, number)
        if json_:
            tell.as_json(rows)
        else:
            tell.unresolved(rows, book.portfolio.zone)
        return
    if sent is None or not reason:
        raise click.UsageError("say --sent or --not-sent, and --reason how you know")
    with _ledger(portfolio) as (conn, book, number, now):
        state = resolving.resolve(
            conn, book, number, reference, sent=sent, reason=reason, by=by, now=now
        )
    if json_:
        tell.as_json({"reference": reference, "state": state})
    else:
        tell.screen.print(f"{reference} is {state}.")


COMMANDS = (dispatch, stop, resume, resolve)
