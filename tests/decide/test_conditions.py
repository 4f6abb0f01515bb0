"""`when`, on a real database: each case is one account's facts and one condition."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Integer, Numeric, Text, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from dunflow.config.base import build
from dunflow.config.book import Book
from dunflow.config.pack import Floor
from dunflow.config.policy import Policy, Tier
from dunflow.config.portfolio import Portfolio
from dunflow.decide.conditions import holds

ATTRIBUTES = {
    "score": {"column": "s", "kind": "number"},
    "insured": {"column": "i", "kind": "flag"},
    "branch": {"column": "b", "kind": "text"},
}


@pytest.fixture(scope="module")
def book() -> Book:
    portfolio = {
        "portfolio": "shore",
        "time_zone": "Asia/Shanghai",
        "region": "CN",
        "language": "zh",
        "currency": "CNY",
        "run_at": "06:30",
        "source": {"kind": "files", "path": "{business_date}.csv", "attributes": ATTRIBUTES},
        "lender": {"name": {"zh": "x"}, "phone": "1", "pay_url": "https://u", "complaints": "c"},
    }
    return Book(
        build(Portfolio, portfolio, "portfolio"),
        build(Policy, {"policy": "p", "tiers": [{"tier": "one", "from_dpd": 1}]}, "policy"),
        Floor(packs=[]),
        Path(),
    )


def is_met(engine: Engine, book: Book, when: dict[str, Any], **facts: Any) -> bool:
    """Whether `when` holds for an account with these facts, all others missing."""
    tier = build(Tier, {"tier": "one", "from_dpd": 1, "when": when}, "tier")
    amounts = {name: facts.get(name) for name in ("overdue", "balance")}
    texts = {"currency": facts.get("currency", "CNY"), "product": facts.get("product")}
    numbers = {name: facts.get(name) for name in ("dpd", "days_since_payment")}
    account = select(
        *[literal(value, Numeric).label(name) for name, value in amounts.items()],
        *[literal(value, Text).label(name) for name, value in texts.items()],
        *[literal(value, Integer).label(name) for name, value in numbers.items()],
        literal(facts.get("attributes"), JSONB(none_as_null=True)).label("attributes"),
    ).subquery("f")
    with engine.connect() as conn:
        found: bool = conn.execute(select(holds(book, tier.when, account))).scalar_one()
    return found


@pytest.mark.parametrize("dpd", [2, 3, 5, 6])
def test_both_bounds_belong_to_the_range(shared_ledger: Engine, book: Book, dpd: int) -> None:
    assert is_met(shared_ledger, book, {"dpd": {"from": 3, "to": 5}}, dpd=dpd) is (3 <= dpd <= 5)


def test_no_condition_holds_for_anyone(shared_ledger: Engine, book: Book) -> None:
    assert is_met(shared_ledger, book, {}) is True


@pytest.mark.parametrize(
    "test", [{"from": 1}, {"to": 1}, {"in": [1]}, {"not_in": [1]}, {"is": 1}, {"from": -9, "to": 9}]
)
@pytest.mark.parametrize("fact", ["days_since_payment", "score"])
def test_a_missing_fact_meets_nothing(
    shared_ledger: Engine, book: Book, fact: str, test: dict[str, Any]
) -> None:
    assert is_met(shared_ledger, book, {fact: test}) is False


def test_not_in_does_not_hold_for_a_missing_text(shared_ledger: Engine, book: Book) -> None:
    assert is_met(shared_ledger, book, {"product": {"not_in": ["card"]}}) is False
    assert is_met(shared_ledger, book, {"product": {"not_in": ["card"]}}, product="loan") is True
    assert is_met(shared_ledger, book, {"product": {"not_in": ["card"]}}, product="card") is False


def test_all_parts_must_hold(shared_ledger: Engine, book: Book) -> None:
    when = {"dpd": {"from": 3}, "product": {"in": ["card", "loan"]}}
    assert is_met(shared_ledger, book, when, dpd=3, product="loan") is True
    assert is_met(shared_ledger, book, when, dpd=3, product="lease") is False
    assert is_met(shared_ledger, book, when, dpd=3) is False
    assert is_met(shared_ledger, book, when, dpd=2, product="loan") is False


@pytest.mark.parametrize(
    ("overdue", "currency", "met"),
    [
        ("200.00", "CNY", True),
        ("199.99", "CNY", False),
        ("4000", "JPY", True),
        ("3999", "JPY", False),
        ("1000000", "EUR", False),
    ],
)
def test_an_amount_counts_only_in_the_currencies_that_are_named(
    shared_ledger: Engine, book: Book, overdue: str, currency: str, met: bool
) -> None:
    when = {"overdue": {"from": {"CNY": "200.00", "JPY": "4000"}}}
    facts = {"overdue": Decimal(overdue), "currency": currency}
    assert is_met(shared_ledger, book, when, **facts) is met


def test_each_bound_names_its_own_currencies(shared_ledger: Engine, book: Book) -> None:
    when = {"balance": {"from": {"CNY": "1.00", "USD": "1.00"}, "to": {"CNY": "9.00"}}}
    assert is_met(shared_ledger, book, when, balance=Decimal(5)) is True
    assert is_met(shared_ledger, book, when, balance=Decimal(5), currency="USD") is False


@pytest.mark.parametrize(
    ("when", "attributes", "met"),
    [
        ({"score": {"from": 600}}, {"score": 600}, True),
        ({"score": {"from": 600}}, {"score": 599.5}, False),
        # As numbers, not letter by letter
        ({"score": {"from": 600}}, {"score": 1000}, True),
        ({"insured": {"is": True}}, {"insured": True}, True),
        ({"insured": {"is": False}}, {"insured": True}, False),
        ({"insured": {"is": False}}, {"insured": False}, True),
        ({"branch": {"in": ["0010"]}}, {"branch": "0010"}, True),
        ({"branch": {"in": ["10"]}}, {"branch": "0010"}, False),
        ({"branch": {"is": "north"}}, {}, False),
    ],
)
def test_an_attribute_is_of_its_declared_kind(
    shared_ledger: Engine,
    book: Book,
    when: dict[str, Any],
    attributes: dict[str, Any],
    met: bool,
) -> None:
    assert is_met(shared_ledger, book, when, attributes=attributes) is met
