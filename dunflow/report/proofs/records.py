"""Whether each account of each date has its row, and each contact its decision."""

import datetime as dt
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB

from dunflow.ledger.tables import (
    NOT_SENT,
    account,
    contact,
    contact_account,
    customer,
    decision,
    decision_replaced,
    episode,
    load,
    placement,
    run,
    snapshot,
    waiver,
)
from dunflow.report.proofs.scope import Scope, contacted, decided


def without_decision(scope: Scope) -> Select[int]:
    ran = exists().where(
        run.c.portfolio_id == snapshot.c.portfolio_id,
        run.c.business_date == snapshot.c.business_date,
    )
    has = exists().where(
        decision.c.portfolio_id == snapshot.c.portfolio_id,
        decision.c.business_date == snapshot.c.business_date,
        decision.c.account_id == snapshot.c.account_id,
    )
    return select(snapshot.c.account_id).where(
        snapshot.c.portfolio_id == scope.portfolio_id,
        snapshot.c.business_date.between(scope.first, scope.last),
        ran,
        ~has,
        ~_waits_for_a_person(snapshot.c.portfolio_id, snapshot.c.business_date),
    )


def _waits_for_a_person(
    portfolio_id: ColumnElement[int], business_date: ColumnElement[dt.date]
) -> ColumnElement[bool]:
    """The date came again and was not trusted: its rows have no decisions yet, and its decisions
    are about other rows."""
    return exists().where(
        load.c.portfolio_id == portfolio_id,
        load.c.business_date == business_date,
        load.c.state != "accepted",
    )


def without_reason_to_be(scope: Scope) -> Select[int]:
    """Rows of accounts that the date's snapshot does not have, and that say not why."""
    seen = exists().where(
        snapshot.c.portfolio_id == decision.c.portfolio_id,
        snapshot.c.business_date == decision.c.business_date,
        snapshot.c.account_id == decision.c.account_id,
    )
    return select(decision.c.account_id).where(
        decided(scope),
        ~seen,
        decision.c.reason.not_in(("quarantined", "cured")),
        ~_stands_from_before(),
        ~_waits_for_a_person(decision.c.portfolio_id, decision.c.business_date),
    )


def _stands_from_before() -> ColumnElement[bool]:
    """The extract was corrected and the date run again: all stands if that was late, and else what
    had led to something."""
    named, newer = contact_account.c, run.alias("newer")
    contacted_then = exists().where(
        named.account_id == decision.c.account_id,
        named.contact_id == contact.c.contact_id,
        contact.c.portfolio_id == decision.c.portfolio_id,
        contact.c.business_date == decision.c.business_date,
    )
    proposed_then = exists().where(
        placement.c.account_id == decision.c.account_id,
        placement.c.portfolio_id == decision.c.portfolio_id,
        placement.c.business_date == decision.c.business_date,
    )
    return exists().where(
        newer.c.portfolio_id == decision.c.portfolio_id,
        newer.c.business_date == decision.c.business_date,
        newer.c.run_id > decision.c.run_id,
        or_(newer.c.late, contacted_then, proposed_then),
    )


def run_counts_wrong(scope: Scope) -> Select[int]:
    """Runs that count other rows than they wrote: those that stand, and those replaced since."""
    rows = union_all(
        *[
            select(each.c.run_id, each.c.action).where(
                each.c.portfolio_id == scope.portfolio_id,
                each.c.business_date.between(scope.first, scope.last),
            )
            for each in (decision, decision_replaced)
        ]
    ).subquery("rows")
    counted = (
        select(rows.c.run_id, rows.c.action, func.count().label("times"))
        .group_by(rows.c.run_id, rows.c.action)
        .subquery("counted")
    )
    wrote = (
        select(
            counted.c.run_id,
            func.jsonb_object_agg(counted.c.action, counted.c.times, type_=JSONB).label("decided"),
        )
        .group_by(counted.c.run_id)
        .subquery("wrote")
    )
    nothing = cast(literal("{}", Text), JSONB)
    return (
        select(cast(null(), Integer).label("account_id"))
        .select_from(run)
        .join(load, _kept(run.c.portfolio_id, run.c.business_date))
        .outerjoin(wrote, wrote.c.run_id == run.c.run_id)
        .where(
            run.c.portfolio_id == scope.portfolio_id,
            run.c.business_date.between(scope.first, scope.last),
            run.c.decided != func.coalesce(wrote.c.decided, nothing),
        )
    )


def _kept(
    portfolio_id: ColumnElement[int], business_date: ColumnElement[dt.date]
) -> ColumnElement[bool]:
    """Of a date that was let go (retain/age.py) only a part of the rows is left, and no load."""
    return and_(load.c.portfolio_id == portfolio_id, load.c.business_date == business_date)


def sent_without_decision(scope: Scope) -> Select[int]:
    def said(table: Any) -> ColumnElement[bool]:
        return exists().where(
            table.c.portfolio_id == contact.c.portfolio_id,
            table.c.business_date == contact.c.business_date,
            table.c.account_id == contact.c.account_id,
            table.c.action == "send",
        )

    kept = exists().where(_kept(contact.c.portfolio_id, contact.c.business_date))
    return select(contact.c.account_id).where(
        contacted(scope), kept, ~said(decision), ~said(decision_replaced)
    )


def decided_without_contact(scope: Scope) -> Select[int]:
    there = exists().where(
        contact.c.portfolio_id == decision.c.portfolio_id,
        contact.c.business_date == decision.c.business_date,
        contact.c.contact_id == contact_account.c.contact_id,
        contact_account.c.account_id == decision.c.account_id,
        contact_account.c.step == decision.c.step,
    )
    return select(decision.c.account_id).where(decided(scope), decision.c.action == "send", ~there)


def step_not_named(scope: Scope) -> Select[int]:
    """Rows about a step that was due, and that don't say which."""
    return select(decision.c.account_id).where(
        decided(scope), decision.c.action.in_(("send", "suppress")), decision.c.step.is_(None)
    )


def ended_without_reason(scope: Scope) -> Select[int]:
    """Contacts that did not go out, and that don't say why."""
    return select(contact.c.account_id).where(
        contacted(scope),
        contact.c.state.in_(NOT_SENT),
        contact.c.reason.is_(None),
        contact.c.error_code.is_(None),
    )


def late_but_planned(scope: Scope) -> Select[int]:
    return (
        select(contact.c.account_id)
        .join(run, run.c.run_id == contact.c.run_id)
        .where(contacted(scope), run.c.late)
    )


def pointing_nowhere(scope: Scope) -> CompoundSelect[Any]:
    """Rows whose numbers no table knows: these tables have no foreign keys (ledger/tables)."""

    def known(number: Column[int], there: Column[int]) -> ColumnElement[bool]:
        return exists().where(there == number)

    def of_its_episode(
        number: Column[int], account_id: Column[int], date: ColumnElement[dt.date]
    ) -> ColumnElement[bool]:
        """Or of none any more: the extract was corrected, and owes nothing on that date."""
        covers = exists().where(
            episode.c.account_id == account_id,
            episode.c.started_on <= date,
            or_(episode.c.ended_on.is_(None), episode.c.ended_on > date),
        )
        return or_(known(number, episode.c.episode_id), ~covers)

    mine = (
        select(contact.c.contact_id, contact.c.business_date)
        .where(contacted(scope))
        .subquery("mine")
    )
    named = contact_account.c
    return union_all(
        select(contact.c.account_id).where(
            contacted(scope),
            ~and_(
                known(contact.c.account_id, account.c.account_id),
                known(contact.c.customer_id, customer.c.customer_id),
                known(contact.c.run_id, run.c.run_id),
                exists().where(
                    named.contact_id == contact.c.contact_id,
                    named.account_id == contact.c.account_id,
                ),
            ),
        ),
        select(named.account_id)
        .join(mine, mine.c.contact_id == named.contact_id)
        .where(
            ~and_(
                known(named.account_id, account.c.account_id),
                of_its_episode(named.ladder_episode_id, named.account_id, mine.c.business_date),
            )
        ),
        select(episode.c.account_id).where(
            episode.c.portfolio_id == scope.portfolio_id,
            ~known(episode.c.account_id, account.c.account_id),
        ),
        select(waiver.c.account_id).where(
            waiver.c.portfolio_id == scope.portfolio_id,
            ~of_its_episode(waiver.c.episode_id, waiver.c.account_id, waiver.c.business_date),
        ),
        select(placement.c.account_id).where(
            placement.c.portfolio_id == scope.portfolio_id,
            ~and_(
                known(placement.c.account_id, account.c.account_id),
                of_its_episode(
                    placement.c.episode_id, placement.c.account_id, placement.c.business_date
                ),
            ),
        ),
    )
