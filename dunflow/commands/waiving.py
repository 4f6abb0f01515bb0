"""`waive`: a person passes a mandatory step that blocks an account."""

import datetime as dt

import click

from dunflow.commands.desk import desk, say, told


@click.command()
@click.argument("portfolio")
@click.argument("account")
@click.argument("step")
@told
def waive(
    portfolio: str,
    account: str,
    step: str,
    reason: str,
    by: str,
    now: dt.datetime | None,
    json_: bool,
) -> None:
    """Pass a mandatory STEP that can't be carried out, so that the account's ladder goes on.

    The account must be blocked there: its newest decision names the step and says why. A step that
    gives a notice which a pack demands can't be passed. The next run goes on behind it.

    \b
    dunflow waive sunrise_instalment L0000123 firm_letter --reason "moved away, no address known"
    """
    from dunflow.intake.waivers import waive as pass_step

    with desk(portfolio, now, locked=True) as at:
        passed = pass_step(
            at.conn, at.book, at.portfolio_id, account, step, reason=reason, by=by, now=at.now
        )
    said = "is waived. The next run goes on behind it." if passed else "was waived already."
    say(json_, {"account": account, "step": step, "waived": passed}, f"{account} {step} {said}")
