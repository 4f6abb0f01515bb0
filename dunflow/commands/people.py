"""What a person decides about people: holds, promises, plans, opt-outs, replies. All of it is kept.

Each takes effect at the next claim, also of a drain that is running.
"""

import datetime as dt
import sys
from decimal import Decimal
from typing import Any

import click

from dunflow.commands.desk import (
    DATE,
    Desk,
    amount,
    by_option,
    desk,
    json_option,
    now_option,
    say,
    told,
)
from dunflow.errors import DunflowError

customer_option = click.option("--customer", help="All accounts of this customer, in place of one.")


@click.command()
@click.argument("portfolio")
@click.argument("account", required=False)
@customer_option
@click.option("--kind", required=True, help="dispute, hardship, insolvency, deceased, cease, …")
@click.option("--from", "first", type=DATE, help="First day.  [default: from now on]")
@click.option("--to", "last", type=DATE, help="Last day, included.  [default: until released]")
@told
def hold(
    portfolio: str,
    account: str | None,
    customer: str | None,
    kind: str,
    first: dt.datetime | None,
    last: dt.datetime | None,
    reason: str,
    by: str,
    now: dt.datetime | None,
    json_: bool,
) -> None:
    """Contact nobody about an account, or a customer, for a reason.

    \b
    dunflow hold sunrise_instalment L0000123 --kind dispute --reason "says it is not theirs"
    dunflow hold sunrise_instalment --customer C77 --kind hardship --to 2026-04-30 \\
        --reason "in hospital"
    """
    from dunflow.clock import DAY
    from dunflow.intake.holds import Hold, record_hold

    with desk(portfolio, now) as at:
        calendar = at.book.portfolio.calendar
        given = Hold(
            _holder(at, account, customer),
            kind,
            calendar.start_of(first.date()) if first else at.now,
            calendar.start_of(last.date() + DAY) if last else None,
            at.now,
            by,
            reason,
        )
        number = record_hold(at.conn, at.portfolio_id, given)
    until = f" until {last.date()}, included" if last else " until it is released"
    say(json_, {"hold": number, "kind": kind}, f"Hold {number} ({kind}) stands{until}.")


@click.command()
@click.argument("portfolio")
@click.argument("account", required=False)
@customer_option
@click.option("--kind", required=True, help="The kind of the holds that end.")
@told
def release(
    portfolio: str,
    account: str | None,
    customer: str | None,
    kind: str,
    reason: str,
    by: str,
    now: dt.datetime | None,
    json_: bool,
) -> None:
    """End the holds of one kind on an account or a customer. Exit code 1 if there was none.

    \b
    dunflow release sunrise_instalment L0000123 --kind dispute --reason "contract was found"
    """
    from dunflow.intake.holds import release_holds

    with desk(portfolio, now) as at:
        holder = _holder(at, account, customer)
        ended = release_holds(
            at.conn, at.book.floor, at.portfolio_id, holder, kind, at.now, by, reason
        )
    say(json_, {"released": ended, "kind": kind}, f"{ended} hold(s) of kind {kind} ended.")
    sys.exit(0 if ended else 1)


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
    dunflow promise sunrise_instalment L0000123 500.00 2026-03-20 --reason "said so on the phone"
    dunflow promise sunrise_instalment L0000123 --cancel --reason "was a misunderstanding"
    """
    from dunflow.intake.holders import account_of
    from dunflow.intake.promises import Promise, cancel_promises, record_promise

    with desk(portfolio, now) as at:
        account_id = account_of(at.conn, at.portfolio_id, account)
        if cancel:
            ended = cancel_promises(at.conn, at.portfolio_id, account_id, at.now, by, reason)
            say(json_, {"cancelled": ended}, f"{ended} promise(s) cancelled.")
            return
        if sum_ is None or date is None:
            raise click.UsageError("say the AMOUNT and the DATE, or --cancel")
        if date.date() < at.today:
            raise click.BadParameter(f"DATE {date.date()} is over; promise a day to come")
        number = record_promise(
            at.conn,
            at.portfolio_id,
            Promise(
                account_id,
                sum_,
                _currency(at, account_id, currency),
                date.date(),
                at.now,
                by,
                reason,
            ),
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
    dunflow payment-plan sunrise_instalment L0000123 --total 600.00 --times 6 --first 2026-01-31 \\
        --reason "agreed on the phone"
    dunflow payment-plan sunrise_instalment L0000123 --instalment 2026-03-31=100.00 \\
        --instalment 2026-04-30=250.00 --reason "agreed in writing"
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
        number = record_plan(at.conn, at.portfolio_id, plan)
    listed = [{"due": part.due_on, "amount": part.amount} for part in parts]
    lines = "\n".join(f"  {part['due']}  {part['amount']}" for part in listed)
    say(json_, {"plan": number, "instalments": listed}, f"Plan {number} stands:\n{lines}")


@click.command("opt-out")
@click.argument("portfolio")
@click.argument("customer")
@click.argument("channel")
@click.option("--lift", is_flag=True, help="The customer wants to hear by this channel again.")
@told
def opt_out(
    portfolio: str,
    customer: str,
    channel: str,
    lift: bool,
    reason: str,
    by: str,
    now: dt.datetime | None,
    json_: bool,
) -> None:
    """No more contacts to a customer by CHANNEL, nor to the address that it reaches now.

    \b
    dunflow opt-out sunrise_instalment C77 sms --reason "asked for it on the phone"
    dunflow opt-out sunrise_instalment C77 sms --lift --reason "asked for texts again"
    """
    from dunflow.intake.holders import customer_of
    from dunflow.remind import opt_outs

    _require_channel(channel)
    source = f"{by}: {reason}"
    with desk(portfolio, now) as at:
        number = customer_of(at.conn, at.portfolio_id, customer)
        point = opt_outs.point_of(at.conn, number, channel)
        points = [point] if point is not None else []
        if lift:
            opt_outs.lift(at.conn, at.portfolio_id, [channel], [number], points, at.now)
        else:
            whom = [number], points
            opt_outs.bind(at.conn, at.portfolio_id, [channel], *whom, source, at.now)
    done = "is lifted" if lift else "stands"
    figures = {"customer": customer, "channel": channel, "opted_out": not lift}
    say(json_, figures, f"The opt-out of {customer} from {channel} {done}.")


@click.command()
@click.argument("portfolio")
@click.argument("customer")
@click.argument("channel")
@click.option("--basis", default="prior_express", show_default=True, help="The pack's word for it.")
@click.option("--revoke", is_flag=True, help="The customer takes every consent to it back.")
@told
def consent(
    portfolio: str,
    customer: str,
    channel: str,
    basis: str,
    revoke: bool,
    reason: str,
    by: str,
    now: dt.datetime | None,
    json_: bool,
) -> None:
    """Record that a customer agrees to a channel for which a pack wants a consent on file.

    \b
    dunflow consent sunrise_instalment C77 voice --reason "signed form of 2026-02-01"
    dunflow consent sunrise_instalment C77 voice --revoke --reason "took it back on the phone"
    """
    from dunflow.intake.consents import Consent, record_consent, revoke_consents
    from dunflow.intake.holders import customer_of

    _require_channel(channel)
    with desk(portfolio, now) as at:
        number = customer_of(at.conn, at.portfolio_id, customer)
        if revoke:
            revoke_consents(at.conn, at.portfolio_id, [number], [channel], at.now)
        else:
            given = Consent(number, channel, basis, at.now, by, reason)
            record_consent(at.conn, at.portfolio_id, given)
    done = "is taken back" if revoke else f"is on file ({basis})"
    figures = {"customer": customer, "channel": channel, "consent": not revoke}
    say(json_, figures, f"The consent of {customer} to {channel} {done}.")


@click.command()
@click.argument("portfolio")
@click.argument("account")
@click.option("--at", "held", type=click.DateTime(["%Y-%m-%d %H:%M"]), help="[default: just now]")
@by_option
@now_option
@json_option
def talked(
    portfolio: str,
    account: str,
    held: dt.datetime | None,
    by: str,
    now: dt.datetime | None,
    json_: bool,
) -> None:
    """Record a talk with the customer about an account: some packs want rest after it.

    \b
    dunflow talked sunrise_instalment L0000123
    dunflow talked sunrise_instalment L0000123 --at "2026-03-02 15:00"
    """
    from dunflow.intake.consents import record_talk
    from dunflow.intake.holders import account_of, owner_of

    with desk(portfolio, now) as at:
        account_id = account_of(at.conn, at.portfolio_id, account)
        owner = owner_of(at.conn, at.portfolio_id, account_id)
        if owner is None:
            raise DunflowError(
                f"account {account!r} is in no snapshot, so nobody's; load one first"
            )
        when = held.replace(tzinfo=at.book.portfolio.zone) if held else at.now
        record_talk(at.conn, at.book, at.portfolio_id, owner, account_id, when, by)
    say(json_, {"account": account, "talked_at": when}, f"The talk about {account} is on file.")


@click.command()
@click.argument("portfolio")
@click.argument("customer", required=False)
@click.option("--channel", help="By which it came.")
@click.option("--text", help="What it says; `-` reads it from the standard input.")
@click.option("--confirm", type=int, metavar="ID", help="Do what reply ID proposes.")
@click.option("--dismiss", type=int, metavar="ID", help="Reply ID was seen, and nothing follows.")
@click.option("--kind", help="With --confirm: the hold to open, in place of what is proposed.")
@click.option("--account", help="With --confirm: the account that it is about.")
@click.option("--amount", "sum_", callback=amount, help="With --confirm: the amount promised.")
@click.option("--date", type=DATE, help="With --confirm: the day promised, or the hold's last.")
@click.option("--reason", help="Why; with --confirm and --dismiss.")
@by_option
@now_option
@json_option
def reply(portfolio: str, now: dt.datetime | None, json_: bool, by: str, **said: Any) -> None:
    """List the replies that wait for a person, take one in, or decide about one.

    An opt-out and a wrong person are heeded at once. Everything else is proposed, and a person
    confirms or dismisses it. The list holds no message texts; `dunflow customer` shows them.

    \b
    dunflow reply sunrise_instalment
    echo "I lost my job" | dunflow reply sunrise_instalment C77 --channel email --text -
    dunflow reply sunrise_instalment --confirm 12 --date 2026-05-31 --reason "letter of dismissal"
    dunflow reply sunrise_instalment --dismiss 13 --reason "answered on the phone"
    """
    from dunflow import tell
    from dunflow.commands import replies

    with desk(portfolio, now) as at:
        if said["confirm"] is not None or said["dismiss"] is not None:
            done, sentence = replies.decide(at, by, **said)
        elif said["text"] is not None:
            if said["text"] == "-":
                said["text"] = sys.stdin.read()
            done, sentence = replies.take(at, said["customer"], said["channel"], said["text"])
        else:
            waiting = replies.waiting(at)
            if json_:
                tell.as_json(waiting)
            else:
                replies.show(waiting, at.book.portfolio.zone)
            return
    say(json_, done, sentence)


def _require_channel(channel: str) -> None:
    from dunflow.config.policy import CHANNELS

    if channel not in CHANNELS:
        raise click.BadParameter(f"CHANNEL is {channel!r}; use one of {', '.join(CHANNELS)}")


def _holder(at: Desk, account: str | None, customer: str | None) -> Any:
    from dunflow.intake.holders import account_of, customer_of
    from dunflow.intake.holds import Holder

    if (account is None) == (customer is None):
        raise click.UsageError("name an ACCOUNT, or a customer with --customer")
    if account is not None:
        return Holder(account_id=account_of(at.conn, at.portfolio_id, account))
    return Holder(customer_id=customer_of(at.conn, at.portfolio_id, str(customer)))


def _currency(at: Desk, account_id: int, given: str | None) -> str:
    from dunflow.intake.holders import currency_of

    return given or currency_of(at.conn, at.portfolio_id, account_id) or at.book.portfolio.currency


def _instalment(text: str) -> Any:
    from dunflow.intake.plans import Instalment
    from dunflow.money import parse_amount

    try:
        due, _, owed = text.partition("=")
        return Instalment(dt.date.fromisoformat(due), parse_amount(owed))
    except ValueError:
        raise DunflowError(f"--instalment: is {text!r}; write it like 2026-03-31=100.00") from None


COMMANDS = (hold, release, promise, payment_plan, opt_out, consent, talked, reply)
