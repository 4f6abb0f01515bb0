"""`dunflow placements`: what a person decides about accounts that go to an agency or to legal."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dunflow.commands.desk import DATE, by_option, json_option, now_option
from dunflow.commands.sentences import Sentences

if TYPE_CHECKING:
    from dunflow.place.life import Chosen, Moved
    from dunflow.placements import Desk

ACTIVE = ("proposed", "approved", "exported", "acknowledged")
STATES = (*ACTIVE, "rejected", "withdrawn", "refused", "recalled", "returned", "closed")

to_option = click.option("--to", "destination", help="Only those to this destination.")
account_option = click.option(
    "--account", "accounts", multiple=True, help="Only this account; may be given several times."
)
all_option = click.option("--all", "all_", is_flag=True, help="All that the other options leave.")
date_option = click.option("--date", type=DATE, help="Only those proposed for this business date.")


_Move = Callable[["Desk", "Chosen", Any, str], "Moved"]
"""What becomes of the chosen ones, by what its own option says, and by whom."""
_Option = Callable[[Callable[..., None]], Callable[..., None]]
_Adds = Callable[[_Move], _Move]


@click.group(cls=Sentences)
@click.argument("portfolio")
@click.pass_context
def placements(ctx: click.Context, portfolio: str) -> None:
    """Accounts that go to an agency or to legal, and come back.

    \b
    dunflow placements sunrise_instalment list
    dunflow placements sunrise_instalment approve --to legal --all --checked claim_not_barred
    dunflow placements sunrise_instalment reject --account L0000123 --reason "pays by instalments"
    dunflow placements sunrise_instalment export
    """
    ctx.obj = portfolio


@placements.command(name="list")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES))
@to_option
@account_option
@date_option
@json_option
@click.pass_obj
def list_(
    portfolio: str,
    states: tuple[str, ...],
    destination: str | None,
    accounts: tuple[str, ...],
    date: dt.datetime | None,
    json_: bool,
) -> None:
    """What is proposed, approved or away; with --state also what is over.

    \b
    dunflow placements sunrise_instalment list --state proposed
    """
    from dunflow import placements as work
    from dunflow import tell
    from dunflow.config.book import read_book

    zone = read_book(portfolio).portfolio.zone
    chosen = _chosen(destination, accounts, date)
    rows = work.rows(work.open_desk(portfolio), chosen, states or ACTIVE)
    if json_:
        tell.as_json(rows)
    elif rows:
        checks = {row["to"]: row["checks"] for row in rows if row["checks"]}
        tell.rows("Placements", [{**row, "checks": None} for row in rows], zone)
        for to, asked in sorted(checks.items()):
            told = f"Who approves for {to} must have checked: {', '.join(asked)}"
            tell.screen.print(told, soft_wrap=True)
    else:
        tell.screen.print("There are none.")


_EXAMPLE = "\n\n\b\ndunflow placements sunrise_instalment "


def _why(tells: str, *, needed: bool = True) -> _Option:
    return click.option("--reason", "said", required=needed, help=tells)


def _moving(name: str, does: str, example: str, option: _Option) -> _Adds:
    """Adds a command that moves the placements which its options choose.

    `option`: what else it is told, as `said`.
    """

    def add(move: _Move) -> _Move:
        @to_option
        @account_option
        @date_option
        @all_option
        @by_option
        @now_option
        @json_option
        @click.pass_obj
        def command(
            portfolio: str,
            destination: str | None,
            accounts: tuple[str, ...],
            date: dt.datetime | None,
            all_: bool,
            by: str,
            now: dt.datetime | None,
            json_: bool,
            said: Any,
        ) -> None:
            from dunflow import placements as work

            if not accounts and not date and not all_:
                raise click.UsageError("say which: --account, --date, or --all")
            chosen = _chosen(destination, accounts, date)
            desk = work.open_desk(portfolio, now)
            _tell(desk, chosen, move(desk, chosen, said, by), json_)

        placements.command(name=name, help=does + _EXAMPLE + example)(option(command))
        return move

    return add


@_moving(
    "approve",
    "Let proposals leave with the next export. What may no longer leave is withdrawn.",
    "approve --to legal --account L0000123 --checked claim_not_barred\n"
    "dunflow placements sunrise_instalment approve --to harbour_agency --date 2026-03-01 "
    "\\\n    --checked agency_listed_and_published --checked claim_not_barred",
    click.option(
        "--checked",
        "said",
        multiple=True,
        metavar="NAME",
        help="What a pack asks you to have checked, by the name that `list` gives it; may be given "
        "several times. It is kept.",
    ),
)
def _approve(desk: "Desk", chosen: "Chosen", checked: tuple[str, ...], by: str) -> "Moved":
    from dunflow import placements as work

    return work.approve(desk, chosen, by, checked)


@_moving(
    "reject",
    "Turn proposals down: not proposed again to that destination in this episode.",
    'reject --account L0000123 --reason "pays by instalments"',
    _why("Why they are not to leave."),
)
def _reject(desk: "Desk", chosen: "Chosen", reason: str, by: str) -> "Moved":
    from dunflow import placements as work

    return work.reject(desk, chosen, reason, by)


@_moving(
    "propose",
    "Propose again what was rejected, recalled or given back, where its rule is met now.",
    'propose --account L0000123 --reason "the dispute ended"',
    _why("Why they are proposed again."),
)
def _propose(desk: "Desk", chosen: "Chosen", reason: str, by: str) -> "Moved":
    from dunflow import placements as work

    return work.propose(desk, chosen, reason, by)


@placements.command()
@now_option
@json_option
@click.pass_obj
def export(portfolio: str, now: dt.datetime | None, json_: bool) -> None:
    """Deliver what is approved, recall what was paid or is held, tell changed balances.

    May be run at any time and again: each account is given once.

    \b
    dunflow placements sunrise_instalment export
    """
    from dunflow import placements as work
    from dunflow import tell

    done = work.deliver(work.open_desk(portfolio, now))
    if json_:
        tell.as_json(vars(done))
    else:
        for each in done.packages:
            totals = ", ".join(f"{amount} {code}" for code, amount in each["totals"].items())
            tell.screen.print(f"{each['reference']}: {each['rows']:,} accounts, {totals}")
        for reason, count in done.withdrawn.items():
            tell.screen.print(f"{count:,} may no longer leave: {reason}")
        if not done.packages:
            tell.screen.print("There was nothing to deliver.")
    if done.failed:
        raise click.ClickException("; ".join(done.failed.values()))


@placements.command()
@click.argument("destination")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@by_option
@now_option
@json_option
@click.pass_obj
def receive(
    portfolio: str, destination: str, file: Path, by: str, now: dt.datetime | None, json_: bool
) -> None:
    """Take in a file of theirs: acknowledgements, payments, contacts, returns. Each row once.

    \b
    dunflow placements sunrise_instalment receive harbour_agency 2026-03-02.csv
    """
    from dunflow import placements as work
    from dunflow import tell

    taken = work.receive(work.open_desk(portfolio, now), destination, file, by)
    if json_:
        tell.as_json(taken.figures() | {"faults": [str(fault) for fault in taken.rejected]})
    else:
        for kind, count in taken.new.items():
            tell.screen.print(f"{count:,} {kind}")
        tell.screen.print(f"{taken.known:,} known already, {taken.late:,} too late for any effect")
        for fault in taken.rejected:
            tell.screen.print(str(fault))
    if taken.rejected:
        raise click.ClickException(
            f"{file.name}: {len(taken.rejected):,} rows are of no use, the others were taken in; "
            "have them mended and receive the file again"
        )


@placements.command()
@json_option
@click.pass_obj
def rejects(portfolio: str, json_: bool) -> None:
    """Rows of receivers' files that are of no use, until good ones with their `ref` come.

    Rows are counted below the header.

    \b
    dunflow placements sunrise_instalment rejects
    """
    from dunflow import placements as work
    from dunflow import tell
    from dunflow.config.book import read_book

    rows = work.rejects(work.open_desk(portfolio))
    if json_:
        tell.as_json(rows)
    elif rows:
        tell.rows("Rows of no use", rows, read_book(portfolio).portfolio.zone)
    else:
        tell.screen.print("There are none.")


@placements.command()
@to_option
@json_option
@click.pass_obj
def reconcile(portfolio: str, destination: str | None, json_: bool) -> None:
    """Compare what receivers say that they collected with what was booked and paid to us.

    \b
    dunflow placements sunrise_instalment reconcile --to harbour_agency
    """
    from dunflow import placements as work
    from dunflow import tell
    from dunflow.config.book import read_book

    found = work.reconcile(work.open_desk(portfolio), destination)
    if json_:
        tell.as_json(found.as_json())
        return
    told = found.as_json()
    zone = read_book(portfolio).portfolio.zone
    for title, what in (
        ("What was collected", "standings"),
        ("Remittances that are not the sum of their payments", "remittances"),
        ("Collected and not booked here", "unbooked"),
    ):
        if told[what]:
            tell.rows(title, told[what], zone)
    if found.agrees:
        tell.screen.print("All of it agrees.")


def _ending(state: str) -> _Move:
    def end(desk: "Desk", chosen: "Chosen", reason: str | None, by: str) -> "Moved":
        from dunflow import placements as work

        return work.end(desk, chosen, state, reason or None, by)

    return end


_kept = _why("Why, as it is kept.")
_moving(
    "recall",
    "Take accounts back; the receiver is told with the next export.",
    'recall --account L0000123 --reason "sold by mistake"',
    _kept,
)(_ending("recalled"))
_moving(
    "acknowledge",
    "The receiver took accounts on.",
    "acknowledge --to harbour_agency --all",
    _why("Why, as it is kept.", needed=False),
)(_ending("acknowledged"))
_moving(
    "refuse",
    "The receiver turned accounts down; they are ours again.",
    'refuse --account L0000123 --reason "unknown address"',
    _kept,
)(_ending("refused"))
_moving(
    "return",
    "The receiver gave accounts back; they are ours again.",
    'return --account L0000123 --reason "term over"',
    _kept,
)(_ending("returned"))
_moving(
    "close",
    "The receiver is done with accounts: paid there, settled, written off. They are silent for the "
    "rest of the episode, unless you `reopen` them.",
    'close --account L0000123 --reason "paid to the agency"',
    _kept,
)(_ending("closed"))


@_moving(
    "reopen",
    "Go on with accounts that were closed in this episode: they are ours again.",
    'reopen --account L0000123 --reason "closed by mistake"',
    _kept,
)
def _reopen(desk: "Desk", chosen: "Chosen", reason: str, by: str) -> "Moved":
    from dunflow import placements as work

    return work.reopen(desk, chosen, reason, by)


def _chosen(
    destination: str | None, accounts: tuple[str, ...], date: dt.datetime | None
) -> "Chosen":
    from dunflow.place.life import Chosen

    return Chosen(destination, accounts or None, date.date() if date else None)


def _tell(desk: "Desk", chosen: "Chosen", moved: "Moved", json_: bool) -> None:
    """How many went where; where nothing moved, what they are instead."""
    from dunflow import placements as work
    from dunflow import tell

    nothing = not any(moved.counts.values()) and not moved.refused
    rows = work.rows(desk, chosen, STATES) if nothing else []
    there = Counter(each["state"] for each in rows)
    if json_:
        tell.as_json(vars(moved) | ({"there": there} if nothing else {}))
        return
    for state, count in moved.counts.items():
        tell.screen.print(f"{count:,} {state}")
    for reason, count in moved.refused.items():
        tell.screen.print(f"{count:,} not possible: {reason}")
    if nothing:
        found = ", ".join(f"{count:,} {state}" for state, count in there.items())
        tell.screen.print(f"Nothing moved: there is {found or 'no placement'} of these")


COMMANDS = (placements,)
