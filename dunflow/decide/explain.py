"""Why an account was treated as it was: its whole story, from what the ledger keeps."""

import datetime as dt
from typing import Any

from sqlalchemy import Connection, Select, select

from dunflow.config.book import Book
from dunflow.decide.said import said
from dunflow.errors import DunflowError
from dunflow.ledger.quarantined import unreadable
from dunflow.ledger.tables import (
    account,
    contact,
    contact_account,
    customer,
    decision,
    episode,
    handback,
    payment,
    placement,
    policy_version,
    result,
    run,
    snapshot,
    waiver,
)

Story = dict[str, Any]
"""JSON-able once dates and amounts are written as text; no name, phone, address or message."""

GUARDS = (
    ("1 nothing to collect", ("settled", "credit_covers")),
    ("2 placed", ("placement.",)),
    ("3 hold", ("hold.",)),
    ("4 promise", ("promise.",)),
    ("5 plan", ("plan.",)),
    ("6 late run", ("late_run",)),
    ("7 hand-off", ("hand_off.",)),
    ("8 a step is due", ("not_due", "ladder_done")),
    ("9 given up, in flight, gap", ("given_up", "contact.in_flight", "gap")),
    (
        "10 a channel is open",
        ("unreachable", "opt_out.", "consent.", "cooldown.", "cap.", "window"),
    ),
    ("11 the customer's turn", ("customer_turn",)),
)
"""The guards in their order, with the reasons that each gives."""


def explain(
    conn: Connection, book: Book, portfolio_id: int, account_ref: str, date: dt.date | None
) -> Story:
    """The account's story; with `date`, the decision of that date with its facts in full.

    Without one it is the newest date that has a decision. Raises DunflowError for an account that
    was never seen.
    """
    account_id = conn.execute(
        select(account.c.account_id).where(
            account.c.portfolio_id == portfolio_id, account.c.account_ref == account_ref
        )
    ).scalar()
    if account_id is None:
        raise DunflowError(
            f"{book.name}: account {account_ref!r} was never seen; "
            "ids are text, so write it as the source does, leading zeros included"
        )
    of = decision.c.portfolio_id == portfolio_id, decision.c.account_id == account_id
    decisions = _rows(
        conn,
        select(
            decision.c.business_date.label("date"),
            decision.c.action,
            decision.c.reason,
            decision.c.tier,
            decision.c.step,
            decision.c.dpd,
            decision.c.overdue_amount.label("overdue"),
            decision.c.currency,
            decision.c.channel,
            decision.c.not_before_at,
            decision.c.run_id,
        )
        .where(*of)
        .order_by(decision.c.business_date),
    )
    chosen = _chosen(decisions, date)
    heard = said(book.floor, portfolio_id, account_id)
    return {
        "portfolio": book.name,
        "account": account_ref,
        "decision": _in_full(conn, portfolio_id, account_id, chosen) if chosen else None,
        "episodes": _rows(
            conn,
            select(episode.c.started_on, episode.c.ended_on, episode.c.highest_tier)
            .where(episode.c.account_id == account_id)
            .order_by(episode.c.started_on),
        ),
        "days": [
            {key: value for key, value in each.items() if key != "run_id"} for each in decisions
        ],
        "contacts": _contacts(conn, account_id),
        "waivers": _rows(
            conn,
            select(
                waiver.c.business_date.label("date"),
                waiver.c.step,
                waiver.c.waived_at,
                waiver.c.waived_by,
                waiver.c.reason,
            )
            .where(waiver.c.account_id == account_id)
            .order_by(waiver.c.waiver_id),
        ),
        "payments": _rows(
            conn,
            select(payment.c.booked_at, payment.c.amount, payment.c.currency)
            .where(payment.c.account_id == account_id)
            .order_by(payment.c.booked_at),
        ),
        "placements": _rows(
            conn,
            select(
                placement.c.business_date.label("date"),
                placement.c.destination.label("to"),
                placement.c.state,
                placement.c.amount,
                placement.c.currency,
            )
            .where(placement.c.account_id == account_id)
            .order_by(placement.c.placement_id),
        ),
        "collected": _rows(
            conn,
            select(
                handback.c.destination.label("by"),
                handback.c.happened_at,
                handback.c.received_at,
                handback.c.amount,
                handback.c.currency,
            )
            .join(placement, placement.c.placement_id == handback.c.placement_id)
            .where(placement.c.account_id == account_id, handback.c.kind == "payment")
            .order_by(handback.c.happened_at, handback.c.handback_id),
        ),
        **{kind: _rows(conn, rows) for kind, rows in heard.items()},
        "unreadable": _rows(
            conn, unreadable(portfolio_id).where(account.c.account_id == account_id)
        ),
    }


def stretches(days: list[Story]) -> list[Story]:
    """Days with the same outcome drawn together: `from`, `to`, and what was the same."""
    told: list[Story] = []
    for day in days:
        outcome = {key: day[key] for key in ("action", "reason", "tier", "step", "channel")}
        if told and told[-1]["outcome"] == outcome:
            told[-1] |= {"to": day["date"], "dpd_to": day["dpd"], "overdue": day["overdue"]}
        else:
            told.append(
                {
                    "from": day["date"],
                    "to": day["date"],
                    "dpd_from": day["dpd"],
                    "dpd_to": day["dpd"],
                    "overdue": day["overdue"],
                    "currency": day["currency"],
                    "outcome": outcome,
                }
            )
    return told


def guards_passed(action: str, reason: str) -> list[str]:
    """The guards that stayed silent before the one that gave `reason`."""
    if action in ("cured",) or reason == "quarantined":
        return []
    passed = []
    for guard, reasons in GUARDS:
        if reason.startswith(reasons):
            break
        passed.append(guard)
    return passed


def _chosen(decisions: list[Story], date: dt.date | None) -> Story | None:
    if date is None:
        return decisions[-1] if decisions else None
    return next((each for each in decisions if each["date"] == date), None)


def _in_full(conn: Connection, portfolio_id: int, account_id: int, chosen: Story) -> Story:
    """The decision with the run and policy version behind it, the rule, and the facts."""
    behind = conn.execute(
        select(
            run.c.decided_at,
            run.c.late,
            policy_version.c.fingerprint,
            policy_version.c.document,
        )
        .join(policy_version, policy_version.c.policy_version_id == run.c.policy_version_id)
        .where(run.c.run_id == chosen["run_id"])
    ).one()
    seen = conn.execute(
        select(
            snapshot.c.due_on,
            snapshot.c.overdue_amount.label("overdue_in_snapshot"),
            snapshot.c.balance_amount.label("balance"),
            snapshot.c.product,
            snapshot.c.segment,
            snapshot.c.instalments_overdue,
            snapshot.c.last_payment_on,
            snapshot.c.attributes,
            customer.c.customer_ref.label("customer"),
        )
        .join(customer, customer.c.customer_id == snapshot.c.customer_id)
        .where(
            snapshot.c.portfolio_id == portfolio_id,
            snapshot.c.business_date == chosen["date"],
            snapshot.c.account_id == account_id,
        )
    ).one_or_none()
    facts = {key: chosen[key] for key in ("dpd", "overdue", "currency", "tier")}
    if seen:
        facts |= {key: value for key, value in seen._mapping.items() if value is not None}
    return {
        **{key: value for key, value in chosen.items() if key != "run_id"},
        "decided_at": behind.decided_at,
        "late": behind.late,
        "policy": behind.document["policy"]["policy"],
        "policy_version": behind.fingerprint[:12],
        "rule": _rule(behind.document["policy"], chosen),
        "facts": facts,
        "guards_passed": guards_passed(chosen["action"], chosen["reason"]),
    }


def _rule(policy: dict[str, Any], chosen: Story) -> dict[str, Any] | None:
    """The step, or for a hand-off the rule, as the policy of that day words it."""
    if chosen["action"] == "hand_off":
        to = chosen["reason"].removeprefix("hand_off.")
        return next((rule for rule in policy["hand_off"] if rule["to"] == to), None)
    steps = [step for tier in policy["tiers"] for step in tier.get("steps", [])]
    return next((step for step in steps if step["step"] == chosen["step"]), None)


def _contacts(conn: Connection, account_id: int) -> list[Story]:
    return _rows(
        conn,
        select(
            contact.c.business_date.label("date"),
            contact.c.channel,
            contact_account.c.step,
            contact.c.state,
            contact.c.reason,
            contact.c.error_code.label("code"),
            contact_account.c.amount,
            contact.c.currency,
            contact.c.accepted_at,
            contact.c.reference,
            (contact.c.account_id == account_id).label("leads"),
            contact_account.c.dropped,
            result.c.result.label("came_to"),
        )
        .join(contact_account, contact_account.c.contact_id == contact.c.contact_id)
        .outerjoin(result, result.c.contact_id == contact.c.contact_id)
        .where(contact_account.c.account_id == account_id)
        .order_by(contact.c.contact_id),
    )


def _rows(conn: Connection, rows: Select[*tuple[Any, ...]]) -> list[Story]:
    return [dict(row._mapping) for row in conn.execute(rows)]
