"""Each promise is broken on purpose, by hand, and the audit must name it."""

import datetime as dt
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, text

from dunflow.report.audit import CHECKS, Checked, audit
from tests.report.conftest import Told

CAP = "no customer was contacted over cap sms_week"
HOURS = "everything went out within contact hours"


@dataclass(frozen=True)
class Break:
    """How a promise is broken, and the account that must be named; None: none can be."""

    promise: str
    account: str | None
    sql: str


# Names below: `acc` gives an account's id, `con` the id of the contact that it led on a date.
BREAKS = [
    Break(
        "each account of a snapshot has its decision",
        "A-climbs",
        "DELETE FROM decision WHERE business_date = '2026-03-03' AND account_id = acc('A-climbs')",
    ),
    Break(
        "each decision is about an account of the snapshot, an unreadable or a cured one",
        "A-dollars",
        "DELETE FROM snapshot WHERE business_date = '2026-03-03' AND account_id = acc('A-dollars')",
    ),
    Break(
        "each load counts what its snapshot holds",
        None,
        "UPDATE load SET accounts = accounts + 1 WHERE business_date = '2026-03-03'",
    ),
    Break(
        "each contact was decided",
        "A-climbs",
        "UPDATE decision SET action = 'wait'"
        " WHERE business_date = '2026-03-04' AND account_id = acc('A-climbs')",
    ),
    Break(
        "each decision to send has its contact",
        "A-covered",
        "DELETE FROM contact_account WHERE account_id = acc('A-covered')"
        " AND contact_id = con('A-leads', '2026-03-01')",
    ),
    Break(
        "late runs planned nothing",
        "A-climbs",
        "UPDATE run SET late = true WHERE business_date = '2026-03-04'",
    ),
    Break(
        "each contact, episode and placement belongs to an account that is there",
        "A-climbs",
        "UPDATE contact SET customer_id = 0 WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "each living or done contact holds the key of its step",
        "A-climbs",
        "UPDATE contact_account SET occupies = false"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "no step was done twice",
        "A-climbs",
        # The unique key forbids it only while the contact occupies its step.
        "UPDATE contact_account SET step = 'text_1', occupies = false"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "no account's gap was cut short",
        "A-climbs",
        "UPDATE contact SET accepted_at = '2026-03-05 00:01+08'"
        " WHERE contact_id = con('A-climbs', '2026-03-01')",
    ),
    Break(
        "no account was contacted twice on one day",
        "A-climbs",
        "UPDATE contact SET accepted_at = '2026-03-05 19:00+08'"
        " WHERE contact_id = con('A-climbs', '2026-03-01')",
    ),
    Break(
        "no customer was contacted twice on one day, where the policy says so",
        "A-leads",
        "UPDATE contact SET accepted_at = '2026-03-05 19:00+08'"
        " WHERE contact_id IN (con('A-leads', '2026-03-01'), con('A-leads', '2026-03-04'))",
    ),
    Break(
        "nothing was sent during a hold",
        "A-climbs",
        "INSERT INTO hold (portfolio_id, account_id, kind, from_at, recorded_at, recorded_by)"
        " SELECT 1, acc('A-climbs'), 'dispute', at, at, 'x'"
        " FROM CAST('2026-03-05 07:00+08' AS timestamptz) AS at",
    ),
    Break(
        "nothing was sent about an account that was placed",
        "A-leaves",
        "UPDATE placement SET proposed_at = '2026-03-01 00:00+08'",
    ),
    Break(
        "nothing was sent after an opt-out",
        "A-climbs",
        "INSERT INTO opt_out (portfolio_id, channel, customer_id, since_at, source)"
        " SELECT 1, 'sms', customer_id, '2026-03-05 07:00+08', 'reply' FROM contact"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "nothing was sent about a settled account",
        "A-climbs",
        "UPDATE contact_account SET amount = 1.00 WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "kept progress is what the contacts say",
        "A-climbs",
        "UPDATE episode SET progress = progress - 'text_2' WHERE account_id = acc('A-climbs')",
    ),
    Break(
        "episodes of an account do not overlap",
        "A-climbs",
        "INSERT INTO episode (portfolio_id, account_id, started_on, ended_on)"
        " VALUES (1, acc('A-climbs'), '2026-03-02', '2026-03-03')",
    ),
    Break(
        "an unreadable row was never taken for a cure",
        "A-spoils",
        "UPDATE episode SET ended_on = '2026-03-04' WHERE account_id = acc('A-spoils')",
    ),
    Break(
        CAP,
        "A-dollars",
        # Two texts went out already; the letter becomes a third.
        "UPDATE contact SET channel = 'sms' WHERE contact_id = con('A-dollars', '2026-03-07')",
    ),
    Break(
        HOURS,
        "A-climbs",
        "UPDATE contact SET claimed_at = '2026-03-05 20:00+08'"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
]

_NAMES = """
CREATE FUNCTION pg_temp.acc(ref text) RETURNS bigint LANGUAGE sql AS
  $$ SELECT account_id FROM account WHERE account_ref = ref $$;
CREATE FUNCTION pg_temp.con(ref text, day date) RETURNS bigint LANGUAGE sql AS
  $$ SELECT contact_id FROM contact WHERE account_id = pg_temp.acc(ref) AND business_date = day $$;
"""


def broken(conn: Connection, told: Told, *dates: dt.date) -> dict[str, Checked]:
    checked = audit(conn, told.book, told.portfolio_id, *dates)
    return {each.promise: each for each in checked if each.broken}


def damage(conn: Connection, each: Break) -> None:
    conn.execute(text(_NAMES))
    sql = each.sql.replace("acc(", "pg_temp.acc(").replace("con(", "pg_temp.con(")
    assert conn.execute(text(sql)).rowcount > 0


def test_an_unbroken_ledger_is_clean(conn: Connection, told: Told) -> None:
    assert broken(conn, told) == {}


def test_every_promise_is_looked_at(conn: Connection, told: Told) -> None:
    checked = [each.promise for each in audit(conn, told.book, told.portfolio_id)]
    assert sorted(checked) == sorted([*CHECKS, CAP, HOURS])
    assert sorted(checked) == sorted(each.promise for each in BREAKS)


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.promise)
def test_a_broken_promise_is_named(conn: Connection, told: Told, each: Break) -> None:
    damage(conn, each)
    found = broken(conn, told)
    assert each.promise in found
    if each.account:
        assert each.account in found[each.promise].accounts


def test_only_the_dates_asked_for_are_looked_at(conn: Connection, told: Told) -> None:
    damage(conn, BREAKS[0])
    date = dt.date(2026, 3, 3)
    assert broken(conn, told, date, date).keys() == {BREAKS[0].promise}
    day = dt.timedelta(days=1)
    assert broken(conn, told, date + day, date + 5 * day) == {}
    assert broken(conn, told, date - 2 * day, date - day) == {}
