"""Each promise is broken on purpose, by hand, and the audit must name it."""

import datetime as dt
import json
from dataclasses import replace

import pytest
from sqlalchemy import Connection, text

from dunflow.config.book import PACKS, read_floor, root
from dunflow.config.pack import Floor
from dunflow.report.audit import CHECKS, Checked, audit
from tests.report.breaks import BREAKS, CAP, HOURS, MADE, Break, damage
from tests.report.conftest import Told


def broken(conn: Connection, told: Told, *dates: dt.date) -> dict[str, Checked]:
    checked = audit(conn, told.book, told.portfolio_id, *dates)
    return {each.promise: each for each in checked if each.broken}


def test_an_unbroken_ledger_is_clean(conn: Connection, told: Told) -> None:
    assert broken(conn, told) == {}


def test_every_promise_is_looked_at(conn: Connection, told: Told) -> None:
    checked = [each.promise for each in audit(conn, told.book, told.portfolio_id)]
    assert sorted(checked) == sorted([*CHECKS, CAP, HOURS, MADE])
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


@pytest.mark.parametrize("promise", [CAP, HOURS, MADE])
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


def test_a_letter_that_shows_its_address_to_be_of_no_use_did_not_know_it(
    conn: Connection, told: Told
) -> None:
    """On a replayed clock it was claimed, and could not be printed, at one instant."""
    promise = "nothing was sent where nothing arrives any more"
    damage(conn, next(each for each in BREAKS if each.promise == promise))
    claimed = "SELECT claimed_at FROM contact WHERE contact.address = dead_address.address"
    same = f"UPDATE dead_address SET since_at = ({claimed} AND business_date = '2026-03-04')"
    conn.execute(text(same))
    assert promise not in broken(conn, told)


@pytest.mark.parametrize(
    "promise", ["no mandatory step was passed over", "nothing was handed off before its notice"]
)
def test_a_letter_that_failed_at_the_instant_of_a_run_failed_after_it(
    conn: Connection, told: Told, promise: str
) -> None:
    left = "UPDATE placement SET state = 'exported', exported_at = '2026-03-09 12:00+08'"
    conn.execute(text(left))
    then, before = [
        "UPDATE contact SET state = 'undelivered', reason = 'unprintable', ended_at ="
        f" (SELECT decided_at FROM run WHERE business_date = '2026-03-04') {shift}"
        " FROM account WHERE account.account_id = contact.account_id AND channel = 'letter'"
        " AND account_ref = 'A-leaves'"
        for shift in ("", "- interval '1 second'")
    ]
    conn.execute(text(then))
    assert promise not in broken(conn, told)
    conn.execute(text(before))
    assert promise in broken(conn, told)
