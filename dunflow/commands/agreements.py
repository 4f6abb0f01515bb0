"""What was agreed with people: promises to pay and repayment plans."""

import datetime as dt
from decimal import Decimal
from typing import Any

import click

from dunflow.commands.desk import DATE, Desk, amount, desk, say, told
from dunflow.errors import DunflowError


@click.command()
@click.argument("portfolio")
@click.argument("account")
@click.argument("sum_", metavar="AMOUNT", required=False, callback=amount)
@click.argument("date", type=DATE, required=False)
@click.option("--currency", help="[default: the account's]")
@click.option("--cancel", is_flag=True, help="Cancel what was promised, in place of promising.")
@told
def promise(
    portfolio: str,
    account: str,
    sum_: Decimal | None,
    date: dt.datetime | None,
    currency: str | None,
    cancel: bool,
    reason: str,
    by: str,
    now: dt.datetime | None,
    json_: bool,
) -> None:
    """Record a promise to pay AMOUNT by the end of DATE. Until then nobody is contacted.

    \b
    dunflow promise sunrise_instalment L0000123 500.00 2027-03-20 --reason "said so on the phone"
    dunflow promise sunrise_instalment L0000123 --cancel --reason "was a misunderstanding"
    """
    from dunflow.intake.holders import account_of
    from dunflow.intake.promises import Promise, cancel_promises, record_promise

    with desk(portfolio, now) as at:
        account_id = account_of(at.conn, at.portfolio_id, account)
        if cancel:
            ended = cancel_promises(
                at.conn, at.book, at.portfolio_id, account_id, at.now, by, reason
            )
            say(json_, {"cancelled": ended}, f"{ended} promise(s) cancelled.")
            return
        if sum_ is None or date is None:
            raise click.UsageError("say the AMOUNT and the DATE, or --cancel")
        number = record_promise(
            at.conn,
            at.portfolio_id,
            at.book.portfolio.calendar,
            Promise(
                account_id,
                sum_,
                _currency(at, account_id, currency),
                date.date(),
                at.now,
                by,
                reason,
            ),
            at.now,
        )
    say(
        json_,
        {"promise": number, "by": date.date()},
        f"Promise {number}: {account} pays {sum_} by {date.date()}.",
    )


@click.command("payment-plan")
@click.argument("portfolio")
@click.argument("account")
@click.option("--instalment", "each", multiple=True, metavar="DATE=AMOUNT", help="One instalment.")
@click.option("--total", callback=amount, help="In place of instalments: what is paid in all,")
@click.option("--times", type=click.IntRange(1, 600), help="in so many monthly parts,")
@click.option("--first", type=DATE, help="the first of them on this day.")
@click.option("--grace-days", type=click.IntRange(0, 90), help="[default: the policy's]")
@click.option("--currency", help="[default: the account's]")
@click.option("--cancel", is_flag=True, help="Cancel the plan that stands.")
@told
def payment_plan(
    portfolio: str,
    account: str,
    each: tuple[str, ...],
    total: Decimal | None,
    times: int | None,
    first: dt.datetime | None,
    grace_days: int | None,
    currency: str | None,
    cancel: bool,
    reason: str,
    by: str,
    now: dt.datetime | None,
    json_: bool,
) -> None:
    """Record an agreed repayment plan. While it is kept nobody is contacted.

    Months that are too short for the day have their last one: 31 January, 28 February, 31 March.

    \b
    dunflow payment-plan sunrise_instalment L0000123 --total 600.00 --times 6 --first 2027-01-31 \\
        --reason "agreed on the phone"
    dunflow payment-plan sunrise_instalment L0000123 --instalment 2027-03-31=100.00 \\
        --instalment 2027-04-30=250.00 --reason "agreed in writing"
    """
    from dunflow.intake.holders import account_of
    from dunflow.intake.plans import Plan, cancel_plan, monthly, record_plan

    with desk(portfolio, now) as at:
        account_id = account_of(at.conn, at.portfolio_id, account)
        if cancel:
            ended = cancel_plan(at.conn, at.portfolio_id, account_id, at.now, by, reason)
            say(json_, {"cancelled": ended}, f"{ended} plan(s) cancelled.")
            return
        money = _currency(at, account_id, currency)
        if total is not None and times is not None and first is not None and not each:
            parts = monthly(total, money, first.date(), times)
        elif each and total is None and times is None and first is None:
            parts = [_instalment(text) for text in each]
        else:
            raise click.UsageError("give either --instalment, or --total, --times and --first")
        grace = at.book.policy.broken_promise_grace_days if grace_days is None else grace_days
        plan = Plan(account_id, money, parts, grace, at.now, by, reason)
        number = record_plan(at.conn, at.portfolio_id, at.book.portfolio.calendar, plan)
    listed = [{"due": part.due_on, "amount": part.amount} for part in parts]
    lines = "\n".join(f"  {part['due']}  {part['amount']}" for part in listed)
    say(json_, {"plan": number, "instalments": listed}, f"Plan {number} stands:\n{lines}")


def _currency(at: Desk, account_id: int, given: str | None) -> str:
    """Payments of another currency count for no promise, so one in it could never be kept."""
    from dunflow.intake.holders import currency_of

    known = currency_of(at.conn, at.portfolio_id, account_id)
    if known and given not in (None, known):
        raise DunflowError(
            f"--currency: is {given!r}, and the account owes {known}; leave it out, or agree in "
            f"{known}"
        )
    return known or given or at.book.portfolio.currency


def _instalment(text: str) -> Any:
    from dunflow.intake.plans import Instalment
    from dunflow.money import parse_amount

    try:
        due, _, owed = text.partition("=")
        return Instalment(dt.date.fromisoformat(due), parse_amount(owed))
    except ValueError:
        raise DunflowError(f"--instalment: is {text!r}; write it like 2026-03-31=100.00") from None


COMMANDS = (promise, payment_plan)
