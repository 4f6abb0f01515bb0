"""Whether anything was sent that a right of the customer, a placement or a payment forbade."""

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    exists,
    false,
    func,
    literal,
    or_,
    select,
)

from dunflow.assess.collected import booked_since, collections, is_closed, owed_before
from dunflow.assess.holds import is_active
from dunflow.assess.ladder_rows import settled_at
from dunflow.assess.plans import is_current
from dunflow.assess.promises import promise_states
from dunflow.config.rights import ConsentRule, Cooldown, days_of
from dunflow.intake.earlier import TAKEN_IN
from dunflow.ledger.tables import (
    consent,
    contact,
    contact_account,
    conversation,
    dead_address,
    handback,
    hold,
    opt_out,
    payment,
    placement,
    placement_event,
    plan,
    promise,
    snapshot,
)
from dunflow.report.proofs.scope import Scope, known_as_one, planned_by, sent


def sent_on_hold(scope: Scope) -> Select[int]:
    """Also where the hold was recorded on another account, and a pack lets it bind the customer."""
    held = []
    for book, numbers in scope.ways(
        lambda book: (book.floor.customer_wide_holds, book.floor.released_only)
    ):
        wide = hold.c.kind.in_(sorted(book.floor.customer_wide_holds))
        active = exists().where(
            or_(
                hold.c.account_id == contact_account.c.account_id,
                hold.c.customer_id == contact.c.customer_id,
                and_(hold.c.of_customer_id == contact.c.customer_id, wide),
            ),
            hold.c.recorded_at <= contact.c.claimed_at,
            is_active(book.floor, contact.c.claimed_at),
        )
        held.append(and_(planned_by(numbers), active))
    return sent(scope).where(or_(false(), *held), known_as_one())


def sent_on_promise(scope: Scope) -> Select[int]:
    then = contact.c.claimed_at
    promised = exists().where(promise.c.account_id == contact_account.c.account_id)
    there = sent(scope).add_columns(then.label("at")).where(promised).distinct()
    pending = []
    for book, numbers in scope.ways(lambda book: book.policy.broken_promise_grace_days):
        asked = there.where(planned_by(numbers)).subquery("asked")
        states = promise_states(book, asked, as_known=True).subquery("states")
        waited_for = exists().where(
            states.c.account_id == contact_account.c.account_id,
            states.c.at == then,
            states.c.state == "pending",
        )
        pending.append(and_(planned_by(numbers), waited_for))
    return sent(scope).where(or_(false(), *pending))


def _known_then() -> ColumnElement[bool]:
    """The payments of which we knew when the contact went out: a feed may tell them days late."""
    return payment.c.recorded_at <= contact.c.claimed_at


def sent_on_plan(scope: Scope) -> Select[int]:
    kept = exists().where(
        plan.c.account_id == contact_account.c.account_id,
        plan.c.recorded_at <= contact.c.claimed_at,
        is_current(scope.book, contact.c.claimed_at, _known_then()),
    )
    return sent(scope).where(kept)


def sent_while_placed(scope: Scope) -> Select[int]:
    """What the system before gave away is known from when it was taken in."""
    taken_in = (
        select(func.max(placement_event.c.happened_at))
        .where(
            placement_event.c.placement_id == placement.c.placement_id,
            placement_event.c.event == TAKEN_IN,
        )
        .scalar_subquery()
    )
    active = exists().where(
        placement.c.account_id == contact_account.c.account_id,
        func.coalesce(taken_in, placement.c.proposed_at) <= contact.c.claimed_at,
        placement.c.state != "rejected",
        or_(placement.c.ended_at.is_(None), placement.c.ended_at > contact.c.claimed_at),
    )
    return sent(scope).where(active)


def sent_though_closed(scope: Scope) -> Select[int]:
    """By its episode: the next debt of the account is another one."""
    over = exists().where(
        placement.c.account_id == contact_account.c.account_id,
        placement.c.episode_id == contact_account.c.episode_id,
        is_closed(contact.c.claimed_at),
        placement.c.ended_at <= contact.c.claimed_at,
    )
    return sent(scope).where(over)


def sent_though_collected(scope: Scope) -> Select[int]:
    """By what receivers had told, and the core had booked, when the contact went out."""
    told = handback.c.received_at <= contact.c.claimed_at
    happened = handback.c.happened_at <= contact.c.claimed_at
    mine = (
        collections(scope.book, scope.portfolio_id)
        .where(
            told,
            happened,
            placement.c.account_id == contact_account.c.account_id,
            placement.c.episode_id == contact_account.c.episode_id,
            handback.c.currency == contact.c.currency,
        )
        .correlate(contact, contact_account)
        .lateral("mine")
    )
    booked = booked_since(scope.book, mine, payment.c.booked_at <= contact.c.claimed_at)
    due_on = (
        select(snapshot.c.due_on)
        .where(
            snapshot.c.portfolio_id == contact.c.portfolio_id,
            snapshot.c.business_date == contact.c.business_date,
            snapshot.c.account_id == contact_account.c.account_id,
        )
        .correlate(contact, contact_account)
        .scalar_subquery()
    )
    owed_then = owed_before(scope.portfolio_id, mine)
    floor = settled_at(scope.book.policy, contact.c.currency)
    paid = exists(
        select(mine.c.account_id).where(
            func.coalesce(due_on <= mine.c.until_on, True),
            contact_account.c.amount - (mine.c.amount - booked) <= floor,
            func.coalesce(owed_then - mine.c.amount <= floor, True),
        )
    )
    return sent(scope).where(paid)


def sent_after_opt_out(scope: Scope) -> Select[int]:
    said_no = exists().where(
        opt_out.c.portfolio_id == contact.c.portfolio_id,
        opt_out.c.channel == contact.c.channel,
        or_(
            opt_out.c.customer_id == contact.c.customer_id,
            opt_out.c.address == contact.c.address,
        ),
        opt_out.c.since_at <= contact.c.claimed_at,
        or_(opt_out.c.lifted_at.is_(None), opt_out.c.lifted_at > contact.c.claimed_at),
    )
    return sent(scope).where(said_no, known_as_one())


def sent_to_dead_address(scope: Scope) -> Select[int]:
    """Known before it was claimed: on a replayed clock, which stands still, a letter that shows its
    address to be of no use ends at the very instant of its claim."""
    known = exists().where(
        dead_address.c.portfolio_id == contact.c.portfolio_id,
        dead_address.c.channel == contact.c.channel,
        dead_address.c.address == contact.c.address,
        dead_address.c.since_at < contact.c.claimed_at,
    )
    return sent(scope).where(known)


def sent_without_consent(scope: Scope) -> Select[int]:
    """By channels for which the packs of then want a consent on file."""
    missing = [
        and_(planned_by(numbers), contact.c.channel.in_(rule.channels), ~_agreed(rule))
        for book, numbers in scope.ways(lambda book: book.floor.consent)
        for rule in book.floor.consent
    ]
    return sent(scope).where(or_(false(), *missing))


def _agreed(rule: ConsentRule) -> ColumnElement[bool]:
    """Addresses are not compared: those of before a certain version are not known, and of some who
    were let go they are gone."""
    agreed = exists().where(
        consent.c.customer_id == contact.c.customer_id,
        consent.c.channel == contact.c.channel,
        consent.c.basis.in_(rule.basis),
        consent.c.given_at <= contact.c.claimed_at,
        or_(
            consent.c.revoked_at.is_(None),
            consent.c.revoked_at > contact.c.claimed_at,
            consent.c.end_recorded_at > contact.c.claimed_at,
        ),
    )
    if rule.fresh_within is not None:
        days = func.make_interval(0, 0, 0, days_of(rule.fresh_within))
        agreed = agreed.where(consent.c.given_at + days > contact.c.claimed_at)
    return agreed


def sent_while_resting(scope: Scope) -> Select[int]:
    """Within the days of rest that the packs of then want after a talk."""
    resting = [
        and_(planned_by(numbers), contact.c.channel.in_(cooldown.channels), _talked(cooldown))
        for book, numbers in scope.ways(lambda book: book.floor.cooldowns)
        for cooldown in book.floor.cooldowns
    ]
    return sent(scope).where(or_(false(), *resting), known_as_one())


def _talked(cooldown: Cooldown) -> ColumnElement[bool]:
    talked = exists().where(
        conversation.c.customer_id == contact.c.customer_id,
        conversation.c.recorded_at <= contact.c.claimed_at,
        conversation.c.held_on <= contact.c.contact_on,
        conversation.c.held_on > contact.c.contact_on - literal(cooldown.days, Integer),
    )
    if cooldown.by == "debt":
        about = conversation.c.account_id
        talked = talked.where(or_(about.is_(None), about == contact.c.account_id))
    return talked


def sent_though_settled(scope: Scope) -> Select[int]:
    settled = [
        and_(
            planned_by(numbers),
            contact_account.c.amount <= settled_at(book.policy, contact.c.currency),
        )
        for book, numbers in scope.ways(lambda book: book.policy.settle_below)
    ]
    return sent(scope).where(or_(false(), *settled))
