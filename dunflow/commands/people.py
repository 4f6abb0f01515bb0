"""What a person decides about people: holds, promises, plans, opt-outs, replies. All of it is kept.

Each takes effect at the next claim, also of a drain that is running.
"""

import datetime as dt
import sys
from typing import Any

import click

from dunflow.commands.desk import (
    DATE,
    LOCAL,
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
    from dunflow.intake.holds import Hold, record_hold

    with desk(portfolio, now) as at:
        calendar = at.book.portfolio.calendar
        given = Hold(
            _holder(at, account, customer),
            kind,
            calendar.start_of(first.date()) if first else at.now,
            calendar.end_after(last.date() if last else None),
            at.now,
            by,
            reason,
        )
        number = record_hold(at.conn, at.portfolio_id, given)
    since = f"from {given.from_at.astimezone(at.book.portfolio.zone):%Y-%m-%d %H:%M}"
    until = "until it is released"
    if last and given.until_at:
        pack = at.book.floor.released_only.get(kind)
        by_day = f"until {last.date()}, included"
        until = f"{until}; by pack {pack} no day ends it" if pack else by_day
    say(
        json_,
        {"hold": number, "kind": kind, "from": given.from_at, "until": given.until_at},
        f"Hold {number} ({kind}) stands {since} {until}.",
    )


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
    from dunflow.ledger.tables import HOLD_KINDS

    if kind not in HOLD_KINDS:
        raise click.BadParameter(f"--kind is {kind!r}; use one of {', '.join(HOLD_KINDS)}")
    with desk(portfolio, now) as at:
        holder = _holder(at, account, customer)
        ended = release_holds(
            at.conn, at.book.floor, at.portfolio_id, holder, kind, at.now, by, reason
        )
    say(json_, {"released": ended, "kind": kind}, f"{ended} hold(s) of kind {kind} ended.")
    sys.exit(0 if ended else 1)


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
            by_whom = [number], points, source, at.now
            if not opt_outs.lift(at.conn, at.portfolio_id, [channel], *by_whom):
                raise DunflowError(
                    f"{customer} has not said no to {channel}, nor has the address that it reaches "
                    "now; so there is nothing to lift"
                )
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

    It is for the number or address that the channel reaches now; for another one it takes another.

    \b
    dunflow consent sunrise_instalment C77 voice --reason "signed form of 2026-02-01"
    dunflow consent sunrise_instalment C77 voice --revoke --reason "took it back on the phone"
    """
    from dunflow.intake.consents import Consent, record_consent, revoke_consents
    from dunflow.intake.holders import customer_of

    _require_channel(channel)
    with desk(portfolio, now) as at:
        grounds = at.book.floor.grounds
        if basis not in grounds:
            raise click.BadParameter(f"--basis is {basis!r}; use one of {', '.join(grounds)}")
        number = customer_of(at.conn, at.portfolio_id, customer)
        if revoke:
            source = f"{by}: {reason}"
            revoke_consents(at.conn, at.portfolio_id, [number], [channel], source, at.now)
        else:
            given = Consent(number, channel, basis, at.now, by, reason)
            record_consent(at.conn, at.portfolio_id, given)
    done = "is taken back" if revoke else f"is on file ({basis})"
    figures = {"customer": customer, "channel": channel, "consent": not revoke}
    say(json_, figures, f"The consent of {customer} to {channel} {done}.")


@click.command()
@click.argument("portfolio")
@click.argument("account")
@click.option("--at", "held", type=LOCAL, help="[default: just now]")
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
    from dunflow.intake.holders import account_of, owner_of
    from dunflow.remind.talks import record_talk

    with desk(portfolio, now) as at:
        account_id = account_of(at.conn, at.portfolio_id, account)
        owner = owner_of(at.conn, at.portfolio_id, account_id)
        if owner is None:
            raise DunflowError(
                f"account {account!r} is in no snapshot, so nobody's; load one first"
            )
        when = held.replace(tzinfo=at.book.portfolio.zone) if held else at.now
        if when > at.now:
            raise DunflowError(
                f"--at {held:%Y-%m-%d %H:%M} is yet to come; tell of a talk after it"
            )
        record_talk(at.conn, at.book, at.portfolio_id, owner, account_id, when, by, at.now)
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


COMMANDS = (hold, release, opt_out, consent, talked, reply)
