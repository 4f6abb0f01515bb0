"""`plan`: what a run of a date would do, told before anything is done."""

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from dunflow.commands.desk import DATE, json_option, now_option


@click.command()
@click.argument("portfolio")
@click.argument("date", type=DATE)
@click.option(
    "--who",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a CSV file with a row per account: what would be decided, and what it was.",
)
@now_option
@json_option
def plan(
    portfolio: str, date: dt.datetime, who: Path | None, now: dt.datetime | None, json_: bool
) -> None:
    """Tell what a run of DATE would do, by the files as they lie here: who is contacted and by
    what, who moves up, who is left alone and why, how many SMS segments that comes to.

    Nothing is sent, and nothing stays. A date that was decided is compared with that; any other
    with what the policy of the newest run makes of it, if the files differ from that. Of the date
    that closes next the newest rows stand in: as if nobody paid, left or came.

    While it works, runs of the portfolio wait, and who would be contacted is not contacted.

    \b
    dunflow plan sunrise_instalment 2026-03-02
    dunflow plan sunrise_instalment 2026-03-02 --who changed.csv
    """
    from dunflow import day as stages
    from dunflow import tell
    from dunflow.dry_run.rehearse import rehearse

    with tell.aside.status("starting") as shown:
        opened = stages.open_day(portfolio, date.date(), now, to_look=True)
        found = rehearse(opened, who, shown.update)
    if json_:
        tell.as_json(found)
    else:
        _tell(found, opened.book.portfolio.zone)
        if who is not None:
            tell.screen.print(f"Each account: {who}")


def _tell(found: Mapping[str, Any], zone: dt.tzinfo) -> None:
    from dunflow import tell

    at = f"{found['at'].astimezone(zone):%Y-%m-%d %H:%M}"
    tell.screen.print(
        f"{found['portfolio']} {found['business_date']} by policy {found['policy']}, run at {at}. "
        "Nothing was sent, and nothing is kept.",
        style="bold",
    )
    for remark in _remarks(found):
        tell.screen.print(remark)
    rows = [
        {"decided": action, "why": why, "accounts": f"{count:,}"}
        for action, reasons in found["reasons"].items()
        for why, count in reasons.items()
    ]
    tell.rows("What is decided", rows, zone)
    tell.rows("What goes out", list(_contacts(found["contacts"])), zone)
    tell.rows(
        "Who moves up",
        [
            {"from": each["from"] or "-", "to": each["to"], "accounts": f"{each['accounts']:,}"}
            for each in found["raised"]
        ],
        zone,
    )
    if found["placed"]:
        tell.screen.print(
            "Proposed for placement: "
            + ", ".join(f"{count:,} to {to}" for to, count in found["placed"].items())
        )
    _tell_compared(found["compared"], zone)


def _remarks(found: Mapping[str, Any]) -> Iterator[str]:
    loaded = found["snapshot"]
    owed = ", ".join(f"{currency} {amount}" for currency, amount in loaded["overdue"].items())
    yield (
        f"Rows: {found['rows']}; {loaded['accounts']:,} accounts are overdue, of "
        f"{loaded['customers']:,} customers: {owed or 'nothing'}."
    )
    if loaded["quarantined"]:
        yield f"{loaded['quarantined']:,} rows could not be read."
    if found["gate"]:
        yield f"THE GATE STOPS IT, unless a person accepts: {found['gate']}."
    if found["breaker"]:
        yield f"THE VOLUME BREAKER STOPS IT, unless a person accepts: {found['breaker']}."
    if found["late"]:
        yield "The run would be late: what was due is recorded, and nobody is contacted."
    if found["stopped"]:
        yield f"A person stopped {', '.join(found['stopped'])}."
    for channel, why in found["faults"].items():
        yield f"The sender of {channel} fails: {why}."
    for fault in found["unworded"]:
        yield f"A text can't be written: {fault}."
    if found["feeds"]:
        yield f"A replayed run takes in {', '.join(found['feeds'])} first; here that is left out."
    if found["mode"] == "shadow":
        yield "In shadow mode none of it goes out."


def _contacts(groups: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    told = [
        {
            **{name: each[name] for name in ("tier", "step", "channel")},
            **{name: each[name] for name in ("goes_out", "accounts", "segments")},
            "held back": ", ".join(f"{n:,} {why}" for why, n in each["held_back"].items()),
        }
        for each in groups
    ]
    if len(told) > 1:
        sums = {
            name: sum(each[name] or 0 for each in groups)
            for name in ("goes_out", "accounts", "segments")
        }
        told.append({"tier": "in all", "step": "", "channel": "", **sums, "held back": ""})
    for each in told:
        numbers = {
            name: "" if each[name] is None else f"{each[name]:,}"
            for name in ("goes_out", "accounts", "segments")
        }
        yield {**each, **numbers}


def _tell_compared(compared: Mapping[str, Any] | None, zone: dt.tzinfo) -> None:
    from dunflow import tell

    if compared is None:
        return
    beside = f"{compared['with']} (policy {compared['policy']})"
    if compared["why_not"]:
        tell.screen.print(f"Can't be compared with {beside}: {compared['why_not']}")
        return
    tell.screen.print(f"Otherwise than {beside}: {compared['changed']:,} accounts.")
    rows = [
        {
            "was": _decision(each["from"]),
            "is": _decision(each["to"]),
            "accounts": f"{each['accounts']:,}",
        }
        for each in compared["changes"]
    ]
    tell.rows("What changes", rows, zone)


def _decision(each: Mapping[str, str | None]) -> str:
    by = f"by {each['channel']}" if each["channel"] else None
    tier = f"in {each['tier']}" if each["tier"] else None
    return " ".join(filter(None, (each["action"], each["step"], by, tier, f"({each['reason']})")))


COMMANDS = (plan,)
