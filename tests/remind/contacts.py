"""Ledgers with contacts in any state, without the days that lead to them."""

import datetime as dt
import itertools
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from dunflow.config.book import Book
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.references import reference_of, scattered
from dunflow.ledger.tables import (
    account,
    contact,
    contact_account,
    customer,
    episode,
    policy_version,
    run,
)
from dunflow.scenario.model import Account, Expect, Scenario
from dunflow.scenario.run import Story, book_of

NOW = dt.datetime(2026, 3, 3, 2, 0, tzinfo=dt.UTC)
DATE = dt.date(2026, 3, 2)
SCENARIOS = Path(__file__).parents[1] / "scenarios"
_numbers = itertools.count(1)


def book() -> Book:
    """The plain policy in Shanghai, with both senders on the sandbox."""
    story = Scenario(
        scenario="none",
        accounts={"A": Account(due=DATE, overdue=Decimal(1))},
        timeline=[],
        expect=Expect(),
    )
    return book_of(Story(SCENARIOS / "none.yaml", story))


@dataclass
class Outbox:
    """One portfolio's ledger, to put contacts into and to look at them."""

    engine: Engine
    book: Book
    portfolio_id: int

    def put(self, state: str, **given: Any) -> int:
        """A contact of a customer of its own, with one account that it steps."""
        number = next(_numbers)
        with self.engine.begin() as conn:
            customer_id = _one(
                conn,
                insert(customer).values(
                    portfolio_id=self.portfolio_id,
                    customer_ref=f"C{number}",
                    phone=f"+86138001{number:05}",
                    email=f"c{number}@example.com",
                    seen_on=DATE,
                ),
            )
            account_id = _one(
                conn,
                insert(account).values(portfolio_id=self.portfolio_id, account_ref=f"A{number}"),
            )
            episode_id = _one(
                conn,
                insert(episode).values(
                    portfolio_id=self.portfolio_id, account_id=account_id, started_on=DATE
                ),
            )
            channel = given.get("channel", "sms")
            address = f"c{number}@example.com" if channel == "email" else f"+86138001{number:05}"
            values = {
                "portfolio_id": self.portfolio_id,
                "business_date": DATE,
                "customer_id": customer_id,
                "account_id": account_id,
                "reference": "",  # its number, which it has in a moment
                "step": "t1",
                "channel": channel,
                "template": "courtesy",
                "purpose": "reminder",
                "severity": 0,
                "amount": Decimal(10),
                "currency": "CNY",
                "state": state,
                "not_before_at": NOW,
                "expires_at": NOW + dt.timedelta(hours=20),
                "planned_at": NOW - dt.timedelta(hours=1),
                "attempts": 0 if state == "planned" else 1,
                "claimed_at": None if state == "planned" else NOW,
                "address": address,
                "run_id": 1,
            }
            contact_id = _one(conn, insert(contact).values(**(values | given)))
            conn.execute(
                update(contact)
                .where(contact.c.contact_id == contact_id)
                .values(reference=reference_of(scattered(contact.c.contact_id)))
            )
            conn.execute(
                insert(contact_account).values(
                    contact_id=contact_id,
                    account_id=account_id,
                    episode_id=episode_id,
                    ladder_episode_id=episode_id,
                    step="t1",
                    repetition=0,
                    amount=Decimal(10),
                    occupies=state not in ("expired", "failed", "cancelled", "undelivered"),
                )
            )
        return contact_id

    def run(self, business_date: dt.date) -> None:
        """That a date was decided."""
        with self.engine.begin() as conn:
            version = _one(
                conn,
                insert(policy_version).values(
                    portfolio_id=self.portfolio_id,
                    fingerprint=str(business_date),
                    document={},
                    first_used_at=NOW,
                ),
            )
            conn.execute(
                insert(run).values(
                    portfolio_id=self.portfolio_id,
                    business_date=business_date,
                    policy_version_id=version,
                    decided_at=NOW,
                    late=False,
                    decided={},
                    planned=0,
                )
            )

    def row(self, contact_id: int) -> Any:
        with self.engine.connect() as conn:
            return conn.execute(
                select(
                    contact,
                    contact_account.c.occupies,
                    account.c.last_contact_at,
                    episode.c.progress,
                )
                .join(contact_account, contact_account.c.contact_id == contact.c.contact_id)
                .join(account, account.c.account_id == contact.c.account_id)
                .join(episode, episode.c.episode_id == contact_account.c.ladder_episode_id)
                .where(contact.c.contact_id == contact_id)
            ).one()

    def state(self, contact_id: int) -> str:
        return str(self.row(contact_id).state)


def outbox_of(ledger: Engine) -> Outbox:
    made = book()
    with ledger.begin() as conn:
        return Outbox(ledger, made, portfolio_id_of(conn, made.name))


def _one(conn: Connection, statement: Any) -> int:
    number: int = conn.execute(statement).inserted_primary_key[0]
    return number
