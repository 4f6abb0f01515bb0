"""What people carry out: letters to print, calls to make, visits to pay."""

import datetime as dt

import click

from dunflow.commands.desk import json_option, now_option
from dunflow.config.policy import Channel


@click.command()
@click.argument("portfolio")
@now_option
@json_option
def letters(portfolio: str, now: dt.datetime | None, json_: bool) -> None:
    """Make PDF files for the printer of every letter that was not printed yet.

    What waited for more than two weeks is given up, and its step decided again.

    \b
    dunflow letters sunrise_instalment
    """
    from dunflow import tell
    from dunflow.letters import FOLDER, give_up_late, print_letters
    from dunflow.place.deliver import place_of
    from dunflow.placements import open_desk

    desk = open_desk(portfolio, now)
    given_up, made = give_up_late(desk), print_letters(desk)
    where = place_of(desk.book, FOLDER, desk.environ).shown
    if json_:
        tell.as_json({"given_up": given_up, "place": where, "batches": made})
        return
    if given_up:
        tell.screen.print(
            f"{given_up:,} letters are given up, as they waited for more than two weeks or are "
            "forbidden by now: their steps are decided again"
        )
    if not made:
        tell.screen.print("There is no letter to print.")
    for each in made:
        line = f"{each['reference']}: {each['letters']:,} letters, {each['pages']:,} pages"
        tell.screen.print(f"{where}/{line}", soft_wrap=True)
        for reference, why in each["unprintable"].items():
            tell.screen.print(f"{reference} can't be printed: {why}")


@click.command()
@click.argument("portfolio")
@now_option
@json_option
def calls(portfolio: str, now: dt.datetime | None, json_: bool) -> None:
    """Write the call lists: CSV and Excel for each team, of every call that is on none yet.

    Run again it writes nothing twice, and shows the lists of the newest day. Filled in they come
    back by `dunflow take PORTFOLIO calls FILE`.

    \b
    dunflow calls sunrise_instalment
    """
    _write(portfolio, "call", now, json_)


@click.command()
@click.argument("portfolio")
@now_option
@json_option
def visits(portfolio: str, now: dt.datetime | None, json_: bool) -> None:
    """Write the orders for field visits: CSV and Excel, of every visit that is on none yet.

    Run again it writes nothing twice. Filled in they come back by
    `dunflow take PORTFOLIO visits FILE`.

    \b
    dunflow visits sunrise_instalment
    """
    _write(portfolio, "visit", now, json_)


def _write(portfolio: str, channel: Channel, now: dt.datetime | None, json_: bool) -> None:
    from dunflow import tell
    from dunflow.place.deliver import place_of
    from dunflow.placements import open_desk
    from dunflow.worklists.make import give_up_late, lists_of, write_lists

    desk = open_desk(portfolio, now)
    given_up, made = give_up_late(desk, channel), write_lists(desk, channel)
    shown = made or lists_of(desk, channel)
    where = place_of(desk.book, f"{channel}s", desk.environ).shown
    if json_:
        tell.as_json({"new": len(made), "given_up": given_up, "place": where, "lists": shown})
        return
    if given_up:
        tell.screen.print(
            f"{given_up:,} {channel}s are given up, as they were on no list in their time or are "
            "forbidden by now: their steps are decided again"
        )
    if not shown:
        tell.screen.print(f"There is no {channel} to list.")
    for each in shown:
        told = "" if made else " (written before)"
        line = f"{where}/{each['reference']}: {each['lines']:,} {channel}s{told}"
        tell.screen.print(line, soft_wrap=True)
        for reference in each.get("by_code", ()):
            tell.screen.print(
                f"{reference}: its order has a name or an address in signs that the paper's fonts "
                "lack; write it on the order by hand",
                soft_wrap=True,
            )


COMMANDS = (letters, calls, visits)
