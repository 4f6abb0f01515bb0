"""The made-up lender: the same for each seed, plausible, and out of anybody's reach."""

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from dunflow.config.book import read_book
from dunflow.demo.lender import Lender, imagine, make_lender
from dunflow.demo.loans import Instalment, Repayment
from dunflow.ledger import embedded
from dunflow.snapshot.contact_points import read_email, read_phone

LAST = dt.date(2026, 11, 24)

# Blocks of 1349 that the ministry's list of March 2023 gives to nobody.
NOBODYS = tuple(f"+861349{part}" for part in "0145678")
WINDOW = [LAST - dt.timedelta(days=days) for days in range(12)]


@dataclass(frozen=True)
class Core:
    """A filled core database, and what was put into it."""

    url: URL
    engine: Engine
    lender: Lender


@pytest.fixture(scope="module")
def core(server: URL) -> Core:
    url = embedded.ensure_database(server, "demo_core")
    lender = make_lender(url, seed=7, last_business_date=LAST)
    return Core(url, create_engine(url, poolclass=NullPool), lender)


def snapshot_of(core: Core, day: dt.date) -> dict[str, dict[str, Any]]:
    query = (read_book("sunrise_instalment").folder / "snapshot.sql").read_text(encoding="utf-8")
    with core.engine.connect() as conn:
        rows = conn.execute(text(query), {"business_date": day}).mappings()
        return {row["account"]: dict(row) for row in rows}


def test_the_same_seed_makes_the_same_rows_and_another_seed_others() -> None:
    assert imagine(7, LAST) == imagine(7, LAST)
    assert imagine(7, LAST).repayments != imagine(8, LAST).repayments


def test_making_it_again_replaces_it(core: Core) -> None:
    before = snapshot_of(core, LAST)
    make_lender(core.url, seed=7, last_business_date=LAST)
    assert snapshot_of(core, LAST) == before


def test_it_has_3000_loans_of_2600_customers_and_nearly_all_were_overdue_once(core: Core) -> None:
    assert (len(core.lender.loans), len(core.lender.customers)) == (3000, 2600)
    assert max(Counter(loan.customer_id for loan in core.lender.loans).values()) == 2
    # At the close of the day after a due date, something due by then was unpaid.
    was_overdue = text("""
        SELECT count(DISTINCT i.loan_id)
        FROM (
          SELECT loan_id, due_on, sum(amount) OVER (PARTITION BY loan_id ORDER BY number) AS owed
          FROM instalment
        ) i
        WHERE i.due_on < :last
          AND i.owed > (
            SELECT coalesce(sum(r.amount), 0) FROM repayment r
            WHERE r.loan_id = i.loan_id
              AND r.booked_at < (i.due_on + 2)::timestamp AT TIME ZONE 'Asia/Shanghai'
          )
    """)
    with core.engine.connect() as conn:
        assert 2850 <= conn.execute(was_overdue, {"last": LAST}).scalar_one() <= 3000


def test_nothing_is_booked_after_the_last_date_and_nobody_pays_too_much(core: Core) -> None:
    assert max(row.booked_at.date() for row in core.lender.repayments) == LAST
    owed: defaultdict[str, Decimal] = defaultdict(Decimal)
    for instalment in core.lender.instalments:
        owed[instalment.loan_id] += instalment.amount
    for repayment in core.lender.repayments:
        owed[repayment.loan_id] -= repayment.amount
    assert min(owed.values()) >= 0


def test_each_date_of_the_demo_has_newcomers_cures_and_every_severity(core: Core) -> None:
    seen = {day: overdue_on(core, day) for day in WINDOW}
    for day in WINDOW:
        ages = Counter(min((day - due).days // 30, 4) for due in seen[day].values())
        assert all(ages[age] >= 20 for age in range(5)), (day, ages)
    for day, before in pairwise(WINDOW):
        assert len(seen[day].keys() - seen[before].keys()) >= 10
        assert len(seen[before].keys() - seen[day].keys()) >= 10


def overdue_on(core: Core, day: dt.date) -> dict[str, dt.date]:
    rows = snapshot_of(core, day).items()
    return {account: row["due_on"] for account, row in rows if row["due_on"] < day}


@pytest.mark.parametrize("day", [WINDOW[0], WINDOW[-1], dt.date(2026, 3, 1)])
def test_the_snapshot_agrees_with_a_reckoning_loan_by_loan(core: Core, day: dt.date) -> None:
    instalments: defaultdict[str, list[Instalment]] = defaultdict(list)
    repayments: defaultdict[str, list[Repayment]] = defaultdict(list)
    for due in core.lender.instalments:
        instalments[due.loan_id].append(due)
    for paid in core.lender.repayments:
        repayments[paid.loan_id].append(paid)
    expected = {}
    for loan in core.lender.loans:
        money = [r.amount for r in repayments[loan.loan_id] if r.booked_at.date() <= day]
        unpaid = reckon(instalments[loan.loan_id], sum(money, Decimal(0)))
        if unpaid and loan.disbursed_on <= day:
            overdue = [amount for due_on, amount in unpaid if due_on < day]
            total = sum(overdue) if overdue else unpaid[0][1]
            balance = sum(amount for _, amount in unpaid)
            expected[loan.loan_id] = (unpaid[0][0], total, balance, len(overdue))
    columns = ("due_on", "overdue", "balance", "instalments_overdue")
    delivered = snapshot_of(core, day)
    assert {a: tuple(row[c] for c in columns) for a, row in delivered.items()} == expected


def reckon(schedule: list[Instalment], money: Decimal) -> list[tuple[dt.date, Decimal]]:
    """What stays unpaid of each instalment, the oldest first, when `money` came in."""
    unpaid = []
    for instalment in schedule:
        used = min(money, instalment.amount)
        money -= used
        if used < instalment.amount:
            unpaid.append((instalment.due_on, instalment.amount - used))
    return unpaid


def test_no_phone_number_belongs_to_anybody(core: Core) -> None:
    read = [read_phone(c.mobile, "CN") for c in core.lender.customers if c.mobile]
    usable = [number for number in read if number]
    assert len(usable) > 2400
    assert len(set(usable)) == len(usable)
    assert all(number.startswith(NOBODYS) for number in usable)
    assert 10 <= len(read) - len(usable) <= 60  # mistyped ones, for the quarantine to show


def test_no_mail_leaves_the_domains_kept_for_examples(core: Core) -> None:
    read = [read_email(c.email) for c in core.lender.customers if c.email]
    usable = [address for address in read if address]
    assert len(usable) > 2100
    assert {address.split("@")[1] for address in usable} == {
        "example.com",
        "example.net",
        "example.org",
    }
    assert 10 <= len(read) - len(usable) <= 60


def test_every_letter_goes_to_a_post_code_that_is_not_in_use(core: Core) -> None:
    addresses = [c.address for c in core.lender.customers if c.address]
    assert len(addresses) > 2500
    assert all(address.endswith(" 000000") for address in addresses)


def test_a_few_customers_prefer_english(core: Core) -> None:
    languages = Counter(c.language for c in core.lender.customers)
    assert 50 <= languages["en"] <= 200
    assert all(c.name.isascii() == (c.language == "en") for c in core.lender.customers)
