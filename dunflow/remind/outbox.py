"""The outbox as a whole: what ends by itself, what comes next, how much there is of what."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on

from dunflow.config.book import Book
from dunflow.ledger.given import among
from dunflow.ledger.tables import contact, contact_account, load, run, sender_fault
from dunflow.remind import brake, rates
from dunflow.remind.senders.listed import LISTED
from dunflow.remind.wording import UNWORDED


def expire_older(
    conn: Connection, portfolio_id: int, business_date: dt.date, now: dt.datetime
) -> None:
    """End the planned contacts of dates before this one: it decides anew, on fresh facts."""
    _expire(conn, portfolio_id, contact.c.business_date < business_date, now)


def cancel(
    conn: Connection, portfolio_id: int, which: ColumnElement[bool], reason: str, now: dt.datetime
) -> None:
    """Cancel the planned contacts of `which`: what they were planned on holds no longer."""
    _end_planned(conn, portfolio_id, which, "cancelled", literal(reason, Text), now)


def is_trusted() -> ColumnElement[bool]:
    """Whether the contact's date may be gone by. Loaded again, it waits for the gate; refused, for
    a person or for better rows: what an earlier run planned waits with it."""
    return ~exists().where(
        load.c.portfolio_id == contact.c.portfolio_id,
        load.c.business_date == contact.c.business_date,
        load.c.state != "accepted",
    )


def sweep(conn: Connection, portfolio_id: int, now: dt.datetime) -> None:
    """End what has lived its time, and take up what a dead worker left behind.

    Whether a provider has a message of a worker that died is unknown, so it is in doubt, and never
    sent again without asking. What is only listed is nowhere but here: it is planned as before.
    """
    left = and_(
        contact.c.portfolio_id == portfolio_id,
        contact.c.state == "claimed",
        contact.c.lease_until_at <= now,
    )
    unlisted = conn.execute(
        update(contact)
        .where(left, contact.c.channel.in_(LISTED))
        .values(state="planned", lease_until_at=None)
        .returning(contact.c.contact_id)
    )
    end_overtaken(conn, portfolio_id, list(unlisted.scalars()), now)
    _expire(conn, portfolio_id, contact.c.expires_at <= now, now)
    conn.execute(
        update(contact)
        .where(left)
        # Asked at once: since the claim more time has passed than any call takes.
        .values(state="in_doubt", reason="lease", lease_until_at=None, ask_at=now, asked=0)
    )


def next_due(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date | None,
    channels: list[str],
    now: dt.datetime,
    *,
    results: bool = True,
    sends: bool = True,
) -> dt.datetime | None:
    """The earliest instant at which there is something to do; None: nothing waits.

    A planned contact may go out (if anything `sends`), the lease of a dead worker has run out, or a
    provider is to be asked. Of one business date, or of all; `results`: also for what became of
    accepted ones.
    """
    asked = ("in_doubt", "accepted") if results else ("in_doubt",)
    halted = brake.halted(conn, portfolio_id, channels)
    fault = sender_fault.alias("fault")
    free_at = (
        select(fault.c.try_at)
        .where(fault.c.portfolio_id == portfolio_id, fault.c.channel == contact.c.channel)
        .scalar_subquery()
    )
    due = case(
        (contact.c.state == "planned", func.greatest(contact.c.not_before_at, free_at)),
        (contact.c.state == "claimed", contact.c.lease_until_at),
        (
            contact.c.channel == "email",
            func.greatest(contact.c.ask_at, rates.next_query_at(book, now)),
        ),
        else_=contact.c.ask_at,
    )
    can_go = and_(
        contact.c.state == "planned",
        contact.c.channel.not_in(halted),
        due < contact.c.expires_at,
        # No passing of time mends a template.
        contact.c.reason.is_distinct_from(UNWORDED),
        is_trusted(),
    )
    waiting = select(func.min(due)).where(
        contact.c.portfolio_id == portfolio_id,
        contact.c.channel.in_(channels),
        or_(
            *([can_go] if sends else []),
            contact.c.state == "claimed",
            and_(contact.c.state.in_(asked), contact.c.ask_at.is_not(None)),
        ),
    )
    if business_date is not None:
        waiting = waiting.where(contact.c.business_date == business_date)
    instant: dt.datetime | None = conn.execute(waiting).scalar()
    return instant


def open_channels(conn: Connection, portfolio_id: int) -> set[str]:
    """The channels by which something is still to go out, or to be asked about."""
    is_open = or_(
        contact.c.state.in_(("planned", "claimed", "in_doubt")), contact.c.ask_at.is_not(None)
    )
    found = select(contact.c.channel).where(contact.c.portfolio_id == portfolio_id, is_open)
    return set(conn.execute(found.distinct()).scalars())


def held_up(
    conn: Connection, portfolio_id: int, channels: list[str], now: dt.datetime
) -> dict[str, str]:
    """channel → why its sender is at fault, where that holds contacts up that could go out now, or
    took those that seemed to have gone out."""
    rows = conn.execute(
        select(sender_fault.c.channel, sender_fault.c.why).where(
            sender_fault.c.portfolio_id == portfolio_id,
            sender_fault.c.channel.in_(channels),
            or_(
                sender_fault.c.told_later,
                select(contact.c.contact_id)
                .where(
                    contact.c.portfolio_id == portfolio_id,
                    contact.c.channel == sender_fault.c.channel,
                    contact.c.state == "planned",
                    contact.c.not_before_at <= now,
                    contact.c.expires_at > now,
                )
                .exists(),
            ),
        )
    )
    return dict(rows.all())


def states(
    conn: Connection, portfolio_id: int, business_date: dt.date, channels: list[str] | None = None
) -> dict[str, int]:
    """The date's contacts: state → count. Ours, not those of agencies or of the system before."""
    counted = (
        select(contact.c.state, func.count())
        .where(
            contact.c.portfolio_id == portfolio_id,
            contact.c.business_date == business_date,
            contact.c.run_id.is_not(None),
        )
        .group_by(contact.c.state)
        .order_by(contact.c.state)
    )
    if channels is not None:
        counted = counted.where(contact.c.channel.in_(channels))
    return dict(conn.execute(counted).all())


def end_overtaken(
    conn: Connection, portfolio_id: int, contacts: list[int], now: dt.datetime
) -> None:
    """End those of these planned contacts whose date lives no more."""
    if contacts:
        _expire(conn, portfolio_id, contact.c.contact_id.in_(contacts) & _is_over(now), now)


def _is_over(now: dt.datetime) -> ColumnElement[bool]:
    """Whether the contact's date lives no more: its time has come, or a newer date has run."""
    return or_(
        contact.c.expires_at <= now,
        exists().where(
            run.c.portfolio_id == contact.c.portfolio_id,
            run.c.business_date > contact.c.business_date,
        ),
    )


def plan_again(conn: Connection, which: ColumnElement[bool], now: dt.datetime) -> str | None:
    """This one contact never arrived: it goes out again, if its date still lives.

    The state that it has now; None if `which` holds no longer.
    """
    over = _is_over(now)
    moved = conn.execute(
        update(contact)
        .where(which)
        .values(
            state=case((over, literal("expired", Text)), else_=literal("planned", Text)),
            reason=case((over, literal("expired", Text)), else_=null()),
            ended_at=case((over, literal(now)), else_=null()),
            not_before_at=func.greatest(contact.c.not_before_at, now),
            ask_at=None,
            asked=0,
        )
        .returning(contact.c.contact_id, contact.c.state)
    ).first()
    if moved is None:
        return None
    if moved.state == "expired":
        make_room(conn, [moved.contact_id])
    return str(moved.state)


def lock_in_order(conn: Connection, contacts: Collection[int]) -> None:
    """Keep others from these contacts for the rest of this transaction: in one order for all who
    write down what became of several at once, so that nobody waits in a ring."""
    conn.execute(
        select(contact.c.contact_id)
        .where(among(contact.c.contact_id, sorted(contacts)))
        .order_by(contact.c.contact_id)
        .with_for_update()
    )


def take_room(conn: Connection, contacts: list[int]) -> None:
    """These contacts turned out to have been sent: they take their steps, where those are free."""
    if not contacts:
        return
    other = contact_account.alias("other")
    taken = exists().where(
        other.c.episode_id == contact_account.c.episode_id,
        other.c.step == contact_account.c.step,
        other.c.repetition == contact_account.c.repetition,
        other.c.occupies,
    )
    # Two of one step may both turn out to have been sent: the first one takes it.
    free = (
        select(contact_account.c.contact_id, contact_account.c.account_id)
        .where(
            among(contact_account.c.contact_id, contacts),
            contact_account.c.dropped.is_(None),
            ~contact_account.c.occupies,
            ~taken,
        )
        .ext(
            distinct_on(
                contact_account.c.episode_id, contact_account.c.step, contact_account.c.repetition
            )
        )
        .order_by(
            contact_account.c.episode_id,
            contact_account.c.step,
            contact_account.c.repetition,
            contact_account.c.contact_id,
        )
        .subquery("free")
    )
    conn.execute(
        update(contact_account)
        .where(
            contact_account.c.contact_id == free.c.contact_id,
            contact_account.c.account_id == free.c.account_id,
        )
        .values(occupies=True)
    )


def make_room(conn: Connection, contacts: list[int]) -> None:
    """These contacts ended without being done: their steps are free to be decided again."""
    if not contacts:
        return
    conn.execute(
        update(contact_account)
        .where(among(contact_account.c.contact_id, contacts))
        .values(occupies=False)
    )


def _expire(
    conn: Connection, portfolio_id: int, which: ColumnElement[bool], now: dt.datetime
) -> None:
    why = func.coalesce(contact.c.reason, "expired")
    _end_planned(conn, portfolio_id, which, "expired", why, now)


def _end_planned(
    conn: Connection,
    portfolio_id: int,
    which: ColumnElement[bool],
    state: str,
    reason: ColumnElement[str],
    now: dt.datetime,
) -> None:
    ended = (
        update(contact)
        .where(contact.c.portfolio_id == portfolio_id, contact.c.state == "planned", which)
        .values(state=state, reason=reason, ended_at=now)
        .returning(contact.c.contact_id)
        .cte("ended")
    )
    conn.execute(
        update(contact_account)
        .where(contact_account.c.contact_id.in_(select(ended.c.contact_id)))
        .values(occupies=False)
        .add_cte(ended)
    )
