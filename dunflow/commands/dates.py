"""Business dates: run, run again, vouched for, explained, proven."""

import datetime as dt
import sys

import click

from dunflow.commands.desk import DATE, INSTANT, by_option, json_option, sandbox
from dunflow.errors import DunflowError


@click.command()
@click.argument("portfolio")
@click.argument("date", type=DATE)
@click.option(
    "--now",
    type=INSTANT,
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

    with sandbox(), tell.aside.status("starting") as shown:
        opened = stages.open_day(portfolio, date.date(), now)
        figures = stages.run(opened, shown.update)
    named = {"portfolio": portfolio, "business_date": date.date()}
    whole = {**named, "mode": opened.book.portfolio.mode, **figures}
    if json_:
        tell.as_json(whole)
    else:
        tell.day(whole)


@click.command()
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
    from dunflow.config.book import read_book
    from dunflow.snapshot.pull import require_closed
    from dunflow.stack.status import status as look

    if first > last:
        raise click.BadParameter(f"FROM {first.date()} lies after TO {last.date()}")
    # Airflow would wait for it, and take no other backfill meanwhile.
    require_closed(read_book(portfolio), last.date(), dt.datetime.now(dt.UTC))
    run = _through_airflow if look().is_up else _day_by_day
    ended, why = run(portfolio, first.date(), last.date())
    if json_:
        states = {str(date): state for date, state in ended.items()}
        reasons = {str(date): told for date, told in why.items()}
        tell.as_json(states | ({"why": reasons} if why else {}))
    else:
        for date, state in ended.items():
            tell.screen.print(f"{date}  {state}")
    sys.exit(0 if all(state == "success" for state in ended.values()) else 1)


_Ended = tuple[dict[dt.date, str], dict[dt.date, str]]
"""How each date ended, and why those that failed did."""


def _through_airflow(portfolio: str, first: dt.date, last: dt.date) -> _Ended:
    from dunflow import tell
    from dunflow.stack.backfill import backfill as run
    from dunflow.stack.backfill import why_failed

    with tell.doing("Airflow runs the dates") as say:
        ended = run(
            portfolio,
            first,
            last,
            lambda states: say(f"Airflow runs the dates: {tell.states(states)}"),
        )
    why = why_failed(portfolio, [date for date, state in ended.items() if state == "failed"])
    for date, told in why.items():
        tell.aside.print(f"{date}: {told}", soft_wrap=True)
    return ended, why


def _day_by_day(portfolio: str, first: dt.date, last: dt.date) -> _Ended:
    from dunflow import day as stages
    from dunflow import tell

    ended: dict[dt.date, str] = {}
    why: dict[dt.date, str] = {}
    with sandbox(), tell.aside.status("starting") as shown:
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
                ended[date], why[date] = "failed", str(error)
    return ended, why


@click.command()
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


@click.command()
@click.argument("portfolio")
@click.argument("date", type=DATE, required=False)
@click.option("--most", default=1_000, show_default=True, help="Show so many at most.")
@json_option
def quarantine(portfolio: str, date: dt.datetime | None, most: int, json_: bool) -> None:
    """Show what could not be read of DATE (the newest loaded one): row, column, and why.

    Rows are counted from 1 below the header. The value itself is not kept.

    \b
    dunflow quarantine sunrise_instalment
    dunflow quarantine sunrise_instalment 2026-03-01 --json
    """
    from dunflow import tell
    from dunflow.config.book import read_book
    from dunflow.ledger.engine import portfolio_id_of
    from dunflow.ledger.loads import newest_loaded, state_of
    from dunflow.ledger.migrate import open_ledger
    from dunflow.ledger.quarantined import of_date

    book = read_book(portfolio)
    with open_ledger().begin() as conn:
        number = portfolio_id_of(conn, portfolio)
        of = date.date() if date else newest_loaded(conn, number)
        state = state_of(conn, number, of) if of else None
        count, found = of_date(conn, number, of, most) if of else (0, [])
    if state is None or state == "gap":
        why = "the source kept nothing of it" if state else "nothing is loaded"
        raise DunflowError(f"{portfolio}{f' {of}' if of else ''}: {why}")
    if json_:
        tell.as_json(found)
    elif found:
        tell.rows(f"{portfolio} {of}", found, book.portfolio.zone)
    else:
        tell.screen.print(f"{portfolio} {of}: everything could be read")
    if count > len(found):
        tell.aside.print(f"The first {len(found):,} of {count:,}; --most shows more.")


@click.command()
@click.argument("portfolio")
@click.argument("date", type=DATE)
@click.option("--reason", required=True, help="Why the date is right as it is.")
@by_option
@json_option
def accept(portfolio: str, date: dt.datetime, reason: str, by: str, json_: bool) -> None:
    """Vouch for what stopped a date, at the gate or at the volume breaker; then run it again.

    What you vouch for is printed. Another file that is further off is stopped again.

    \b
    dunflow accept sunrise_instalment 2026-03-01 --reason "a branch was merged in"
    """
    from dunflow import tell
    from dunflow.clock import DatabaseClock
    from dunflow.config.book import read_book
    from dunflow.ledger.engine import portfolio_id_of, portfolio_lock
    from dunflow.ledger.migrate import open_ledger
    from dunflow.snapshot.accept import accept as vouch
    from dunflow.snapshot.finding import told

    book, engine = read_book(portfolio), open_ledger()
    now = DatabaseClock(engine).now()
    with portfolio_lock(engine, portfolio) as conn:
        number = portfolio_id_of(conn, portfolio)
        seen = vouch(conn, book, number, date.date(), reason, by, now)
    if json_:
        tell.as_json(
            {
                "portfolio": portfolio,
                "business_date": date.date(),
                "accepted_by": by,
                "vouched": told(seen),
            }
        )
    else:
        tell.screen.print(
            f"{portfolio} {date.date()} is accepted, knowing: {told(seen)}. "
            f"Run it: dunflow day {portfolio} {date.date()}"
        )


@click.command()
@click.argument("portfolio")
@click.argument("first", metavar="[FROM", type=DATE, required=False)
@click.argument("last", metavar="TO]", type=DATE, required=False)
@json_option
def audit(portfolio: str, first: dt.datetime | None, last: dt.datetime | None, json_: bool) -> None:
    """Prove the promises on the ledger. Exit code 1 if one is broken."""
    from dunflow import tell
    from dunflow.config.book import read_book
    from dunflow.ledger.engine import portfolio_id_of
    from dunflow.ledger.loads import has_loaded
    from dunflow.ledger.migrate import open_ledger
    from dunflow.report.audit import audit as prove

    book = read_book(portfolio)
    if first and last and first > last:
        raise DunflowError(
            f"FROM is {first.date()} and TO is {last.date()}, so no date is looked at; "
            "turn them around"
        )
    with open_ledger().begin() as conn:
        number = portfolio_id_of(conn, portfolio)
        begin, end = (
            (first.date() if first else dt.date.min),
            (last.date() if last else dt.date.max),
        )
        proven = has_loaded(conn, number, begin, end)
        checked = prove(conn, book, number, begin, end)
    if json_:
        tell.as_json([{**vars(each), "proven": proven} for each in checked])
    else:
        tell.audit(checked, proven)
    sys.exit(1 if any(each.broken for each in checked) else 0)


COMMANDS = (day, backfill, explain, quarantine, accept, audit)
