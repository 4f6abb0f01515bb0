"""Lists for people: `calls` and `visits`."""

import click

from dunflow.config.policy import Channel

json_option = click.option("--json", "json_", is_flag=True, help="Print for a script.")


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


COMMANDS = (calls, visits)
