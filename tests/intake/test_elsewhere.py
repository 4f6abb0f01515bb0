"""What somebody else did counts on the customer's own calendar, as what we do."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select

from dunflow.config.book import Book
from dunflow.intake.feeds import take_file
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import contact, customer
from dunflow.scenario.model import Account, Expect, Scenario
from dunflow.scenario.run import Story, book_of

SENT = "2026-03-10T05:00:00Z"  # in New York past midnight, in Honolulu seven in the evening before
NOW = dt.datetime(2026, 3, 12, 15, tzinfo=dt.UTC)


@pytest.fixture
def book() -> Book:
    story = Scenario.model_validate(
        {
            "scenario": "none",
            "portfolio": {"time_zone": "America/New_York", "region": "US", "currency": "USD"},
            "policy_changes": {"packs": ["us-federal"]},
            "accounts": {"A": Account(due=dt.date(2026, 3, 1), overdue=Decimal(1))},
            "timeline": [],
            "expect": Expect(),
        }
    )
    return book_of(Story(Path(__file__).parents[1] / "scenarios/none.yaml", story))


@pytest.mark.parametrize(
    ("known", "day"),
    [
        ({}, dt.date(2026, 3, 10)),
        ({"phone_zones": "Pacific/Honolulu"}, dt.date(2026, 3, 9)),
        ({"address_zones": "Pacific/Honolulu"}, dt.date(2026, 3, 9)),
        (
            {"time_zone": "America/New_York", "phone_zones": "Pacific/Honolulu"},
            dt.date(2026, 3, 10),
        ),
    ],
)
def test_an_earlier_contact_is_of_the_customers_own_day(
    ledger: Engine, book: Book, tmp_path: Path, known: dict[str, str], day: dt.date
) -> None:
    with ledger.begin() as conn:
        number = portfolio_id_of(conn, book.name)
        conn.execute(
            insert(customer).values(
                portfolio_id=number, customer_ref="C1", seen_on=dt.date(2026, 3, 1), **known
            )
        )
    file = tmp_path / "before.csv"
    file.write_text(f"ref,account,customer,channel,sent_at\nB1,A1,C1,sms,{SENT}\n")
    assert take_file(ledger, book, "earlier_contacts", file, "ann", NOW).new == 1
    with ledger.connect() as conn:
        assert conn.execute(select(contact.c.contact_on)).scalar_one() == day
