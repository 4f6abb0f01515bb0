"""A policy under test: its files linted, stories played through it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from dunflow.commands.desk import json_option


@click.command()
@click.argument("portfolio", required=False)
@json_option
def check(portfolio: str | None, json_: bool) -> None:
    """Lint one portfolio or all: its files, what they say together, its templates."""
    from dunflow import tell
    from dunflow.check import check as lint
    from dunflow.config.book import folders

    found = [lint(name) for name in ([portfolio] if portfolio else sorted(folders()))]
    if json_:
        tell.as_json([vars(each) for each in found])
    else:
        for each in found:
            tell.lint(each)
    sys.exit(1 if any(each.errors for each in found) else 0)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--keep", is_flag=True, help="Keep each story's ledger, and print its URL.")
@json_option
def scenario(paths: tuple[Path, ...], keep: bool, json_: bool) -> None:
    """Play scenario files, or all of a folder, through the production code.

    \b
    dunflow scenario tests/scenarios/ladder.yaml
    dunflow scenario tests/scenarios --keep
    """
    from dunflow import tell
    from dunflow.scenario.run import find_stories, run_stories

    stories = find_stories(list(paths))
    with _scratch_server(keep=keep) as server:
        told = None if json_ else tell.ending
        ended = list(run_stories(stories, server, keep=keep, told=told))
    failed = [each for each in ended if each.failed]
    if json_:
        tell.as_json(
            [
                {"scenario": each.story.name, "differences": each.differences, "kept": each.ledger}
                for each in ended
            ]
        )
    else:
        tell.screen.print(f"{len(ended) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


@contextmanager
def _scratch_server(*, keep: bool) -> Iterator[Any]:
    """A PostgreSQL for ledgers that are thrown away; it goes with the command unless kept."""
    from dunflow.home import home
    from dunflow.ledger import throwaway

    if keep:
        yield throwaway.start_server(home() / "scenarios")
        return
    with throwaway.own_server() as server:
        yield server


COMMANDS = (check, scenario)
