"""Whether no mandatory step was passed over."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Integer,
    Select,
    Text,
    and_,
    any_,
    case,
    exists,
    func,
    or_,
    select,
)

from dunflow.ledger.given import given
from dunflow.ledger.tables import DONE, contact, contact_account, decision, episode, run, waiver
from dunflow.report.proofs.scope import Scope, Version, decided

_AND = ","
"""Between the names that a step has had: what was done under one is done."""
_ANY = ""
"""In place of a step: a hand-off, which waits for all of them."""


def passed_over(scope: Scope) -> Select[int]:
    """Steps and hand-offs that were decided while a mandatory step was due and never done.

    By the policy of the run, and what had gone out when it ran; a waiver counts as done. Steps with
    a `when` are left out: what it said on that day, no table knows any more.
    """
    first = given(
        "first",
        {
            "policy_version_id": BigInteger,
            "tier": Text,
            "step": Text,
            "mandatory": Text,
            "at_dpd": Integer,
        },
        [row for version in scope.versions for row in _due_first(version)],
    )
    d, then = decision.c, episode
    names = any_(func.string_to_array(first.c.mandatory, _AND))
    done = exists().where(
        contact_account.c.account_id == d.account_id,
        contact_account.c.step == names,
        contact_account.c.dropped.is_(None),
        # An episode may have been split or joined since, by a date that was filled in.
        or_(
            contact_account.c.episode_id == d.episode_id,
            contact_account.c.ladder_episode_id == d.episode_id,
            contact_account.c.ladder_episode_id == then.c.episode_id,
        ),
        contact.c.contact_id == contact_account.c.contact_id,
        contact.c.accepted_at <= run.c.decided_at,
        # On a replayed clock what comes after a run, such as printing, bears its instant.
        or_(contact.c.state.in_(DONE), contact.c.ended_at >= run.c.decided_at),
    )
    waived = exists().where(
        waiver.c.account_id == d.account_id,
        waiver.c.step == names,
        waiver.c.waived_at <= run.c.decided_at,
    )
    return (
        select(d.account_id)
        .join(run, run.c.run_id == d.run_id)
        .join(
            first,
            and_(
                first.c.policy_version_id == run.c.policy_version_id,
                first.c.tier == d.tier,
                first.c.step == case((d.action == "send", d.step), else_=_ANY),
                first.c.at_dpd <= d.dpd,
            ),
        )
        .outerjoin(
            then,
            and_(
                then.c.account_id == d.account_id,
                d.business_date >= then.c.started_on,
                or_(then.c.ended_on.is_(None), then.c.ended_on > d.business_date),
            ),
        )
        .where(decided(scope), d.action.in_(("send", "hand_off")), ~done, ~waived)
    )


def _due_first(version: Version) -> list[dict[str, Any]]:
    """For each tier and step of a policy the mandatory steps that must not be due beside it."""
    policy = version.book.policy
    rows = []
    for rank, tier in enumerate(policy.tiers):
        within = [step for step in policy.ladder if policy.rank_of_step[step.step] <= rank]
        for number, must in enumerate(within):
            if not must.mandatory or must.when:
                continue
            # Mandatory steps go one after the other, the others only when none is due.
            waits = [
                step.step
                for place, step in enumerate(within)
                if step is not must and (place > number or not step.mandatory)
            ]
            rows += [
                {
                    "policy_version_id": version.number,
                    "tier": tier.tier,
                    "step": step,
                    "mandatory": _AND.join(must.names),
                    "at_dpd": must.at_dpd,
                }
                for step in (*waits, _ANY)
            ]
    return rows
