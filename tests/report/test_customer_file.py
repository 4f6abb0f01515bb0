"""What a person is shown of a customer."""

import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import Connection, text

from dunflow.report.customer_file import customer_file
from tests.report.conftest import Told

NOW = dt.datetime(2026, 3, 9, 12, tzinfo=dt.UTC)


def shown(conn: Connection, told: Told) -> tuple[dt.date, Decimal]:
    (only,) = customer_file(conn, told.book, told.portfolio_id, "A-climbs", NOW)["accounts"]
    return only["as_of"], only["overdue"]


@pytest.mark.parametrize("state", ["refused", "loaded"])
def test_no_amount_is_shown_of_a_snapshot_that_is_not_trusted(
    conn: Connection, told: Told, state: str
) -> None:
    assert shown(conn, told) == (dt.date(2026, 3, 8), Decimal(1300))
    wrong = text("UPDATE snapshot SET overdue_amount = 130000 WHERE business_date = '2026-03-08'")
    conn.execute(wrong)
    distrust = text("UPDATE load SET state = :state WHERE business_date = '2026-03-08'")
    conn.execute(distrust, {"state": state})
    assert shown(conn, told) == (dt.date(2026, 3, 7), Decimal(1300))


def test_the_amount_of_a_date_whose_load_was_let_go_is_still_shown(
    conn: Connection, told: Told
) -> None:
    conn.execute(text("DELETE FROM load"))
    assert shown(conn, told) == (dt.date(2026, 3, 8), Decimal(1300))
