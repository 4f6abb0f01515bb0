"""How the command line tells a person what happened: tables and sentences, in English."""

import datetime as dt
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from shutil import which
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from dunflow import money
from dunflow.ledger.tables import ACTIONS, PLACEMENT_STATES

if TYPE_CHECKING:  # a command that needs none of these should not wait for them
    from dunflow.check import Lint
    from dunflow.decide.explain import Story
    from dunflow.demo.show import Shown
    from dunflow.report.audit import Checked
    from dunflow.scenario.run import Ending
    from dunflow.stack.up import Running

PIPED = 1_000
"""Columns: whoever searches what was printed wants whole words on whole lines."""
# Reasons and ids are text: square brackets in one are no style, and colons no emoji.
AS_IT_IS: Final[Mapping[str, Any]] = {"markup": False, "emoji": False, "highlight": False}
screen = Console(**AS_IT_IS, width=None if sys.stdout.isatty() else PIPED)
aside = Console(**AS_IT_IS, stderr=True)
"""Progress and errors, so that what a script reads stays clean."""


def as_json(value: Any) -> None:
    """Print for a script: dates and amounts as text, these with the decimals of their currency."""
    print(json_of(value))


def json_of(value: Any) -> str:
    return json.dumps(_exact(value), default=_plain, ensure_ascii=False, indent=2)


def _exact(value: Any) -> Any:
    """With the amounts as text that have a currency beside them."""
    if isinstance(value, list | tuple):
        return [_exact(each) for each in value]
    if not isinstance(value, dict):
        return value
    currency = value.get("currency")
    return {
        key: money.exact(each, currency) if isinstance(each, Decimal) and currency else _exact(each)
        for key, each in value.items()
    }


def _plain(value: object) -> str:
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


def table(title: str, *columns: str) -> Table:
    return Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)


SNAPSHOT = {
    "accounts": "overdue accounts",
    "customers": "their customers",
    "quarantined": "rows that could not be read",
    "of_no_use": "phones and emails of no use",
}


def day(figures: dict[str, Any]) -> None:
    """The counts of a day, stage by stage; those of contacts whenever these went out."""
    loaded = figures["snapshot"]
    told = table(f"{figures['portfolio']} {figures['business_date']}", "stage", "what", "count")
    told.columns[2].justify = "right"
    for name, what in SNAPSHOT.items():
        told.add_row("snapshot", what, f"{loaded[name]:,}")
    for currency, amount in loaded["overdue"].items():
        told.add_row("snapshot", f"overdue {currency}", money.grouped(amount))
    for stage, what in (("decide", ""), ("remind", "contacts of the date: ")):
        for name, count in figures.get(stage, {}).items():
            told.add_row(stage, what + name, f"{count:,}")
    screen.print(told)
    for remark in _remarks(figures):
        screen.print(remark)


def _remarks(figures: dict[str, Any]) -> Iterator[str]:
    """What a person should know of a day besides its counts."""
    loaded, of = figures["snapshot"], f"{figures['portfolio']} {figures['business_date']}"
    if loaded["quarantined"] or loaded["of_no_use"]:
        yield f"What could not be read or used: dunflow quarantine {of}"
    if figures.get("late"):
        yield "The run was late: what would have been due is recorded, nobody is contacted."
    for judge in ("gate", "breaker"):
        if vouched := figures.get(judge, {}).get("vouched"):
            yield f"A person accepted the date, knowing: {vouched}."
    if figures["mode"] == "shadow":
        yield "The portfolio is in shadow mode: contacts are planned, and none goes out."
    yield from _halted(figures)
    if loaded["state"] == "gap":
        yield "The source kept nothing of this date: it is recorded as a gap."


def _halted(figures: dict[str, Any]) -> Iterator[str]:
    if stopped := figures.get("stopped"):
        yield (
            f"A person stopped {', '.join(stopped)}, and nothing goes out by that: "
            f"dunflow stop {figures['portfolio']}"
        )


def dispatch(figures: dict[str, Any]) -> None:
    """Where the contacts of a date stand after a dispatch, and the lists that it wrote."""
    if "remind" in figures:
        counts = [f"{count:,} {state}" for state, count in figures["remind"].items()]
        of = f"{figures['portfolio']}, contacts of {figures['business_date']}"
        screen.print(f"{of}: {', '.join(counts) or 'none'}")
    for remark in _halted(figures):
        screen.print(remark)
    for reference in figures.get("lists", ()):
        screen.print(f"list {reference}")
    if asked := figures.get("asked"):
        counts = [f"{count:,} {state}" for state, count in asked.items()]
        screen.print(f"What was in doubt: {', '.join(counts)}")


STORY = (
    "contacts",
    "payments",
    "promises",
    "plans",
    "holds",
    "opt_outs",
    "consents",
    "talks",
    "waivers",
    "unreadable",
    "episodes",
    "placements",
    "collected",
)


def story(told: "Story", zone: dt.tzinfo) -> None:
    """An account's story: the decision in full, the days drawn together, contacts, placements."""
    from dunflow.decide.explain import stretches

    decision = told["decision"]
    screen.print(f"{told['portfolio']}, account {told['account']}\n", style="bold")
    if decision is None:
        screen.print("There is no decision for that date.")
    else:
        _decision(decision, zone)
    days = table("Days", "from", "to", "DPD", "tier", "decided", "why", "step", "owed")
    for each in stretches(told["days"]):
        outcome = each["outcome"]
        dpd = _span(each["dpd_from"], each["dpd_to"])
        days.add_row(
            *_texts(each["from"], each["to"] if each["to"] != each["from"] else ""),
            dpd,
            *_texts(outcome["tier"], outcome["action"], outcome["reason"], outcome["step"]),
            _money(each["overdue"], each["currency"]),
        )
    screen.print(days)
    for what in STORY:
        rows(what.replace("_", " ").capitalize(), told[what], zone)


def _decision(decision: "Story", zone: dt.tzinfo) -> None:
    late = " (late)" if decision["late"] else ""
    screen.print(
        Text.assemble(
            f"On {decision['date']} the run{late} of {_instant(decision['decided_at'], zone)} ",
            "decided ",
            (decision["action"], "bold"),
            ", because ",
            (decision["reason"], "bold"),
            ".",
        )
    )
    if decision["guards_passed"]:
        screen.print(f"Guards that had nothing against it: {', '.join(decision['guards_passed'])}.")
    screen.print(f"Policy {decision['policy']}, version {decision['policy_version']}.")
    if decision["rule"]:
        screen.print("Rule:  " + _pairs(decision["rule"]))
    facts = decision["facts"]
    amounts = {
        key: money.plain(value, facts["currency"])
        for key, value in facts.items()
        if isinstance(value, Decimal)
    }
    screen.print("Facts: " + (_pairs(facts | amounts) or "none is known of that date") + "\n")


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)


def rows(title: str, found: "list[Story]", zone: dt.tzinfo) -> None:
    """A table of records with the same keys; keys without any value are left out."""
    if not found:
        return
    names = [name for name in found[0] if any(row[name] is not None for row in found)]
    told = table(title, *[name.replace("_", " ") for name in names])
    for row in found:
        told.add_row(*[_cell(row[name], zone, row.get("currency")) for name in names])
    screen.print(told)


def _cell(value: object, zone: dt.tzinfo, currency: object) -> str:
    if isinstance(value, Decimal) and currency:
        return money.plain(value, str(currency))
    if isinstance(value, dt.datetime):
        return _instant(value, zone)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _instant(value: dt.datetime, zone: dt.tzinfo) -> str:
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"


def _texts(*values: object) -> list[str]:
    return ["" if value is None else str(value) for value in values]


def _span(first: object, last: object) -> str:
    if first is None:
        return ""
    return str(first) if first == last else f"{first}…{last}"


def _money(amount: object, currency: object) -> str:
    if not isinstance(amount, Decimal):
        return ""
    return f"{money.plain(amount, str(currency))} {currency}"


def urls(running: "Running") -> None:
    """Where to look, and how to get in."""
    screen.print(f"Airflow  {running.ports.airflow_url}  user {running.user}, ", end="")
    screen.print(Text(f"password {running.password}"))
    screen.print(f"Console  {running.ports.airflow_url}/dunflow/")
    screen.print(f"Inbox    {running.ports.sandbox_url}  ", end="")
    screen.print(Text(f"token {running.inbox_token}"))


@contextmanager
def doing(first: str) -> Iterator[Callable[[str], None]]:
    """Says what is being done: in one line that changes, or in many where nobody watches."""
    if aside.is_terminal:
        with aside.status(first) as shown:
            yield shown.update
        return
    last = ""

    def say(text: str) -> None:
        nonlocal last
        if text != last:
            last = text
            aside.print(text)

    if first:
        say(first)
    yield say


@contextmanager
def dates_bar(
    dates: int,
) -> Iterator[tuple[Callable[[str], None], Callable[[dict[dt.date, str]], None]]]:
    """A bar over business dates: one callback says what is being done, one how far they are.

    Where nobody watches, such as in a log, each is a line.
    """
    if not aside.is_terminal:
        with doing("") as say:
            yield say, lambda found: say(f"Business dates: {states(found)}")
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=aside) as bar:
        task = bar.add_task("", total=dates)

        def ran(found: dict[dt.date, str]) -> None:
            over = sum(state in ("success", "failed") for state in found.values())
            bar.update(task, completed=over, description=f"Business dates: {states(found)}")

        yield lambda text: bar.update(task, description=text), ran


def demo(shown: "Shown") -> None:
    """What happened, who got what, one account's story, and where to look."""
    dates = sorted(shown.dates)
    screen.print(
        f"\n{len(dates)} business dates, {dates[0]} to {dates[-1]}, through Airflow: "
        f"{states(shown.dates)}.\n",
        style="bold",
    )
    decided = table("What was decided, over all dates", "rows", "decision", "meaning")
    for action, count in shown.decided.items():
        decided.add_row(f"{count:,}", action, ACTIONS[action])
    screen.print(decided)
    sent = table("Who got what", "contacts", "step", "channel")
    for step, channel, count in shown.contacts:
        sent.add_row(f"{count:,}", step, channel)
    screen.print(sent)
    if shown.placed:
        placed = table("What went to whom", "accounts", "destination", "state", "meaning")
        for destination, state, count in shown.placed:
            placed.add_row(f"{count:,}", destination, state, PLACEMENT_STATES[state])
        screen.print(placed)
    for each in shown.collected:
        screen.print(
            f"{each.destination} says that it collected {_money(each.collected, each.currency)} in "
            f"{each.payments} payments, keeps {_money(each.commission, each.currency)} of it, and "
            f"has paid us {_money(each.remitted, each.currency)}."
        )
    for folder, count in shown.lists.items():
        screen.print(f"{count:,} calls are on a list for people: {folder}", soft_wrap=True)
    screen.print("\nOne account's story:\n")
    story(shown.story, ZoneInfo("Asia/Shanghai"))
    held = sum(not each.broken for each in shown.checked)
    screen.print(f"Audit: {held} of {len(shown.checked)} promises hold.\n")
    audit([each for each in shown.checked if each.broken], proven=True)
    urls(shown.running)
    screen.print(Text(f"Report   {shown.report}"))
    # Where the environment was not activated, the shell finds the command by its path only.
    command = "dunflow" if which("dunflow") else os.path.relpath(sys.argv[0])
    ahead = max(shown.dates) + dt.timedelta(days=1)
    screen.print(f"\nGo on:   {command} explain sunrise_instalment ACCOUNT")
    screen.print(f"Ahead:   {command} plan sunrise_instalment {ahead}    (what its run would do)")
    screen.print("Stop:    make down")


def states(found: dict[dt.date, str]) -> str:
    """How many dates are in which state."""
    counted = Counter("to come" if state == "none" else state for state in found.values())
    return ", ".join(f"{count} {state}" for state, count in sorted(counted.items()))


def audit(checked: "list[Checked]", proven: bool) -> None:
    """`proven`: whether there is any date to prove them on."""
    for each in checked:
        mark = Text("holds ", "green") if not each.broken else Text("BROKEN", "bold red")
        of = f": {each.broken:,} rows, accounts {', '.join(each.accounts)}" if each.broken else ""
        screen.print(mark, f"{each.promise}{of}")
    if not proven:
        screen.print("No business date of these was loaded, so this proves nothing.")


def lint(found: "Lint") -> None:
    for error in found.errors:
        screen.print(Text(f"error    {error}", "red"))
    for warning in found.warnings:
        screen.print(Text(f"warning  {found.portfolio}: {warning}", "yellow"))
    if not found.errors:
        screen.print(f"{found.portfolio}: can run")


def ending(ended: "Ending") -> None:
    mark = Text("FAIL", "bold red") if ended.failed else Text("ok  ", "green")
    if ended.differences and not ended.failed:
        mark = Text("xfail", "yellow")
    screen.print(mark, Text(ended.story.name))
    if ended.failed and not ended.differences:
        screen.print(Text("       it passes now: take its `xfail` away"))
    for line in ended.differences:
        screen.print(Text(f"       {line}"))
    if ended.ledger:
        screen.print(Text(f"       ledger kept: {ended.ledger}"))


def unresolved(rows: list[dict[str, Any]], zone: ZoneInfo) -> None:
    """The contacts of which nobody knows whether they went out."""
    if not rows:
        screen.print("Nothing is in doubt or parked.")
        return
    told = table(
        "in doubt or parked", "reference", "state", "account", "date", "step", "channel", "tried at"
    )
    for row in rows:
        tried = row["claimed_at"]
        told.add_row(
            row["reference"],
            row["state"],
            row["account"],
            str(row["business_date"]),
            row["step"],
            row["channel"],
            f"{tried.astimezone(zone):%Y-%m-%d %H:%M}" if tried else "",
        )
    screen.print(told)
