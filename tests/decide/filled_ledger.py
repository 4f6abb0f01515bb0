"""Puts a drawn book of accounts into a real ledger, decides it, and reads what was decided."""

import datetime as dt
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from known import DONE, IN_FLIGHT, Account, Contact, Customer, Day
from ladder_stories import CHANNELS, ONE_DAY, ZONE, Book
from sqlalchemy import Connection, Engine, Table, false, insert, select

from dunflow.assess.moment import Moment
from dunflow.assess.progress import refresh
from dunflow.config.base import build
from dunflow.config.book import Book as Config
from dunflow.config.pack import Floor, Pack
from dunflow.config.policy import Policy
from dunflow.config.portfolio import Portfolio
from dunflow.decide.decide import decide
from dunflow.ledger import partitions
from dunflow.ledger import tables as t
from dunflow.ledger.engine import portfolio_id_of, portfolio_lock
from dunflow.remind.plan import plan

HOUR = dt.timedelta(hours=1)
FORMER = "former"
"""Whose some accounts were before."""
PLACEMENTS_FROM = 1_000_000_000
"""Numbers of the placements that were there before, far from those that a run gives."""


@dataclass
class Decided:
    """account → (action, reason, step, tier, channel); leading account → accounts named."""

    rows: dict[str, tuple[str | None, ...]]
    lists: dict[str, set[str]]


def config_of(name: str, policy: dict[str, Any], pack: dict[str, Any]) -> Config:
    """A book with this policy, and this pack as its only floor."""
    attribute = {"column": "x", "kind": "text"}
    portfolio = {
        "portfolio": name,
        "time_zone": ZONE.key,
        "region": "CN",
        "language": "zh",
        "currency": "CNY",
        "run_at": "06:30",
        "source": {
            "kind": "files",
            "path": "{business_date}.csv",
            "attributes": {
                "score": attribute | {"kind": "number"},
                "insured": attribute | {"kind": "flag"},
                "branch": attribute,
            },
        },
        "lender": {"name": {"zh": "x"}, "phone": "1", "pay_url": "https://u", "complaints": "c"},
    }
    return Config(
        build(Portfolio, portfolio, "portfolio"),
        build(Policy, policy, "policy"),
        Floor(packs=[build(Pack, pack, "pack")]),
        Path(),
    )


def decide_book(engine: Engine, config: Config, day: Day, book: Book) -> Decided:
    with portfolio_lock(engine, config.name) as conn:
        number = portfolio_id_of(conn, config.name)
        ids = Filler(conn, number, day, book).fill(config)
        moment = Moment(day.now, late=day.late, day=day.today)
        decided = decide(conn, config, number, day.business_date, moment)
        plan(conn, config, number, decided)
        names = {account_id: ref for ref, account_id in ids.items()}
        return Decided(rows_of(conn, number, day, names), lists_of(conn, number, day, names))


def rows_of(conn: Connection, number: int, day: Day, names: dict[int, str]) -> dict[str, Any]:
    d = t.decision.c
    found = conn.execute(
        select(d.account_id, d.action, d.reason, d.step, d.tier, d.channel).where(
            d.portfolio_id == number, d.business_date == day.business_date
        )
    )
    return {names[account_id]: tuple(row) for account_id, *row in found}


def lists_of(conn: Connection, number: int, day: Day, names: dict[int, str]) -> dict[str, set[str]]:
    found = conn.execute(
        select(t.contact.c.account_id, t.contact_account.c.account_id)
        .join(t.contact_account, t.contact_account.c.contact_id == t.contact.c.contact_id)
        .where(
            t.contact.c.portfolio_id == number,
            t.contact.c.business_date == day.business_date,
            t.contact.c.state == "planned",
        )
    )
    lists: dict[str, set[str]] = {}
    for leader, named in found:
        lists.setdefault(names[leader], set()).add(names[named])
    return lists


class Filler:
    def __init__(self, conn: Connection, number: int, day: Day, book: Book) -> None:
        self._conn, self._number, self._day, self._book = conn, number, day, book
        self._accounts = book.accounts
        self._customers = list({a.customer.ref: a.customer for a in book.accounts}.values())
        self._of = {"portfolio_id": number}

    def fill(self, config: Config) -> dict[str, int]:
        """account_ref → account_id of what was written."""
        people = [*map(self._customer, self._customers), self._former()]
        self._people = self._put(t.customer, "customer_ref", people)
        self._ids = self._put(t.account, "account_ref", map(self._account, self._accounts))
        self._load()
        on_ladder = [account for account in self._accounts if self._book.is_on_ladder(account)]
        started = self._day.business_date - 60 * ONE_DAY
        self._episodes = self._put(
            t.episode,
            "account_id",
            (
                self._of
                | {
                    "account_id": self._ids[account.ref],
                    "started_on": started,
                    "highest_tier": account.highest_tier,
                }
                for account in on_ladder
            ),
        )
        self._what_was_decided(on_ladder)
        self._what_was_sent(on_ladder)
        self._what_people_said()
        if on_ladder:
            mine = t.episode.c.portfolio_id == self._number
            refresh(self._conn, config, select(t.episode.c.episode_id).where(mine))
        return self._ids

    def fill_people(self) -> dict[str, int]:
        """The same without any past: no date was run, and nothing was sent."""
        self._people = self._put(t.customer, "customer_ref", map(self._customer, self._customers))
        self._ids = self._put(t.account, "account_ref", map(self._account, self._accounts))
        self._episodes: dict[Any, int] = {}
        self._run_id = 0
        self._what_people_said()
        return self._ids

    def load(self, conn: Connection, day: Day) -> None:
        """The snapshot of another day: the same accounts, as much owed."""
        self._conn, self._day = conn, day
        self._load()

    def _put(self, into: Table, by: str, rows: Iterable[dict[str, Any]]) -> dict[Any, int]:
        """Insert; the new numbers by the rows' values of `by`."""
        rows = list(rows)
        if not rows:
            return {}
        [number] = into.primary_key
        found = self._conn.execute(insert(into).returning(into.c[by], number), rows)
        return dict(found.all())

    def _former(self) -> dict[str, Any]:
        unreachable = dict.fromkeys(("name", "phone", "email", "address", "time_zone"))
        seen_on = self._day.business_date - ONE_DAY
        return self._of | unreachable | {"customer_ref": FORMER, "seen_on": seen_on}

    def _customer(self, customer: Customer) -> dict[str, Any]:
        """Every channel has a contact point; those that don't reach are dead or missing."""
        reached = customer.reached_by
        return self._of | {
            "customer_ref": customer.ref,
            "name": "x",
            "phone": f"+{customer.ref}" if {"sms", "call"} & reached else None,
            "email": f"{customer.ref}@example.com" if "email" in reached else None,
            "address": f"{customer.ref} street" if {"letter", "visit"} & reached else None,
            "time_zone": None if customer.zone is ZONE else str(customer.zone),
            "seen_on": self._day.business_date,
        }

    def _account(self, account: Account) -> dict[str, Any]:
        last = [c.accepted_at for c in account.contacts if c.accepted_at]
        return self._of | {"account_ref": account.ref, "last_contact_at": max(last, default=None)}

    def _load(self) -> None:
        self._partition(t.snapshot, self._day.business_date, map(self._snapshot, self._accounts))
        row = {
            "business_date": self._day.business_date,
            "as_of_at": self._day.as_of,
            "loaded_at": self._day.now,
            "state": "accepted",
            "overdue": {},
        }
        counts = dict.fromkeys(("rows_read", "accounts", "customers", "quarantined"), 0)
        self._conn.execute(insert(t.load), self._of | row | counts)

    def _snapshot(self, account: Account) -> dict[str, Any]:
        return self._of | {
            "business_date": self._day.business_date,
            "account_id": self._ids[account.ref],
            "customer_id": self._people[account.customer.ref],
            "due_on": account.due_on,
            "overdue_amount": account.delivered,
            "balance_amount": account.balance,
            "currency": account.currency,
            "product": account.product,
            "segment": account.segment,
            "instalments_overdue": account.instalments_overdue,
            "last_payment_on": account.last_payment_on,
            "attributes": account.attributes or None,
        }

    def _partition(self, parent: Table, on: dt.date, rows: Iterable[dict[str, Any]]) -> None:
        partitions.fill(
            self._conn, parent, self._number, on, select(*parent.columns).where(false())
        )
        partitions.attach(self._conn, parent, self._number, on)
        if rows := list(rows):
            self._conn.execute(insert(parent), rows)

    def _what_was_decided(self, on_ladder: list[Account]) -> None:
        """The day before: whence a late run knows the highest tier."""
        before = self._day.business_date - ONE_DAY
        version = {"fingerprint": "x", "document": {}, "first_used_at": self._day.as_of}
        versions = insert(t.policy_version).returning(t.policy_version.c.policy_version_id)
        version_id = self._conn.execute(versions, self._of | version).scalar_one()
        run = {
            "business_date": before,
            "policy_version_id": version_id,
            "decided_at": self._day.as_of,
            "late": False,
            "decided": {},
            "planned": 0,
        }
        runs = insert(t.run).returning(t.run.c.run_id)
        self._run_id = self._conn.execute(runs, self._of | run).scalar_one()
        self._partition(
            t.decision,
            before,
            (
                self._of
                | {
                    "business_date": before,
                    "account_id": self._ids[account.ref],
                    "run_id": self._run_id,
                    "action": "wait",
                    "reason": "not_due",
                    "tier": account.highest_tier,
                }
                for account in on_ladder
            ),
        )

    def _what_was_sent(self, on_ladder: list[Account]) -> None:
        sent = [(account, contact) for account in on_ladder for contact in account.contacts]
        if not sent:
            return
        numbered = insert(t.contact).returning(t.contact.c.contact_id, sort_by_parameter_order=True)
        ids = self._conn.execute(numbered, [self._contact(a, c) for a, c in sent]).scalars().all()
        named = []
        for contact_id, (account, contact) in zip(ids, sent, strict=True):
            episode_id = self._episodes[self._ids[account.ref]]
            row = {
                "contact_id": contact_id,
                "account_id": self._ids[account.ref],
                "episode_id": episode_id,
                "ladder_episode_id": episode_id,
                "step": contact.step,
                "repetition": contact.repetition if contact.step else None,
                "amount": 1,
                "occupies": contact.state in (*IN_FLIGHT, *DONE),
            }
            named.append(row)
        self._conn.execute(insert(t.contact_account), named)
        printed = [(number, c.printed_at) for number, (_, c) in zip(ids, sent, strict=True)]
        print_each(self._conn, self._number, printed)

    def _contact(self, account: Account, contact: Contact) -> dict[str, Any]:
        customer = account.customer
        at = contact.accepted_at or contact.ended_at or self._day.now
        return self._of | {
            "business_date": self._day.business_date - ONE_DAY,
            "customer_id": self._people[FORMER if contact.to_former else customer.ref],
            "account_id": self._ids[account.ref],
            "reference": secrets.token_hex(8),
            "step": contact.step or "another",
            "channel": contact.channel,
            "template": "firm",
            "purpose": "reminder",
            "severity": 0,
            "amount": 1,
            "currency": account.currency,
            "state": contact.state,
            "not_before_at": at,
            "expires_at": at,
            "contact_on": at.astimezone(customer.zone).date() if contact.accepted_at else None,
            "accepted_at": contact.accepted_at,
            "ended_at": contact.ended_at,
            "planned_at": at,
            "run_id": self._run_id,
        }

    def _what_people_said(self) -> None:
        """Payments, promises, holds, placements, credit, opt-outs and dead addresses."""
        rows: dict[Table, list[dict[str, Any]]] = {}
        for account in self._accounts:
            self._of_account(account, {"account_id": self._ids[account.ref]}, rows)
        for customer in self._customers:
            self._of_customer(customer, self._people[customer.ref], rows)
        for into, found in rows.items():
            if found:
                self._conn.execute(insert(into), [self._of | row for row in found])

    def _of_account(
        self, account: Account, of: dict[str, Any], rows: dict[Table, list[dict[str, Any]]]
    ) -> None:
        money = {"currency": account.currency}
        rows.setdefault(t.payment, []).extend(
            of
            | money
            | {
                "payment_ref": secrets.token_hex(8),
                "booked_at": at,
                "recorded_at": at,
                "amount": amount,
            }
            for at, amount in account.payments
        )
        rows.setdefault(t.promise, []).extend(
            of
            | money
            | {
                "amount": promise.amount,
                "promised_on": promise.by,
                "made_at": promise.made_at,
                "recorded_at": promise.made_at,
                "cancelled_at": promise.made_at if promise.cancelled else None,
                "recorded_by": "x",
            }
            for promise in account.promises
        )
        rows.setdefault(t.hold, []).extend(of | {"customer_id": None} | h for h in _holds(account))
        rows.setdefault(t.waiver, []).extend(
            of
            | {
                "episode_id": self._episodes[self._ids[account.ref]],
                "business_date": self._day.business_date - ONE_DAY,
                "step": step,
                "reason": "x",
                "waived_by": "x",
                "waived_at": at,
            }
            for step, at in account.waived.items()
        )
        # destination, state, since when it had the account, until when
        first_at, then = self._day.as_of - ONE_DAY, self._day.as_of
        spells: list[tuple[str, str, dt.datetime, dt.datetime | None]] = []
        for to, until in account.turned_down.items():
            spells.append((to, "recalled", until - HOUR, until))
        if account.closed:
            spells.append(("before", "closed", first_at, then))
            if at := account.given_again_at:
                spells.append(("after", "returned", at, at))
        if account.placed:
            spells.append(("elsewhere", "exported", first_at, None))
        if account.collected:
            spells.append(("collects", "returned", first_at, then))
        first = PLACEMENTS_FROM + 10 * self._ids[account.ref]
        rows.setdefault(t.placement, []).extend(
            of
            | money
            | {
                "placement_id": number,
                "episode_id": self._episodes.get(self._ids[account.ref], 0),
                "business_date": self._day.business_date - ONE_DAY,
                "destination": to,
                "state": state,
                "amount": 1,
                "proposed_at": since,
                "exported_at": since if to == "after" else None,
                "ended_at": until,
                "run_id": self._run_id,
            }
            for number, (to, state, since, until) in enumerate(spells, first)
        )
        if account.collected:
            row = {
                "destination": "collects",
                "handback_ref": account.ref,
                "kind": "payment",
                "placement_id": first + len(spells) - 1,
                "happened_at": self._day.as_of - 1.5 * ONE_DAY,
                "amount": account.collected,
                "currency": account.currency,
                "file": "x",
                "line": 1,
                "received_at": self._day.as_of,
                "told_by": "x",
            }
            rows.setdefault(t.handback, []).append(row)

    def _of_customer(
        self, customer: Customer, number: int, rows: dict[Table, list[dict[str, Any]]]
    ) -> None:
        person = self._customer(customer)
        points = {"email": "email", "letter": "address", "visit": "address"}
        rows.setdefault(t.credit, []).extend(
            {
                "customer_id": number,
                "credit_ref": secrets.token_hex(8),
                "amount": amount,
                "currency": currency,
                "booked_at": self._day.as_of,
                "changed_at": self._day.as_of,
            }
            for currency, amount in customer.credit.items()
        )
        rows.setdefault(t.hold, []).extend(
            {"customer_id": number, "account_id": None} | hold for hold in _holds(customer)
        )
        rows.setdefault(t.opt_out, []).extend(
            {"customer_id": number, "channel": channel, "since_at": self._day.as_of, "source": "x"}
            for channel in sorted(customer.opted_out)
        )
        rows.setdefault(t.dead_address, []).extend(
            {"channel": channel, "address": address, "reason": "x", "since_at": self._day.as_of}
            for channel in CHANNELS
            if channel not in customer.reached_by
            and (address := person[points.get(channel, "phone")])
        )


def print_each(
    conn: Connection, number: int, letters: Iterable[tuple[int, dt.datetime | None]]
) -> None:
    """Bring these contacts to the printer at their instants, those that have one."""
    printed = [(contact_id, at) for contact_id, at in letters if at is not None]
    if not printed:
        return
    batches = [
        {
            "portfolio_id": number,
            "reference": f"{number}-{contact_id}",
            "made_at": at,
            "delivered_at": at,
        }
        for contact_id, at in printed
    ]
    made = insert(t.print_batch).returning(
        t.print_batch.c.print_batch_id, sort_by_parameter_order=True
    )
    ids = conn.execute(made, batches).scalars().all()
    lines = [
        {"contact_id": contact_id, "print_batch_id": batch_id}
        for (contact_id, _), batch_id in zip(printed, ids, strict=True)
    ]
    conn.execute(insert(t.print_line), lines)


def _holds(holder: Account | Customer) -> list[dict[str, Any]]:
    return [
        {
            "kind": hold.kind,
            "from_at": hold.from_at,
            "until_at": hold.until_at,
            "recorded_at": hold.recorded_at,
            "recorded_by": "x",
        }
        for hold in holder.holds
    ]
