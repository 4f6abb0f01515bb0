"""Each promise is broken on purpose, by hand, and the audit must name it."""

import datetime as dt
import json
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import Connection, text

from dunflow.config.book import PACKS, read_floor, root
from dunflow.config.pack import Floor
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


AWAY = (
    "INSERT INTO placement (portfolio_id, account_id, episode_id, business_date, destination,"
    " state, amount, currency, proposed_at, ended_at) SELECT 1, account_id, episode_id,"
    " '2026-02-28', 'agency', '{state}', 1300, 'CNY', '2026-02-28 07:00+08',"
    " '2026-03-01 07:00+08' FROM episode WHERE account_id = acc('A-climbs')"
)

# Names below: `acc` gives an account's id, `con` the id of the contact that it led on a date.
LEFT = "WITH gone AS (UPDATE placement SET state = 'exported', exported_at = '2026-03-09 12:00+08')"
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
        "each decision about a step that was due names it",
        "A-climbs",
        "UPDATE decision SET step = NULL"
        " WHERE business_date = '2026-03-04' AND account_id = acc('A-climbs')",
    ),
    Break(
        "each contact that did not go out says why",
        "A-pays_in_time",
        "UPDATE contact SET reason = NULL WHERE contact_id = con('A-pays_in_time', '2026-03-01')",
    ),
    Break(
        "nothing of a date went out after a newer one had decided",
        "A-climbs",
        "UPDATE contact SET claimed_at = '2026-03-06 08:00+08'"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "no contact is still planned after a newer date has run",
        "A-climbs",
        "UPDATE contact SET state = 'planned' WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "late runs planned nothing",
        "A-climbs",
        "UPDATE run SET late = true WHERE business_date = '2026-03-04'",
    ),
    Break(
        "each contact, episode, waiver and placement belongs to what is there",
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
        "no provider has a contact twice",
        "A-climbs",
        "UPDATE contact SET reason = 'twice' WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "no provider's message is taken for two contacts",
        "A-climbs",
        "UPDATE contact SET provider_id = 'SM1'"
        " WHERE contact_id IN (con('A-climbs', '2026-03-01'), con('A-climbs', '2026-03-04'))",
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
        "nothing was sent while a promise was waited for",
        "A-climbs",
        "INSERT INTO promise (portfolio_id, account_id, amount, currency, promised_on, made_at,"
        " recorded_at, recorded_by) SELECT 1, acc('A-climbs'), 5, 'CNY', '2026-03-09', at, at, 'x'"
        " FROM CAST('2026-03-05 07:00+08' AS timestamptz) AS at",
    ),
    Break(
        "nothing was sent while a plan was kept",
        "A-climbs",
        "WITH made AS (INSERT INTO plan (portfolio_id, account_id, currency, grace_days, agreed_at,"
        " recorded_at, recorded_by) SELECT 1, acc('A-climbs'), 'CNY', 0, at, at, 'x'"
        " FROM CAST('2026-03-05 07:00+08' AS timestamptz) AS at RETURNING plan_id)"
        " INSERT INTO instalment (plan_id, due_on, amount, total_amount)"
        " SELECT plan_id, '2026-03-09', 5, 5 FROM made",
    ),
    Break(
        "nothing was sent where nothing arrives any more",
        "A-climbs",
        "INSERT INTO dead_address (portfolio_id, channel, address, reason, since_at)"
        " SELECT 1, channel, address, 'x', '2026-03-05 07:00+08' FROM contact"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "nothing was sent without a consent that a pack wants",
        "A-climbs",
        "UPDATE contact SET channel = 'voice' WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "nothing was sent in the rest after a talk that a pack wants",
        "A-climbs",
        "INSERT INTO conversation (portfolio_id, customer_id, held_at, held_on, recorded_at,"
        " recorded_by) SELECT 1, customer_id, at, '2026-03-04', at, 'x' FROM contact,"
        " CAST('2026-03-04 15:00+08' AS timestamptz) AS at"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "nothing was handed off before its notice",
        "A-leaves",
        f"{LEFT} UPDATE print_batch SET delivered_at = '2026-03-04 07:00+08'"
        " FROM print_line JOIN contact USING (contact_id)"
        " WHERE print_line.print_batch_id = print_batch.print_batch_id"
        " AND account_id = acc('A-leaves') AND step = 'notice'",
    ),
    Break(
        "nothing was handed off before its notice",
        "A-leaves",
        f"{LEFT} UPDATE contact SET customer_id = (SELECT customer_id FROM contact"
        " WHERE contact_id = con('A-climbs', '2026-03-04'))"
        " WHERE account_id = acc('A-leaves') AND step = 'notice'",
    ),
    Break(
        "no step was waived that a pack demands",
        "A-climbs",
        "INSERT INTO waiver (portfolio_id, account_id, episode_id, business_date, step, reason,"
        " waived_by, waived_at) SELECT 1, account_id, episode_id, '2026-03-04', 'notice', 'x', 'x',"
        " '2026-03-05 07:00+08' FROM episode WHERE account_id = acc('A-climbs')",
    ),
    Break(
        "nothing was sent about an account that was placed",
        "A-leaves",
        "UPDATE placement SET proposed_at = '2026-03-01 00:00+08'",
    ),
    Break(
        "nothing was sent about an account that its receiver closed",
        "A-climbs",
        AWAY.format(state="closed"),
    ),
    Break(
        "nothing was sent about what was paid to a receiver in full",
        "A-climbs",
        f"WITH away AS ({AWAY.format(state='returned')} RETURNING placement_id)"
        " INSERT INTO handback (portfolio_id, destination, handback_ref, kind, placement_id,"
        " happened_at, amount, currency, file, line, received_at, told_by) SELECT 1, 'agency', 'r',"
        " 'payment', placement_id, '2026-03-03 12:00+08', 1299, 'CNY', 'x', 1,"
        " '2026-03-04 12:00+08', 'x' FROM away",
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
        "kept progress is what contacts and waivers say",
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
        "no cure stands that only rows say which count no longer",
        "A-climbs",
        "WITH refused AS (UPDATE load SET state = 'refused' WHERE business_date = '2026-03-05')"
        " UPDATE episode SET ended_on = '2026-03-05' WHERE account_id = acc('A-climbs')",
    ),
    Break(
        "each load counts what its snapshot holds",
        None,
        "UPDATE snapshot SET overdue_amount = overdue_amount * 10"
        " WHERE business_date = '2026-03-04'",
    ),
    Break(
        "each run counts the rows that it wrote",
        None,
        "UPDATE run SET decided = '{\"send\": 999}' WHERE business_date = '2026-03-04'",
    ),
    Break(
        "each decision is about what its snapshot says is owed",
        "A-climbs",
        "UPDATE decision SET overdue_amount = overdue_amount * 10"
        " WHERE business_date = '2026-03-04' AND account_id = acc('A-climbs')",
    ),
    Break(
        "each decision is about what its snapshot says is owed",
        "A-climbs",
        "UPDATE decision SET overdue_amount = overdue_amount - 0.01"
        " WHERE business_date = '2026-03-04' AND account_id = acc('A-climbs')",
    ),
    Break(
        "each decision is about what its snapshot says is owed",
        "A-climbs",
        "UPDATE decision SET dpd = dpd + 1"
        " WHERE business_date = '2026-03-04' AND account_id = acc('A-climbs')",
    ),
    Break(
        "no contact asks for more than is owed",
        "A-climbs",
        "UPDATE contact SET amount = amount * 10 WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "no contact asks for more than is owed",
        "A-covered",  # whose amount is not the contact's
        "UPDATE contact_account SET amount = amount + 0.01 WHERE account_id = acc('A-covered')"
        " AND contact_id = con('A-leads', '2026-03-01')",
    ),
    Break(
        "no contact asks for more than is owed",
        "A-climbs",  # a payment that was known is not taken off
        "INSERT INTO payment (portfolio_id, payment_ref, account_id, amount, currency, booked_at,"
        " recorded_at) SELECT 1, 'x', acc('A-climbs'), 5, 'CNY', at, at"
        " FROM CAST('2026-03-05 07:00+08' AS timestamptz) AS at",
    ),
    Break(
        "no mandatory step was passed over",
        "A-leaves",
        "WITH gone AS (UPDATE contact SET state = 'cancelled', reason = 'gap'"
        " WHERE step = 'firm_letter' AND account_id = acc('A-leaves') RETURNING contact_id),"
        " free AS (UPDATE contact_account SET occupies = false"
        " WHERE contact_id IN (SELECT contact_id FROM gone))"
        " UPDATE episode SET progress = progress - 'firm_letter'"
        " WHERE account_id = acc('A-leaves')",
    ),
    Break(
        "nothing went out before its hour or after its life",
        "A-climbs",
        "UPDATE contact SET expires_at = claimed_at - interval '1 hour'"
        " WHERE contact_id = con('A-climbs', '2026-03-04')",
    ),
    Break(
        "nothing went out before its hour or after its life",
        "A-climbs",
        "UPDATE decision SET not_before_at = not_before_at + interval '1 hour'"
        " WHERE business_date = '2026-03-04' AND account_id = acc('A-climbs')",
    ),
    Break(
        "nothing was sent while a person had stopped it",
        "A-climbs",
        "INSERT INTO stop (portfolio_id, channel, reason, stopped_by, stopped_at)"
        " VALUES (1, 'sms', 'x', 'x', '2026-03-05 07:00+08')",
    ),
    Break(
        "nothing was handed off without an approval",
        "A-leaves",
        "UPDATE placement SET state = 'exported', exported_at = '2026-03-09 12:00+08'",
    ),
    Break(
        "nothing was handed off during a hold",
        "A-leaves",
        "WITH gone AS (UPDATE placement SET state = 'exported',"
        " exported_at = '2026-03-09 12:00+08' RETURNING portfolio_id, account_id)"
        " INSERT INTO hold (portfolio_id, account_id, kind, from_at, recorded_at, recorded_by)"
        " SELECT portfolio_id, account_id, 'dispute', at, at, 'x' FROM gone,"
        " CAST('2026-03-09 11:00+08' AS timestamptz) AS at",
    ),
    Break(
        "nothing was handed off during a hold",
        "A-leaves",
        "WITH gone AS (UPDATE placement SET state = 'exported',"
        " exported_at = '2026-03-09 12:00+08' RETURNING portfolio_id, account_id)"
        " INSERT INTO hold (portfolio_id, customer_id, kind, from_at, recorded_at, recorded_by)"
        " SELECT DISTINCT gone.portfolio_id, s.customer_id, 'dispute', at, at, 'x'"
        " FROM gone JOIN snapshot AS s ON s.account_id = gone.account_id,"
        " CAST('2026-03-09 11:00+08' AS timestamptz) AS at",
    ),
    Break(
        "nothing was proposed again to a receiver that had it",
        "A-leaves",
        "INSERT INTO placement (portfolio_id, account_id, episode_id, business_date, destination,"
        " state, amount, currency, proposed_at, ended_at, run_id)"
        " SELECT portfolio_id, account_id, episode_id, '2026-03-01', destination, 'rejected',"
        " amount, currency, '2026-03-02', '2026-03-02', run_id FROM placement",
    ),
    Break(
        "each account on the ladder has its episode",
        "A-climbs",
        "UPDATE episode SET ended_on = '2026-03-05' WHERE account_id = acc('A-climbs')",
    ),
    Break(
        "each account on the ladder has its episode",
        "A-climbs",
        "DELETE FROM episode WHERE account_id = acc('A-climbs')",
    ),
    Break(
        "no episode goes on of an account that owes nothing",
        "A-cures",
        "UPDATE episode SET ended_on = NULL WHERE account_id = acc('A-cures')",
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
    assert set(checked) == {each.promise for each in BREAKS}


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
    assert BREAKS[0].promise in broken(conn, told, date, date)
    day = dt.timedelta(days=1)
    assert broken(conn, told, date + day, date + 5 * day) == {}
    assert broken(conn, told, date - 2 * day, date - day) == {}


@pytest.mark.parametrize("promise", [CAP, HOURS])
def test_packs_that_are_left_out_by_now_were_still_to_be_heeded(
    conn: Connection, told: Told, promise: str
) -> None:
    (each,) = (each for each in BREAKS if each.promise == promise)
    damage(conn, each)
    today = replace(told, book=replace(told.book, floor=Floor(packs=[])))
    assert promise in broken(conn, today)


@pytest.mark.parametrize("pack", sorted(file.stem for file in (root() / PACKS).glob("*.yaml")))
def test_the_packs_that_a_run_went_by_are_read_back_as_they_were(told: Told, pack: str) -> None:
    floor = read_floor([pack], [root() / PACKS])
    kept = json.dumps(replace(told.book, floor=floor).document)
    assert Floor.model_validate({"packs": json.loads(kept)["packs"]}) == floor


def test_what_a_person_proposes_again_is_within_their_rights(conn: Connection, told: Told) -> None:
    (again,) = (each for each in BREAKS if each.promise.startswith("nothing was proposed again"))
    damage(conn, again)
    conn.execute(text("UPDATE placement SET run_id = NULL WHERE state = 'proposed'"))
    assert again.promise not in broken(conn, told)


def test_what_was_held_while_its_package_was_on_its_way_is_recalled_and_no_fault(
    conn: Connection, told: Told
) -> None:
    held = next(each for each in BREAKS if each.promise == "nothing was handed off during a hold")
    damage(conn, held)
    made = (
        "WITH made AS (INSERT INTO package (portfolio_id, destination, kind, reference,"
        " business_date, made_at) VALUES (1, 'harbour_agency', 'placement', 'x', '2026-03-08',"
        " '2026-03-09 10:30+08') RETURNING package_id) INSERT INTO package_line (package_id,"
        " placement_id, kind, amount, currency)"
        " SELECT package_id, placement_id, 'placement', amount, currency FROM made, placement"
    )
    conn.execute(text(made))
    assert held.promise not in broken(conn, told)


def test_what_the_system_before_gave_away_needs_no_approval_of_ours(
    conn: Connection, told: Told
) -> None:
    away = next(each for each in BREAKS if each.promise.endswith("without an approval"))
    damage(conn, away)
    conn.execute(text("UPDATE placement SET run_id = NULL"))
    assert away.promise not in broken(conn, told)


def test_a_payment_that_was_told_later_was_not_to_be_taken_off(
    conn: Connection, told: Told
) -> None:
    promise = "no contact asks for more than is owed"
    known = [each for each in BREAKS if each.promise == promise][-1]
    damage(conn, known)
    conn.execute(text("UPDATE payment SET recorded_at = '2026-03-06' WHERE payment_ref = 'x'"))
    assert promise not in broken(conn, told)


def test_rows_that_came_again_after_a_contact_say_nothing_of_what_it_asked_for(
    conn: Connection, told: Told
) -> None:
    promise = "no contact asks for more than is owed"
    conn.execute(text("UPDATE snapshot SET overdue_amount = overdue_amount / 2"))
    assert promise in broken(conn, told)
    conn.execute(text("UPDATE load SET loaded_at = '2026-04-01', assessed_load_at = '2026-04-01'"))
    assert promise not in broken(conn, told)


def test_a_mandatory_step_that_was_waived_was_not_passed_over(conn: Connection, told: Told) -> None:
    promise = "no mandatory step was passed over"
    damage(conn, next(each for each in BREAKS if each.promise == promise))
    conn.execute(
        text(
            "INSERT INTO waiver (portfolio_id, account_id, episode_id, business_date, step, reason,"
            " waived_by, waived_at) SELECT 1, account_id, episode_id, started_on, 'firm_letter',"
            " 'x', 'x', '2026-03-01' FROM episode WHERE account_id = pg_temp.acc('A-leaves')"
        )
    )
    assert promise not in broken(conn, told)


def test_an_hour_that_moved_on_with_a_try_is_not_the_one_that_was_decided(
    conn: Connection, told: Told
) -> None:
    tried = "UPDATE contact SET not_before_at = accepted_at + interval '1 second'"
    conn.execute(text(f"{tried} WHERE accepted_at IS NOT NULL"))
    assert broken(conn, told) == {}


def test_a_stop_that_was_lifted_or_is_of_another_channel_forbids_nothing(
    conn: Connection, told: Told
) -> None:
    conn.execute(
        text(
            "INSERT INTO stop (portfolio_id, channel, reason, stopped_by, stopped_at, resumed_at)"
            " VALUES (1, 'sms', 'x', 'x', '2026-03-05 07:00+08', '2026-03-05 07:30+08'),"
            " (1, 'visit', 'x', 'x', '2026-03-01 00:00+08', NULL)"
        )
    )
    assert broken(conn, told) == {}


def test_a_proposal_that_never_left_is_no_hand_off(conn: Connection, told: Told) -> None:
    early, *_ = (each for each in BREAKS if each.promise.endswith("before its notice"))
    damage(conn, early)
    conn.execute(text("UPDATE placement SET state = 'withdrawn', exported_at = NULL"))
    assert early.promise not in broken(conn, told)
