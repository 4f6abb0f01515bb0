"""Proves the promises on the ledger: each check looks for rows that would break one."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from dunflow.config.book import Book
from dunflow.config.policy import Policy
from dunflow.ledger.tables import (
    account,
    policy_version,
)
from dunflow.report.proofs.contacts import (
    customer_twice_a_day,
    done_too_often,
    key_not_kept,
    outside_hours,
    over_cap,
    twice_a_day,
    within_gap,
)
from dunflow.report.proofs.episodes import episodes_overlap, progress_wrong, unknown_but_cured
from dunflow.report.proofs.people import (
    sent_after_opt_out,
    sent_on_hold,
    sent_though_settled,
    sent_while_placed,
)
from dunflow.report.proofs.records import (
    counts_wrong,
    decided_without_contact,
    late_but_planned,
    pointing_nowhere,
    sent_without_decision,
    without_decision,
    without_reason_to_be,
)
from dunflow.report.proofs.scope import Check, Scope

SAMPLES = 5


@dataclass(frozen=True)
class Checked:
    """One promise: how many rows break it (0: it holds), and a few account ids of those."""

    promise: str
    broken: int
    accounts: list[str]


def audit(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    first: dt.date = dt.date.min,
    last: dt.date = dt.date.max,
) -> list[Checked]:
    """Every promise that the ledger can prove, checked over these business dates."""
    scope = Scope(book, portfolio_id, first, last, _gaps(conn, portfolio_id))
    checked = []
    for promise, check in CHECKS.items():
        broken = check(scope).subquery("broken")
        checked.append(_checked(conn, promise, broken))
    for cap in book.floor.caps:
        broken = over_cap(scope, cap).subquery("broken")
        checked.append(_checked(conn, f"no customer was contacted over cap {cap.id}", broken))
    outside = list(outside_hours(conn, scope))
    within = "everything went out within contact hours"
    return [*checked, Checked(within, len(outside), outside[:SAMPLES])]


def _gaps(conn: Connection, portfolio_id: int) -> list[tuple[int, str, int]]:
    versions = conn.execute(
        select(policy_version.c.policy_version_id, policy_version.c.document).where(
            policy_version.c.portfolio_id == portfolio_id
        )
    )
    found = []
    for number, document in versions:
        policy = Policy.model_validate(document["policy"])
        found += [(number, step.step, step.gap_days or policy.gap_days) for step in policy.ladder]
    return found


def _checked(conn: Connection, promise: str, broken: Any) -> Checked:
    count: int = conn.execute(select(func.count()).select_from(broken)).scalar_one()
    names = conn.execute(
        select(account.c.account_ref)
        .where(account.c.account_id.in_(select(broken.c.account_id)))
        .order_by(account.c.account_ref)
        .limit(SAMPLES)
    )
    return Checked(promise, count, list(names.scalars()))


CHECKS: dict[str, Check] = {
    "each account of a snapshot has its decision": without_decision,
    "each decision is about an account of the snapshot, an unreadable or a cured one": (
        without_reason_to_be
    ),
    "each load counts what its snapshot holds": counts_wrong,
    "each contact was decided": sent_without_decision,
    "each decision to send has its contact": decided_without_contact,
    "late runs planned nothing": late_but_planned,
    "each contact, episode and placement belongs to an account that is there": pointing_nowhere,
    "each living or done contact holds the key of its step": key_not_kept,
    "no step was done twice": done_too_often,
    "no account's gap was cut short": within_gap,
    "no account was contacted twice on one day": twice_a_day,
    "no customer was contacted twice on one day, where the policy says so": customer_twice_a_day,
    "nothing was sent during a hold": sent_on_hold,
    "nothing was sent about an account that was placed": sent_while_placed,
    "nothing was sent after an opt-out": sent_after_opt_out,
    "nothing was sent about a settled account": sent_though_settled,
    "kept progress is what the contacts say": progress_wrong,
    "episodes of an account do not overlap": episodes_overlap,
    "an unreadable row was never taken for a cure": unknown_but_cured,
}
