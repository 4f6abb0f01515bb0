"""What the system before did: its contacts count for gaps, caps and steps, its placements stand.

Taken in before a portfolio goes live. An account that no day has assessed yet gets its episode
here, and the first day goes on with it.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Numeric,
    SmallInteger,
    TableClause,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert

from dunflow.assess.progress import local_day, refresh
from dunflow.decide.zones import place_key
from dunflow.intake.elsewhere import made_elsewhere, start_gaps, walls_of
from dunflow.intake.given import Given
from dunflow.ledger.references import bears_theirs
from dunflow.ledger.scratch import count_of, keep
from dunflow.ledger.tables import (
    PLACEMENT_ACTIVE,
    contact,
    contact_account,
    customer,
    episode,
    placement,
    placement_event,
)
from dunflow.remind import outbox

TAKEN_IN = "taken_in"
"""The event of a placement that was made in the system before: only then did we know of it."""


def take_earlier_contacts(given: Given) -> int:
    """Keep contacts that were made elsewhere, each once; how many were new.

    One with a `step` has done it in the account's open episode; any starts the gap and counts for
    the caps. What did not arrive has done nothing.
    """
    r = given.rows.c
    reference = cast(literal(given.portfolio_id), Text) + literal(":", Text) + r.ref
    known = exists().where(bears_theirs(reference))
    new = keep(
        given.conn,
        "earlier",
        select(
            given.rows, reference.label("reference"), local_day(given.book, r.sent_at).label("day")
        )
        .ext(distinct_on(r.ref))
        .where(~known)
        .order_by(r.ref, r.line),
    )
    _ensure_episodes(given, new)
    _cancel_planned(given, new)
    given.conn.execute(_contacts(given, new))
    given.conn.execute(_covered(new))
    start_gaps(given.conn, select(new.c.account, new.c.sent_at))
    stepped = select(episode.c.episode_id).where(
        episode.c.ended_on.is_(None), episode.c.account_id.in_(select(new.c.account))
    )
    refresh(given.conn, given.book, stepped)
    return count_of(given.conn, new)


def take_earlier_placements(given: Given) -> int:
    """Keep what was given away before, each once; how many were new.

    What is still away is left alone and can be recalled; what came back is not proposed again to
    the same receiver.
    """
    new = given.fresh("earlier_placements")
    day = local_day(given.book, new.c.placed_at)
    named = keep(given.conn, "placed_before", select(new, day.label("day")))
    _ensure_episodes(given, named)
    n = named.c
    state = func.coalesce(n.state, literal("exported", Text))
    away = state.in_(PLACEMENT_ACTIVE)
    columns: dict[str, ColumnElement[Any]] = {
        "portfolio_id": given.portfolio,
        "account_id": n.account,
        "customer_id": n.owner,
        "episode_id": episode.c.episode_id,
        "business_date": n.day,
        "destination": n.destination,
        "state": state,
        "reason": literal("system before", Text),
        "amount": n.amount,
        "currency": n.currency,
        "told_amount": n.amount,
        "proposed_at": n.placed_at,
        "exported_at": n.placed_at,
        "ended_at": case((~away, n.ended_at)),
    }
    of_account = and_(episode.c.account_id == n.account, episode.c.ended_on.is_(None))
    rows = select(*columns.values()).join_from(named, episode, of_account).order_by(n.placed_at)
    written = (
        insert(placement)
        .from_select(list(columns), rows)
        .on_conflict_do_nothing()
        .returning(placement.c.placement_id, placement.c.state, placement.c.exported_at)
        .cte("written")
    )
    w, by = written.c, literal(given.by)
    told = union_all(
        select(w.placement_id, w.state.label("event"), w.exported_at.label("at"), by),
        select(w.placement_id, literal(TAKEN_IN, Text), literal(given.now), by),
    )
    names = ["placement_id", "event", "happened_at", "told_by"]
    noted = insert(placement_event).from_select(names, told).add_cte(written)
    return given.conn.execute(noted.execution_options(preserve_rowcount=True)).rowcount // 2


def _ensure_episodes(given: Given, new: TableClause) -> None:
    """An open episode for each account, from its earliest `day` on where there is none yet."""
    has_one = exists().where(episode.c.account_id == new.c.account, episode.c.ended_on.is_(None))
    rows = (
        select(given.portfolio, new.c.account, func.min(new.c.day))
        .where(~has_one)
        .group_by(new.c.account)
    )
    names = ["portfolio_id", "account_id", "started_on"]
    given.conn.execute(insert(episode).from_select(names, rows))


def _cancel_planned(given: Given, new: TableClause) -> None:
    """What was planned without knowing of these contacts; the next run decides anew."""
    theirs = select(contact_account.c.contact_id).where(
        contact_account.c.account_id.in_(select(new.c.account))
    )
    which = contact.c.contact_id.in_(theirs)
    outbox.cancel(given.conn, given.portfolio_id, which, "earlier_contact", given.now)


def _contacts(given: Given, new: TableClause) -> Any:
    n = new.c
    walls = walls_of(given.conn, given.book, select(n.customer), given.now)
    arrived = func.coalesce(n.arrived, True)
    columns: dict[str, ColumnElement[Any]] = {
        "customer_id": n.customer,
        "account_id": n.account,
        "reference": n.reference,
        "step": func.coalesce(n.step, ""),
        "channel": n.channel,
        "state": case((arrived, literal("delivered", Text)), else_=literal("undelivered", Text)),
        "reason": literal("system before", Text),
        "address": n.address,
        **made_elsewhere(given.book, given.portfolio_id, n.sent_at, walls),
    }
    rows = (
        select(*columns.values())
        .join_from(new, customer, customer.c.customer_id == n.customer)
        .join(walls, walls.c.place == place_key(given.book.floor))
        .order_by(n.sent_at, n.ref)
    )
    return insert(contact).from_select(list(columns), rows)


def _covered(new: TableClause) -> Any:
    n, covers = new.c, contact_account.c
    arrived = func.coalesce(n.arrived, True)
    done = and_(n.step.is_not(None), arrived)
    step = case((done, n.step))
    before = (
        select(func.coalesce(func.max(covers.repetition) + 1, 0))
        .where(covers.episode_id == episode.c.episode_id, covers.step == n.step, covers.occupies)
        .correlate(episode, new)
        .scalar_subquery()
    )
    nth = func.row_number().over(
        partition_by=[episode.c.episode_id, step], order_by=[n.sent_at, n.ref]
    )
    columns: dict[str, ColumnElement[Any]] = {
        "contact_id": contact.c.contact_id,
        "account_id": n.account,
        "episode_id": episode.c.episode_id,
        "ladder_episode_id": episode.c.episode_id,
        "step": step,
        "repetition": case((done, cast(before + nth - 1, SmallInteger))),
        "amount": literal(0, Numeric),
        "occupies": arrived,
    }
    rows = (
        select(*columns.values())
        .join_from(new, contact, bears_theirs(n.reference))
        .join(episode, and_(episode.c.account_id == n.account, episode.c.ended_on.is_(None)))
    )
    return insert(contact_account).from_select(list(columns), rows)
