"""Whether nothing was given away, and no step passed, against what must come before."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    Text,
    and_,
    any_,
    case,
    column,
    exists,
    false,
    func,
    or_,
    select,
    union_all,
    values,
)
from sqlalchemy import type_coerce as coerce

from dunflow.assess.holds import is_active
from dunflow.assess.printed import noticed_at, went_at
from dunflow.assess.progress import local_day
from dunflow.config.pack import Floor
from dunflow.ledger.owners import person_of
from dunflow.ledger.tables import (
    DONE,
    NOT_AGAIN,
    contact,
    contact_account,
    customer,
    decision,
    hold,
    merger,
    package,
    package_line,
    placement,
    placement_event,
    run,
    snapshot,
    waiver,
)
from dunflow.report.proofs.scope import Scope, Version, decided_for


def before_notice(scope: Scope) -> Select[int]:
    """Placements that left, and were proposed before the step that their rule waits for went out
    long enough ago, to whom the account was then.

    By the policy of the run; a waiver stands for the step where no pack asked for it.
    """
    rows = [row for version in scope.versions for row in _rules(version)]
    rules = (
        values(
            column("policy_version_id", BigInteger),
            column("destination", Text),
            column("names", ARRAY(Text)),
            column("days", Integer),
            column("asked", Boolean),
            column("must_arrive", Boolean),
            name="rule",
        )
        .data(rows or [(0, "", [], 0, False, False)])
        .alias("rule")
    )
    given_at = case(
        (rules.c.must_arrive, noticed_at(must_arrive=True)),
        (rules.c.asked, noticed_at(must_arrive=False)),
        else_=went_at(),
    )
    heard, owner = customer.alias("heard"), customer.alias("owner")
    decided_on = local_day(scope.book, run.c.decided_at)
    given = exists().where(
        contact_account.c.contact_id == contact.c.contact_id,
        contact_account.c.account_id == placement.c.account_id,
        contact_account.c.step == any_(rules.c.names),
        contact_account.c.dropped.is_(None),
        heard.c.customer_id == contact.c.customer_id,
        person_of(heard) == person_of(owner),
        # On a replayed clock what comes after a run, such as printing, bears its instant.
        or_(contact.c.state.in_(DONE), contact.c.ended_at >= run.c.decided_at),
        given_at <= run.c.decided_at,
        coerce(decided_on - local_day(scope.book, given_at), Integer) >= rules.c.days,
    )
    passed = exists().where(
        ~rules.c.asked,
        waiver.c.account_id == placement.c.account_id,
        waiver.c.step == any_(rules.c.names),
        coerce(decided_on - local_day(scope.book, waiver.c.waived_at), Integer) >= rules.c.days,
    )
    return (
        select(placement.c.account_id)
        .join(run, run.c.run_id == placement.c.run_id)
        .join(
            rules,
            and_(
                rules.c.policy_version_id == run.c.policy_version_id,
                rules.c.destination == placement.c.destination,
            ),
        )
        .join(decision, decided_for(decision, placement))
        .join(
            owner,
            owner.c.customer_id == func.coalesce(placement.c.customer_id, decision.c.customer_id),
        )
        .where(
            placement.c.portfolio_id == scope.portfolio_id,
            placement.c.business_date.between(scope.first, scope.last),
            placement.c.exported_at.is_not(None),
            ~given,
            ~passed,
        )
    )


def _rules(version: Version) -> list[tuple[int, str, list[str], int, bool, bool]]:
    rows = []
    for rule in version.book.policy.hand_off:
        if rule.after:
            kind = version.book.portfolio.destination(rule.to).kind
            asked = bool(version.book.floor.notice_asked_by(kind))
            must_arrive = version.book.floor.notice_must_arrive(kind)
            names = _names(version, rule.after.step)
            rows.append((version.number, rule.to, names, rule.after.days, asked, must_arrive))
    return rows


def _names(version: Version, step: str) -> list[str]:
    """The step's name, and those that it had before: what was done under those is done."""
    return next(each.names for each in version.book.policy.ladder if each.step == step)


def given_unapproved(scope: Scope) -> Select[int]:
    """Accounts that left before anybody had approved it; those of the system before left there."""
    return select(placement.c.account_id).where(_left(scope), ~_was("approved"))


def _left(scope: Scope) -> ColumnElement[bool]:
    """Whether it was proposed here, by a run or a person, and has left."""
    return and_(
        placement.c.portfolio_id == scope.portfolio_id,
        placement.c.business_date.between(scope.first, scope.last),
        placement.c.exported_at.is_not(None),
        or_(placement.c.run_id.is_not(None), _was("proposed")),
    )


def _was(event: str) -> ColumnElement[bool]:
    return exists().where(
        placement_event.c.placement_id == placement.c.placement_id,
        placement_event.c.event == event,
        placement_event.c.happened_at <= placement.c.exported_at,
    )


def given_on_hold(scope: Scope) -> CompoundSelect[int]:
    """Accounts that left though they, or their customer, were on a hold as the package was made."""
    at = func.coalesce(package.c.made_at, placement.c.exported_at)
    s = snapshot.c
    left = (
        select(placement.c.account_id)
        .select_from(placement)
        .outerjoin(
            package_line,
            and_(
                package_line.c.placement_id == placement.c.placement_id,
                package_line.c.kind == "placement",
            ),
        )
        .outerjoin(package, package.c.package_id == package_line.c.package_id)
        .where(_left(scope))
    )
    # Nobody wrote down by which packs a package was made, and so whether a last day ended a hold.
    known = and_(hold.c.recorded_at < at, is_active(Floor(packs=[]), at))
    merged_later = exists().where(merger.c.into_id == s.customer_id, merger.c.merged_at > at)
    return union_all(
        left.join(hold, hold.c.account_id == placement.c.account_id).where(known),
        left.join(
            snapshot,
            and_(
                s.portfolio_id == placement.c.portfolio_id,
                s.business_date
                == func.coalesce(package.c.business_date, placement.c.business_date),
                s.account_id == placement.c.account_id,
            ),
        )
        .join(hold, hold.c.customer_id == s.customer_id)
        .where(known, ~merged_later),
    )


def proposed_against_word(scope: Scope) -> Select[int]:
    """Accounts that a run proposed to a receiver who had them in this episode, or was refused them.

    It must have been one episode when it was proposed, too: dates that come later may join two.
    """
    before, then, now = placement.alias("before"), decision.alias("then"), decision.alias("now")
    return (
        select(placement.c.account_id)
        .join(
            before,
            and_(
                before.c.account_id == placement.c.account_id,
                before.c.destination == placement.c.destination,
                before.c.episode_id == placement.c.episode_id,
            ),
        )
        .join(now, decided_for(now, placement))
        .join(then, decided_for(then, before))
        .where(
            placement.c.portfolio_id == scope.portfolio_id,
            placement.c.business_date.between(scope.first, scope.last),
            placement.c.run_id.is_not(None),
            before.c.placement_id != placement.c.placement_id,
            before.c.state.in_(NOT_AGAIN),
            before.c.ended_at <= placement.c.proposed_at,
            now.c.episode_id == then.c.episode_id,
        )
    )


def waived_though_demanded(scope: Scope) -> Select[int]:
    """Waivers of steps that the packs of their day demanded."""
    demanded = [
        and_(run.c.policy_version_id == version.number, waiver.c.step.in_(step.names))
        for version in scope.versions
        for step in version.book.policy.ladder
        if version.book.demands(step.step)
    ]
    of_day = and_(
        run.c.portfolio_id == waiver.c.portfolio_id, run.c.business_date == waiver.c.business_date
    )
    return (
        select(waiver.c.account_id)
        .join(run, of_day)
        .where(
            waiver.c.portfolio_id == scope.portfolio_id,
            waiver.c.business_date.between(scope.first, scope.last),
            or_(false(), *demanded),
        )
    )
