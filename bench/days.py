"""Runs business dates through the pipeline's own stages, and lets the time between them pass."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select, text

from bench.core import Core
from bench.watch import Cost, watch
from dunflow import day as stages
from dunflow.assess.progress import refresh
from dunflow.day import Day, Figures, open_day
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import contact, contact_account

PORTFOLIO = "bench_lender"

STAGES: dict[str, Callable[[Day], Figures]] = {
    "snapshot": stages.snapshot,
    "gate": stages.gate,
    "assess, decide, plan": stages.decide,
}

# `strict` lets texts go only to who consented.
_CONSENT = """
INSERT INTO consent (portfolio_id, customer_id, channel, address, basis, given_at, recorded_by)
SELECT portfolio_id, customer_id, 'sms', phone, 'prior_express', :at, 'bench' FROM customer
WHERE portfolio_id = :portfolio_id
  AND NOT EXISTS (SELECT FROM consent WHERE consent.customer_id = customer.customer_id)
"""

# What sending would have written: taken by the provider as soon as it could go out.
_ACCEPT = """
UPDATE contact SET state = 'accepted', attempts = 1, claimed_at = not_before_at,
    accepted_at = not_before_at, contact_on = business_date + 1, address = 'nowhere'
WHERE business_date = :business_date AND state = 'planned'
"""
_BEGIN_GAP = """
UPDATE account SET last_contact_at = contact.accepted_at
FROM contact_account JOIN contact USING (contact_id)
WHERE contact.business_date = :business_date
  AND account.account_id = contact_account.account_id
"""
# Hand-offs wait for the printer.
_PRINT = """
WITH letter AS (
    SELECT contact_id, portfolio_id, accepted_at FROM contact
    WHERE business_date = :business_date AND channel = 'letter' AND state = 'accepted'
), batch AS (
    INSERT INTO print_batch (portfolio_id, reference, made_at, delivered_at)
    SELECT portfolio_id, 'letters ' || :business_date, max(accepted_at), max(accepted_at)
    FROM letter GROUP BY portfolio_id
    RETURNING print_batch_id
)
INSERT INTO print_line (contact_id, print_batch_id)
SELECT contact_id, print_batch_id FROM letter CROSS JOIN batch
"""


@dataclass(frozen=True)
class Ran:
    """One business date: what each stage cost, and what the day decided."""

    business_date: dt.date
    costs: dict[str, Cost]
    decided: dict[str, int]
    contacts: int

    @property
    def seconds(self) -> float:
        return sum(cost.seconds for cost in self.costs.values())

    @property
    def peak_bytes(self) -> int:
        return max(cost.peak_bytes for cost in self.costs.values())


def run_day(business_date: dt.date) -> Ran:
    """Every stage of the date but the sending."""
    day = open_day(PORTFOLIO, business_date)
    costs: dict[str, Cost] = {}
    figures: dict[str, Figures] = {}
    for name, stage in STAGES.items():
        if stage is stages.decide:
            let_consent(day)
        with watch() as costs[name]:
            figures |= stage(day)
    with day.engine.connect() as conn:
        contacts = conn.execute(
            text("SELECT planned FROM run WHERE business_date = :business_date"),
            {"business_date": business_date},
        ).scalar_one()
    day.engine.dispose()
    return Ran(business_date, costs, figures["decide"], contacts)


def let_consent(day: Day) -> None:
    """Every customer agreed to be texted, at the signing of the contract."""
    with day.engine.begin() as conn:
        asked = {"at": day.clock.now(), "portfolio_id": portfolio_id_of(conn, day.book.name)}
        conn.execute(text(_CONSENT), asked)


def let_pass(core: Core, ran: Ran) -> None:
    """The rest of a day: its contacts count as sent, the core changes, the server tidies up.

    A real server does the last by itself, in the many hours that lie between two runs.
    """
    day = open_day(PORTFOLIO, ran.business_date)
    of_date = {"business_date": ran.business_date}
    with day.engine.begin() as conn:
        conn.execute(text(_ACCEPT), of_date)
        conn.execute(text(_BEGIN_GAP), of_date)
        conn.execute(text(_PRINT), of_date)
        conn.execute(text("ANALYZE contact, contact_account, episode, print_batch, print_line"))
        refresh(
            conn,
            day.book,
            select(contact_account.c.ladder_episode_id.label("episode_id"))
            .join(contact, contact.c.contact_id == contact_account.c.contact_id)
            .where(contact.c.business_date == ran.business_date)
            .distinct(),
        )
    core.next_day(ran.business_date + dt.timedelta(days=1))
    with day.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))
        conn.execute(text("CHECKPOINT"))
    day.engine.dispose()
