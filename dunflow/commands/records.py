"""What is kept about people: shown, given to them, erased, and let go when its time has come."""

import datetime as dt
import os
import sys
from pathlib import Path
from typing import Any

import click

from dunflow.commands.desk import desk, json_option, now_option, say, told


@click.command()
@click.argument("portfolio")
@click.argument("customer")
@click.option(
    "--export",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write everything that is held on them as JSON into a new file.",
)
@now_option
@json_option
def customer(
    portfolio: str, customer: str, file: Path | None, now: dt.datetime | None, json_: bool
) -> None:
    """Show the file on a customer: accounts, contacts with their texts, replies, what was agreed.

    It holds personal data: show it to whoever asks for their own, and keep it out of tickets.
    With --export it is complete: what was delivered and decided day by day, and to whom it was
    passed on.

    \b
    dunflow customer sunrise_instalment C77
    dunflow customer sunrise_instalment C77 --export C77.json
    """
    from dunflow import tell
    from dunflow.commands.customer_page import show
    from dunflow.report.customer_file import customer_file
    from dunflow.report.export import export

    with desk(portfolio, now) as at:
        gather = customer_file if file is None else export
        found = gather(at.conn, at.book, at.portfolio_id, customer, at.now)
    if file is not None:
        _write(file, tell.json_of(found))
        done = {"customer": customer, "file": str(file)}
        say(json_, done, f"Everything held on {customer} is in {file}, readable by you alone.")
    elif json_:
        tell.as_json(found)
    else:
        show(found, at.book.portfolio.zone)


def _write(file: Path, text: str) -> None:
    """Into a new file that only its owner may read."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.BadParameter(f"{file} is there already; name a new file") from None
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text + "\n")


@click.command()
@click.argument("portfolio")
@click.argument("customer")
@told
def erase(
    portfolio: str, customer: str, reason: str, by: str, now: dt.datetime | None, json_: bool
) -> None:
    """Erase the data of one person with whom nothing goes on any more.

    Name, phones, emails and postal addresses go at once. Texts, addresses as used, replies and
    reasons go with them, or when no pack asks for them any longer: `dunflow housekeeping` sees to
    it. Refused while an account is open or placed.

    \b
    dunflow erase sunrise_instalment C77 --reason "letter of 2026-03-01"
    """
    from dunflow.ledger.engine import lock_portfolio
    from dunflow.retain.person import erase_person

    with desk(portfolio, now) as at:
        lock_portfolio(at.conn, portfolio)
        gone = erase_person(at.conn, at.book, at.portfolio_id, customer, at.now, by, reason)
    told = f"{customer} is erased."
    if gone.records_until:
        told = (
            f"{customer} can't be reached any more. The records of collecting are to be kept "
            f"until {gone.records_until}; housekeeping erases them then."
        )
    say(json_, vars(gone), told)


@click.command()
@click.argument("portfolio")
@json_option
def housekeeping(portfolio: str, json_: bool) -> None:
    """Let go of what is kept long enough, and prove the promises. Exit code 1 if one is broken.

    It may be killed anywhere and run again.

    \b
    dunflow housekeeping sunrise_instalment
    """
    from dunflow import day, tell

    done: dict[str, Any] = day.let_go(portfolio)
    broken = day.broken_promises(portfolio)
    if json_:
        tell.as_json({**done, "broken": broken})
    else:
        tell.screen.print(
            f"Kept is what happened since {done['since'] or 'the beginning'}. Let go: "
            f"{done['people']} customers, the records of {done['records']} more, "
            f"{done['replies']} replies of others, {done['addresses']} addresses of nobody, "
            f"{done['rows']} rows, "
            f"{done['partitions']} partitions."
        )
        for promise in broken:
            tell.screen.print(f"broken: {promise}")
    sys.exit(1 if broken else 0)


COMMANDS = (customer, erase, housekeeping)
