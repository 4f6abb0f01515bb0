"""`dunflow`: the pipeline from a terminal. Every command has --json; exit code 0 is success."""

import os
from typing import Any

import click

from dunflow.commands import (
    agreements,
    dates,
    intake,
    lists,
    people,
    placements,
    plan,
    records,
    rules,
    sending,
    stack,
    waiving,
)
from dunflow.commands.desk import FOR_A_SCRIPT
from dunflow.commands.sentences import Sentences
from dunflow.errors import DunflowError


class Commands(Sentences):
    """Shows an error that a person can repair as a sentence, not as a trace; to a script as JSON,
    too. A command that has printed its own JSON ends in a ClickException."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DunflowError as error:
            if ctx.meta.get(FOR_A_SCRIPT):
                from dunflow import tell

                tell.as_json({"error": str(error)})
            raise click.ClickException(str(error)) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Dunning that escalates by itself, explains itself, and stops when it must.

    \b
    Begin with:  dunflow demo
    One date:    dunflow day PORTFOLIO 2026-03-01
    One account: dunflow explain PORTFOLIO ACCOUNT
    """
    # What `up` or `demo` keeps below DUNFLOW_HOME (the demo core's URL, the sandbox's credentials).
    from dunflow.home import local_secrets

    for name, value in local_secrets().items():
        os.environ.setdefault(name, value)


for _group in (
    stack,
    dates,
    plan,
    rules,
    people,
    agreements,
    intake,
    lists,
    sending,
    waiving,
    placements,
    records,
):
    for _command in _group.COMMANDS:
        main.add_command(_command)
