"""Proves the promises on the ledger: each check looks for rows that would break one."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select, func, select

from dunflow.config.book import Book
from dunflow.config.pack import Floor
from dunflow.config.policy import Policy
from dunflow.ledger.engine import give_room
from dunflow.ledger.tables import account, policy_version
from dunflow.report.proofs.amounts import asked_for_another, counts_wrong, decided_on_another
from dunflow.report.proofs.contacts import (
    customer_twice_a_day,
    done_too_often,
    key_not_kept,
    made_outside_hours,
    outlived,
    outside_hours,
    outside_its_time,
    over_caps,
    sent_stale,
    sent_while_stopped,
    told_both_ways,
    told_for_two,
    twice_a_day,
    twice_at_provider,
    within_gap,
)
from dunflow.report.proofs.episodes import (
    cured_by_nobody,
    episodes_overlap,
    owed_by_nobody,
    progress_wrong,
    unknown_but_cured,
    without_episode,
)
from dunflow.report.proofs.hand_offs import (
    before_notice,
    given_on_hold,
    given_unapproved,
    proposed_against_word,
    waived_though_demanded,
)
from dunflow.report.proofs.ladder import passed_over
from dunflow.report.proofs.people import (
    sent_after_opt_out,
    sent_on_hold,
    sent_on_plan,
    sent_on_promise,
    sent_though_closed,
    sent_though_collected,
    sent_though_settled,
    sent_to_dead_address,
    sent_while_placed,
    sent_while_resting,
    sent_without_consent,
)
from dunflow.report.proofs.records import (
    decided_without_contact,
    ended_without_reason,
    late_but_planned,
    pointing_nowhere,
    run_counts_wrong,
    sent_without_decision,
    step_not_named,
    without_decision,
    without_reason_to_be,
)
from dunflow.report.proofs.scope import Check, Scope, Version

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
    give_room(conn)
    scope = Scope(book, portfolio_id, first, last, _versions(conn, book, portfolio_id))
    checked = []
    for promise, check in CHECKS.items():
        checked.append(_checked(conn, promise, check(scope)))
    for name, over in over_caps(scope).items():
        promise = f"no customer was contacted over cap {name}"
        checked.append(_checked(conn, promise, over))
    for promise, accounts in (
        ("everything went out within contact hours", outside_hours(conn, scope)),
        ("people called and visited within contact hours", made_outside_hours(conn, scope)),
    ):
        outside = list(accounts)
        checked.append(Checked(promise, len(outside), outside[:SAMPLES]))
    return checked


def _versions(conn: Connection, book: Book, portfolio_id: int) -> list[Version]:
    rows = conn.execute(
        select(policy_version.c.policy_version_id, policy_version.c.document).where(
            policy_version.c.portfolio_id == portfolio_id
        )
    )
    return [
        Version(
            number,
            replace(
                book,
                policy=Policy.model_validate(document["policy"]),
                floor=Floor.model_validate({"packs": document["packs"]}),
            ),
        )
        for number, document in rows
    ]


def _checked(
    conn: Connection, promise: str, check: Select[*tuple[Any, ...]] | CompoundSelect[Any]
) -> Checked:
    # Worked out once and whole. To find the first few names alone, the planner would try the
    # accounts one by one, and where a promise holds there is none to be found.
    broken = check.cte("broken").prefix_with("MATERIALIZED")
    first = (
        select(account.c.account_ref)
        .where(account.c.account_id.in_(select(broken.c.account_id)))
        .order_by(account.c.account_ref)
        .limit(SAMPLES)
        .subquery("first")
    )
    count, names = conn.execute(
        select(
            select(func.count()).select_from(broken).scalar_subquery(),
            select(func.array_agg(first.c.account_ref)).scalar_subquery(),
        )
    ).one()
    return Checked(promise, count, names or [])


CHECKS: dict[str, Check] = {
    "each account of a snapshot has its decision": without_decision,
    "each decision is about an account of the snapshot, an unreadable or a cured one": (
        without_reason_to_be
    ),
    "each load counts what its snapshot holds": counts_wrong,
    "each run counts the rows that it wrote": run_counts_wrong,
    "each decision is about what its snapshot says is owed": decided_on_another,
    "no contact asks for more than is owed": asked_for_another,
    "each contact was decided": sent_without_decision,
    "each decision to send has its contact": decided_without_contact,
    "each decision about a step that was due names it": step_not_named,
    "each contact that did not go out says why": ended_without_reason,
    "late runs planned nothing": late_but_planned,
    "nothing of a date went out after a newer one had decided": sent_stale,
    "no contact is still planned after a newer date has run": outlived,
    "each contact, episode, waiver and placement belongs to what is there": pointing_nowhere,
    "each living or done contact holds the key of its step": key_not_kept,
    "no step was done twice": done_too_often,
    "no mandatory step was passed over": passed_over,
    "no provider has a contact twice": twice_at_provider,
    "no provider told of a text that it arrived and that it did not": told_both_ways,
    "no provider's message is taken for two contacts": told_for_two,
    "no account's gap was cut short": within_gap,
    "no account was contacted twice on one day": twice_a_day,
    "no customer was contacted twice on one day, where the policy says so": customer_twice_a_day,
    "nothing went out before its hour or after its life": outside_its_time,
    "nothing was sent while a person had stopped it": sent_while_stopped,
    "nothing was sent during a hold": sent_on_hold,
    "nothing was sent while a promise was waited for": sent_on_promise,
    "nothing was sent while a plan was kept": sent_on_plan,
    "nothing was sent about an account that was placed": sent_while_placed,
    "nothing was sent about an account that its receiver closed": sent_though_closed,
    "nothing was sent about what was paid to a receiver in full": sent_though_collected,
    "nothing was sent after an opt-out": sent_after_opt_out,
    "nothing was sent where nothing arrives any more": sent_to_dead_address,
    "nothing was sent without a consent that a pack wants": sent_without_consent,
    "nothing was sent in the rest after a talk that a pack wants": sent_while_resting,
    "nothing was sent about a settled account": sent_though_settled,
    "nothing was handed off before its notice": before_notice,
    "nothing was handed off without an approval": given_unapproved,
    "nothing was handed off during a hold": given_on_hold,
    "nothing was proposed again to a receiver that had it": proposed_against_word,
    "no step was waived that a pack demands": waived_though_demanded,
    "kept progress is what contacts and waivers say": progress_wrong,
    "episodes of an account do not overlap": episodes_overlap,
    "each account on the ladder has its episode": without_episode,
    "no episode goes on of an account that owes nothing": owed_by_nobody,
    "an unreadable row was never taken for a cure": unknown_but_cured,
    "no cure stands that only rows say which count no longer": cured_by_nobody,
}
