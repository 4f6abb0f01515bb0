"""`waive`: which accounts a mandatory step blocks, and how a person passes it."""

import datetime as dt

import click

from dunflow.commands.desk import by_option, desk, json_option, now_option, say


@click.command()
@click.argument("portfolio")
@click.argument("account", required=False)
@click.argument("step", required=False)
@click.option("--reason", help="Why the account may go on without it; it is kept.")
@by_option
@now_option
@json_option
def waive(
    portfolio: str,
    account: str | None,
    step: str | None,
    reason: str | None,
    by: str,
    now: dt.datetime | None,
    json_: bool,
) -> None:
    """List the accounts that a mandatory step blocks, or pass a STEP that can't be carried out.

    The account's newest decision must name the step and say why it can't be done. A step that gives
    a notice which a pack demands can't be passed. The next run goes on behind it.

    \b
    dunflow waive sunrise_instalment
    dunflow waive sunrise_instalment L0000123 firm_letter --reason "moved away, no address known"
    """
    from dunflow import tell
    from dunflow.intake import waivers

    if account is None:
        with desk(portfolio, now) as at:
            rows = waivers.blocked(at.conn, at.book, at.portfolio_id)
        if json_:
            tell.as_json(rows)
        elif rows:
            tell.rows("blocked at a mandatory step", rows, at.book.portfolio.zone)
        else:
            tell.screen.print("No mandatory step is blocked.")
        return
    if step is None or not reason:
        raise click.UsageError("name the STEP, and say with --reason why it may be passed")
    with desk(portfolio, now, locked=True) as at:
        passed = waivers.waive(
            at.conn, at.book, at.portfolio_id, account, step, reason=reason, by=by, now=at.now
        )
    said = "is waived. The next run goes on behind it." if passed else "was waived already."
    say(json_, {"account": account, "step": step, "waived": passed}, f"{account} {step} {said}")


COMMANDS = (waive,)
