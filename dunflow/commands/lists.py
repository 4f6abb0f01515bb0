"""What people carry out: letters to print, calls to make, visits to pay."""

import click

from dunflow.commands.desk import json_option
from dunflow.config.policy import Channel


@click.command()
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
        return
    if not made:
        tell.screen.print("There is no letter to print.")
    for each in made:
        tell.screen.print(
            f"{each['reference']}: {each['letters']:,} letters, {each['pages']:,} pages"
        )
        for reference, why in each["unprintable"].items():
            tell.screen.print(f"{reference} can't be printed: {why}")


@click.command()
@click.argument("portfolio")
@json_option
def calls(portfolio: str, json_: bool) -> None:
    """Write the call lists: CSV and Excel for each team, of every call that is on none yet.

    Run again it writes nothing twice, and shows the lists of the newest day. Filled in they come
    back by `dunflow take PORTFOLIO calls FILE`.

    \b
    dunflow calls sunrise_instalment
    """
    _write(portfolio, "call", json_)


@click.command()
@click.argument("portfolio")
@json_option
def visits(portfolio: str, json_: bool) -> None:
    """Write the orders for field visits: CSV and Excel, of every visit that is on none yet.

    Run again it writes nothing twice. Filled in they come back by
    `dunflow take PORTFOLIO visits FILE`.

    \b
    dunflow visits sunrise_instalment
    """
    _write(portfolio, "visit", json_)


def _write(portfolio: str, channel: Channel, json_: bool) -> None:
    from dunflow import tell
    from dunflow.place.deliver import place_of
    from dunflow.placements import open_desk
    from dunflow.worklists.make import lists_of, write_lists

    desk = open_desk(portfolio)
    made = write_lists(desk, channel)
    shown = made or lists_of(desk, channel)
    where = place_of(desk.book, f"{channel}s", desk.environ).shown
    if json_:
        tell.as_json({"new": len(made), "place": where, "lists": shown})
        return
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
