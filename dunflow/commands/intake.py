"""Takes rows in: from the portfolio's feeds, or from a file that a person hands over."""

import datetime as dt
import sys
from pathlib import Path

import click

from dunflow.commands.desk import by_option, json_option, now_option, sandbox
from dunflow.config.feeds import FILLED_IN, KINDS
from dunflow.errors import DunflowError


@click.command()
@click.argument("portfolio")
@click.argument("kind", type=click.Choice([*KINDS, *FILLED_IN]), required=False, metavar="[KIND]")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option("--rejected", is_flag=True, help="List the rows that wait to be mended.")
@by_option
@now_option
@json_option
def take(
    portfolio: str,
    kind: str | None,
    file: Path | None,
    rejected: bool,
    by: str,
    now: dt.datetime | None,
    json_: bool,
) -> None:
    """Take in a CSV file, or what is new at the portfolio's feeds, left by agencies and on
    SendGrid's lists; each row once.

    Whatever is delivered again changes nothing. Bad rows stop no other: they are told by their
    place, kept until a good row with their id comes, and the exit code is 1. A file is UTF-8 with
    commas and a header of these names, those in brackets may be left out:

    \b
    payments             [ref] account amount [currency] booked_at
    credits              ref customer amount [currency] booked_at [changed_at cancelled]
    holds                ref account|customer kind from [to released_at reason]
    promises             ref account amount [currency] by made_at [cancelled_at reason]
    plans                ref account [currency] due_on amount [grace_days] agreed_at
                         [cancelled_at reason]; one row per instalment
    consents             customer channel basis given_at [revoked_at reason]
    opt_outs             [ref] customer channel [address since_at reason]
    contact_points       [ref] customer point value [bad] changed_at [reason]
    merged_customers     customer into [reason]
    earlier_contacts     ref account customer channel sent_at [step address arrived]
    earlier_placements   ref account destination amount [currency] placed_at
                         [state ended_at]
    calls, visits        a list that was handed out, CSV or Excel, with result and at filled in

    \b
    dunflow take sunrise_instalment
    dunflow take sunrise_instalment --rejected
    dunflow take sunrise_instalment payments payments-2026-03-01.csv
    dunflow take sunrise_instalment earlier_contacts old-system.csv --json
    dunflow take sunrise_instalment calls calls.xlsx
    """
    if rejected:
        _list_rejected(portfolio, json_)
    elif kind is None:
        _take_feeds(portfolio, now, json_)
    elif file is None:
        raise click.UsageError(f"name the FILE with the {kind}")
    elif kind in FILLED_IN:
        _take_list(portfolio, kind, file, by, now, json_)
    else:
        _take_file(portfolio, kind, file, by, now, json_)


def _take_file(
    portfolio: str, kind: str, file: Path, by: str, now: dt.datetime | None, json_: bool
) -> None:
    from dunflow import tell
    from dunflow.commands.desk import desk
    from dunflow.intake.feeds import take_file

    with desk(portfolio, now) as at:
        book, instant, engine = at.book, at.now, at.conn.engine
    taken = take_file(engine, book, kind, file, by, instant)
    if taken.unseen and not json_:
        tell.screen.print(
            f"{taken.unseen:,} accounts that no snapshot has brought yet: they are kept until one "
            "does. Look whether their ids are written as the source writes them"
        )
    rejected = [str(fault) for fault in taken.rejected]
    _tell_taken(taken.new, taken.known, rejected, json_, figures={"unseen": taken.unseen})


def _take_list(
    portfolio: str, kind: str, file: Path, by: str, now: dt.datetime | None, json_: bool
) -> None:
    from dunflow.commands.desk import desk
    from dunflow.intake.results import take_results

    channel = FILLED_IN[kind]
    with desk(portfolio, now) as at:
        taken = take_results(at.conn, at.book, at.portfolio_id, channel, file, by, at.now)
    rejected, unlawful = ([str(each) for each in told] for told in (taken.rejected, taken.unlawful))
    _tell_taken(taken.new, taken.known, rejected, json_, unlawful=unlawful)


def _tell_taken(
    new: int,
    known: int,
    faults: list[str],
    json_: bool,
    *,
    figures: dict[str, int] | None = None,
    **more: list[str],
) -> None:
    """`figures`: for scripts alone. `more`: what else is told, by its kind."""
    from dunflow import tell

    told = {"rejected": faults, **more}
    if json_:
        tell.as_json({"new": new, "known": known, **told, **(figures or {})})
    else:
        tell.screen.print(f"{new} new, {known} known before")
        for kind, sentences in told.items():
            for sentence in sentences:
                tell.screen.print(f"{kind}: {sentence}")
    sys.exit(1 if faults else 0)


def _take_feeds(portfolio: str, now: dt.datetime | None, json_: bool) -> None:
    from dunflow import day, tell

    figures: day.Figures = {}
    failed: dict[str, str] = {}
    with sandbox():
        at = day.open_day(portfolio, day.newest_closed(portfolio), now)
        for kind in day.feeds(at):
            try:
                figures |= day.intake(at, kind)
            except DunflowError as error:
                failed[kind] = str(error)
    if json_:
        # Beside the kinds, of which none is called so.
        tell.as_json(figures | ({"failed": failed} if failed else {}))
    else:
        for kind, each in figures.items():
            counts = f"{each['new']} new, {each['known']} known, {each['rejected']} rejected"
            tell.screen.print(f"{kind:18} {counts}")
        if not figures and not failed:
            tell.screen.print(
                "The portfolio has no feeds; see `intake`, and `returns` of a destination, in "
                "portfolio.yaml."
            )
    for fault in failed.values():
        tell.aside.print(fault)
    sys.exit(1 if failed or any(each["rejected"] for each in figures.values()) else 0)


def _list_rejected(portfolio: str, json_: bool) -> None:
    from dunflow import tell
    from dunflow.commands.desk import desk
    from dunflow.intake.rejects import open_rejects

    with desk(portfolio) as at:
        rows = open_rejects(at.conn, at.portfolio_id)
    if json_:
        listed = [{"kind": kind, "origin": origin, **vars(fault)} for kind, origin, fault in rows]
        tell.as_json(listed)
    else:
        for kind, origin, fault in rows:
            tell.screen.print(f"{kind}  {origin}  {fault}")
    sys.exit(1 if rows else 0)


COMMANDS = (take,)
