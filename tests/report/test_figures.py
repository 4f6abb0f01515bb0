"""Figures compared with counts done plainly, row by row, in Python."""

import datetime as dt
import json
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Row, Table, select, text

from dunflow.ledger.tables import (
    ACTUAL,
    CONTACT_STATES,
    account,
    contact,
    customer,
    decision,
    episode,
    snapshot,
)
from dunflow.report.figures import Figures, figures
from dunflow.report.trend import trend
from tests.report.conftest import Told

DATES = [dt.date(2026, 3, day) for day in range(1, 9)]
"""Every date of the story; the sixth was run late, the eighth twice."""
SHANGHAI = dt.timezone(dt.timedelta(hours=8))
each_date = pytest.mark.parametrize("date", DATES, ids=str)


def of(conn: Connection, told: Told, date: dt.date) -> Figures:
    return figures(conn, told.book, told.portfolio_id, date)


def rows(conn: Connection, table: Table, date: dt.date) -> list[Row[Any]]:
    return list(conn.execute(select(table).where(table.c.business_date == date)))


def overdue(row: Row[Any] | None) -> Decimal | None:
    """What a decision row says is overdue; None: nothing is."""
    return row.overdue_amount if row and row.dpd is not None and row.dpd >= 1 else None


def as_amounts(amounts: dict[str, str]) -> dict[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in amounts.items()}


@each_date
def test_every_decision_row_is_in_one_action_and_one_reason(
    conn: Connection, told: Told, date: dt.date
) -> None:
    decided, counted = rows(conn, decision, date), of(conn, told, date)
    assert counted["decide"] == Counter(row.action for row in decided)
    pairs = {
        (action, reason): count
        for action, counts in counted["reasons"].items()
        for reason, count in counts.items()
    }
    assert pairs == Counter((row.action, row.reason) for row in decided)
    assert sum(pairs.values()) == sum(counted["decide"].values()) == len(decided)


@each_date
def test_each_tier_counts_its_accounts_and_what_they_owe(
    conn: Connection, told: Told, date: dt.date
) -> None:
    decided, counted = rows(conn, decision, date), of(conn, told, date)
    owed: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in decided:
        if row.tier and (amount := overdue(row)) is not None:
            owed[row.tier][row.currency] += amount
    tiers = counted["tiers"]
    assert list(tiers) == ["courtesy", "firm", "pre_legal"]
    assert {name: as_amounts(tier["overdue"]) for name, tier in tiers.items()} == {
        name: dict(owed[name]) for name in tiers
    }
    without = sum(row.tier is None for row in decided)
    assert sum(tier["accounts"] for tier in tiers.values()) + without == len(decided)


@each_date
def test_the_snapshot_is_what_was_loaded(conn: Connection, told: Told, date: dt.date) -> None:
    late = [row for row in rows(conn, snapshot, date) if row.due_on < date]
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in late:
        sums[row.currency] += row.overdue_amount
    counted = of(conn, told, date)["snapshot"]
    assert counted["state"] == "accepted"
    assert counted["accounts"] == len(late)
    assert counted["customers"] == len({row.customer_id for row in late})
    assert as_amounts(counted["overdue"]) == sums
    assert counted["quarantined"] == (date.day in (4, 5))


@each_date
def test_contacts_are_counted_by_state_channel_and_hour(
    conn: Connection, told: Told, date: dt.date
) -> None:
    # The story's contacts end in few states, so they are spread over all of them.
    for number, state in enumerate(CONTACT_STATES):
        spread = "UPDATE contact SET state = :state WHERE contact_id % :all = :number"
        conn.execute(text(spread), {"state": state, "all": len(CONTACT_STATES), "number": number})
    planned, counted = rows(conn, contact, date), of(conn, told, date)
    assert counted["remind"] == Counter(row.state for row in planned)
    pairs = {
        (channel, state): count
        for channel, counts in counted["channels"].items()
        for state, count in counts.items()
    }
    assert pairs == Counter((row.channel, row.state) for row in planned)
    out = [row.accepted_at for row in planned if row.state in ACTUAL and row.accepted_at]
    hours = Counter(str(instant.astimezone(SHANGHAI).hour) for instant in out)
    assert counted["sent_by_hour"] == hours


@each_date
def test_movement_is_what_differs_from_the_date_before(
    conn: Connection, told: Told, date: dt.date
) -> None:
    moved = of(conn, told, date)["movement"]
    if date == DATES[0]:
        assert moved is None
        return
    since = date - dt.timedelta(days=1)
    then = {row.account_id: row for row in rows(conn, decision, since)}
    now = {row.account_id: row for row in rows(conn, decision, date)}
    both = [(then.get(each), now.get(each)) for each in then.keys() | now.keys()]
    known = [
        pair for pair in both if all(row is None or row.reason != "quarantined" for row in pair)
    ]
    ranks = {"courtesy": 0, "firm": 1, "pre_legal": 2}
    gone: dict[str, Decimal] = defaultdict(Decimal)
    for before, after in known:
        less = (overdue(before) or Decimal(0)) - (overdue(after) or Decimal(0))
        if before and less > 0:
            gone[before.currency] += less
    assert moved is not None
    assert moved["since"] == since.isoformat()
    assert moved["new"] == sum(
        overdue(after) is not None and overdue(before) is None for before, after in known
    )
    assert moved["up"] == sum(
        ranks[after.tier] > ranks[before.tier]
        for before, after in known
        if before and after and before.tier and after.tier
    )
    left = [row for row in conn.execute(select(episode)) if row.ended_on == date]
    assert moved["cured"] == len(left) >= sum(row.action == "cured" for row in now.values())
    assert as_amounts(moved["recovered"]) == gone


def test_an_account_that_could_not_be_read_has_not_moved(conn: Connection, told: Told) -> None:
    # One is new, one goes up; one pays its 250 and one 300 of its 900. The one that can't be read
    # owed 320.
    assert of(conn, told, DATES[3])["movement"] == {
        "since": "2026-03-03",
        "new": 1,
        "up": 1,
        "cured": 1,
        "recovered": {"CNY": "550.00"},
    }


def test_an_undecided_date_is_passed_over_when_looking_back(conn: Connection, told: Told) -> None:
    conn.execute(text("UPDATE load SET state = 'refused' WHERE business_date = '2026-03-05'"))
    moved = of(conn, told, DATES[5])["movement"]
    assert moved is not None
    assert moved["since"] == "2026-03-04"


def test_a_corrected_currency_is_nobodys_payment(conn: Connection, told: Told) -> None:
    conn.execute(
        text(
            "UPDATE decision SET currency = 'USD' WHERE business_date = '2026-03-05' "
            "AND account_id = (SELECT account_id FROM account WHERE account_ref = 'A-climbs')"
        )
    )
    moved = of(conn, told, DATES[4])["movement"]
    assert moved is not None
    assert moved["recovered"] == {}
    assert moved["new"] == 0


def test_only_mandatory_steps_block(conn: Connection, told: Told) -> None:
    counted = of(conn, told, DATES[0])
    assert counted["reasons"]["suppress"] == {"unreachable": 2}
    assert counted["blocked"] == {"unreachable": 1}


def test_what_nobody_knows_about_is_counted_whatever_its_date(conn: Connection, told: Told) -> None:
    assert of(conn, told, DATES[0])["unresolved"] == {}
    conn.execute(text("UPDATE contact SET state = 'parked' WHERE business_date = '2026-03-01'"))
    conn.execute(text("UPDATE contact SET state = 'in_doubt' WHERE business_date = '2026-03-04'"))
    counts = {day: len(rows(conn, contact, DATES[day])) for day in (0, 3)}
    found = {"in_doubt": counts[3], "parked": counts[0]}
    assert of(conn, told, DATES[6])["unresolved"] == found


def test_a_gap_blocks_nothing(conn: Connection, told: Told) -> None:
    conn.execute(text("UPDATE decision SET reason = 'gap' WHERE reason = 'unreachable'"))
    assert of(conn, told, DATES[0])["blocked"] == {}


def test_proposals_are_counted_by_destination(conn: Connection, told: Told) -> None:
    placed = {date: of(conn, told, date)["placed"] for date in DATES}
    assert {date: counts for date, counts in placed.items() if counts} == {
        DATES[3]: {"harbour_agency": 1}
    }


def test_only_the_date_that_was_run_late_is_late(conn: Connection, told: Told) -> None:
    assert [date for date in DATES if of(conn, told, date)["late"]] == [DATES[5]]


def test_hours_are_those_of_the_portfolios_clock(conn: Connection, told: Told) -> None:
    # Letters are listed with the run at 06:30; texts wait for 08:00.
    assert of(conn, told, DATES[0])["sent_by_hour"] == {"6": 1, "8": 6}


def test_a_letter_that_no_printer_had_was_never_sent(conn: Connection, told: Told) -> None:
    conn.execute(
        text(
            "UPDATE contact SET state = 'undelivered', reason = 'unprintable'"
            " WHERE channel = 'letter' AND business_date = '2026-03-01'"
        )
    )
    counted = of(conn, told, DATES[0])
    assert counted["remind"]["undelivered"] == 1
    assert counted["sent_by_hour"] == {"8": 6}
    assert trend(conn, told.portfolio_id, 1, DATES[0])[0].sent == 6


def test_a_tier_that_the_policy_dropped_stands_last(conn: Connection, told: Told) -> None:
    conn.execute(text("UPDATE decision SET tier = 'ancient' WHERE tier = 'firm'"))
    tiers = of(conn, told, DATES[0])["tiers"]
    assert list(tiers) == ["courtesy", "firm", "pre_legal", "ancient"]
    assert tiers["ancient"]["accounts"] == 1


def test_what_a_person_or_the_system_before_proposed_is_not_the_dates(
    conn: Connection, told: Told
) -> None:
    (date,) = (date for date in DATES if of(conn, told, date)["placed"])
    conn.execute(text("UPDATE placement SET run_id = NULL"))
    assert of(conn, told, date)["placed"] == {}


def test_figures_are_json_and_name_nobody(conn: Connection, told: Told) -> None:
    written = json.dumps([of(conn, told, date) for date in DATES])
    assert json.loads(written)[0] == of(conn, told, DATES[0])
    for person in names(conn):
        assert person not in written


def names(conn: Connection) -> list[str]:
    """Whatever stands for a person or an account in the story's ledger."""
    people = conn.execute(
        select(customer.c.customer_ref, customer.c.name, customer.c.phone, customer.c.email)
    )
    refs = conn.execute(select(account.c.account_ref)).scalars()
    return [str(value) for row in people for value in row if value] + list(refs)


def test_a_date_that_was_never_loaded_gives_zeros(conn: Connection, told: Told) -> None:
    counted = of(conn, told, dt.date(2030, 1, 1))
    assert counted["snapshot"]["state"] == "missing"
    assert counted["snapshot"]["accounts"] == 0
    assert counted["decide"] == counted["remind"] == counted["blocked"] == counted["placed"] == {}
    assert {tier["accounts"] for tier in counted["tiers"].values()} == {0}
    assert not counted["late"]
    assert counted["movement"] is None


def test_each_line_of_the_trend_says_what_the_figures_of_its_date_say(
    conn: Connection, told: Told
) -> None:
    lines = trend(conn, told.portfolio_id, 30)
    assert [line.business_date for line in lines] == DATES[::-1]
    for line in lines:
        counted = of(conn, told, line.business_date)
        assert line.decide == counted["decide"]
        assert line.remind == counted["remind"]
        assert line.late == counted["late"]
        assert line.sent == sum(counted["sent_by_hour"].values())
        assert line.overdue == counted["snapshot"]["overdue"]
        assert (line.state, line.accounts, line.customers, line.quarantined) == tuple(
            counted["snapshot"][key] for key in ("state", "accounts", "customers", "quarantined")
        )


def test_the_trend_knows_rows_that_a_second_run_replaced(conn: Connection, told: Told) -> None:
    replaced = conn.execute(text("SELECT count(*) FROM decision_replaced")).scalar_one()
    assert replaced > 0
    newest = trend(conn, told.portfolio_id, 1)[0]
    assert newest.decide == {"send": 2, "suppress": 1, "wait": 7}


def test_the_trend_ends_with_the_date_asked_for(conn: Connection, told: Told) -> None:
    lines = trend(conn, told.portfolio_id, 3, DATES[4])
    assert [line.business_date for line in lines] == [DATES[4], DATES[3], DATES[2]]
