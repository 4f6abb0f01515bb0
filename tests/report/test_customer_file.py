"""What a person is shown of a customer."""

import datetime as dt
from decimal import Decimal
from typing import Any

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


def contacts(conn: Connection, told: Told) -> list[dict[str, Any]]:
    file = customer_file(conn, told.book, told.portfolio_id, "C-pair", NOW)
    return list(file["contacts"])


def test_an_account_that_dropped_out_of_a_text_is_told_apart_with_its_reason(
    conn: Connection, told: Told
) -> None:
    first = contacts(conn, told)[0]
    assert (first["accounts"], first["left_out"]) == (["A-covered", "A-leads"], [])
    conn.execute(
        text(
            "UPDATE contact_account SET dropped = 'settled' FROM account WHERE account_ref ="
            " 'A-covered' AND account.account_id = contact_account.account_id"
        )
    )
    first = contacts(conn, told)[0]
    assert first["accounts"] == ["A-leads"]
    assert first["left_out"] == [{"account": "A-covered", "reason": "settled"}]


def test_what_became_of_a_contact_is_told(conn: Connection, told: Told) -> None:
    """When it arrived or failed and why, what a person reported, and what the provider calls it."""
    at = dt.datetime(2026, 3, 3, tzinfo=dt.UTC)
    failed = "state = 'undelivered', ended_at = :at, error_code = '30003', provider_id = 'SM1'"
    conn.execute(text(f"UPDATE contact SET {failed}"), {"at": at})
    conn.execute(
        text(
            "INSERT INTO result (contact_id, result, happened_at, recorded_at, recorded_by)"
            " SELECT contact_id, 'no_answer', :at, :at, 'ann' FROM contact"
        ),
        {"at": at},
    )
    known = {"ended_at": at, "error_code": "30003", "provider_id": "SM1", "came_to": "no_answer"}
    reported = {"happened_at": at, "recorded_by": "ann"}
    assert contacts(conn, told)[0].items() >= (known | reported).items()
