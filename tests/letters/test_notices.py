"""A notice by letter counts for a hand-off from the day on which the printer had it."""

import datetime as dt
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest
from sqlalchemy import select, update

from dunflow import placements
from dunflow.ledger.tables import contact, decision, placement, print_batch
from dunflow.letters import print_letters
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from dunflow.report.audit import audit
from tests.letters.conftest import DATE, FEW, NEVER, POLICY, STEP, MakeDesk, fail_to_print, states

ONE = FEW[:1]
DAY = dt.timedelta(days=1)


COURT = {"to": "court", "when": {"dpd": {"from": 2}}}
REMINDER = POLICY | {"hand_off": [COURT]}
NOTICE = REMINDER | {
    "tiers": [
        {
            "tier": "only",
            "from_dpd": 1,
            "steps": [{**STEP, "purpose": "notice", "mandatory": True}],
        }
    ]
}


def court_after(days: int) -> dict[str, Any]:
    return NOTICE | {"hand_off": [{**COURT, "after": {"step": "s", "days": days}}]}


def proposed(desk: Desk) -> int:
    return len(placements.rows(desk, Chosen(), ("proposed",)))


def broken(desk: Desk) -> list[str]:
    with desk.engine.connect() as conn:
        checked = audit(conn, desk.book, desk.portfolio_id)
    return [each.promise for each in checked if each.broken]


def test_the_days_after_a_notice_count_from_the_printer(listed: MakeDesk) -> None:
    policy = court_after(2)
    fail_to_print(listed(ONE, policy=policy))
    seen = []
    for day in range(1, 6):
        desk = listed(ONE, policy=policy, date=DATE + day * DAY)
        seen.append(proposed(desk))
        if day < 3:
            fail_to_print(desk)
        else:
            print_letters(desk)
    assert seen == [0, 0, 0, 0, 1]
    assert broken(desk) == []


@pytest.mark.parametrize("policy", [court_after(0), NOTICE])
def test_no_notice_is_given_by_a_letter_that_waits_for_the_printer(
    listed: MakeDesk, policy: dict[str, Any]
) -> None:
    fail_to_print(listed(ONE, policy=policy))
    desk = listed(ONE, policy=policy, date=DATE + DAY)
    assert proposed(desk) == 0
    print_letters(desk)
    assert proposed(listed(ONE, policy=policy, date=DATE + 2 * DAY)) == 1


def test_a_date_that_is_late_knows_of_no_letter_that_was_printed_after_it(
    listed: MakeDesk,
) -> None:
    policy = court_after(0)
    fail_to_print(listed(ONE, policy=policy))
    print_letters(listed(ONE, policy=policy, date=DATE + 2 * DAY))
    desk = listed(ONE, policy=policy, date=DATE + DAY)
    of_date = select(decision.c.action).where(decision.c.business_date == DATE + DAY)
    with desk.engine.connect() as conn:
        assert conn.execute(of_date).scalar_one() == "wait"


def test_the_audit_counts_from_the_printer(listed: MakeDesk) -> None:
    policy = court_after(1)
    print_letters(listed(ONE, policy=policy))
    desk = listed(ONE, policy=policy, date=DATE + DAY)
    assert (proposed(desk), broken(desk)) == (1, [])
    with desk.engine.begin() as conn:
        later = print_batch.c.delivered_at + dt.timedelta(hours=20)
        conn.execute(update(print_batch).values(delivered_at=later))
        gone = {"state": "exported", "exported_at": desk.clock.now()}
        conn.execute(update(placement).values(gone))
    assert "nothing was handed off before its notice" in broken(desk)


def evidence(desk: Desk, tmp_path: Path) -> str:
    """What it says once the account was given away."""
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    (pdf,) = tmp_path.glob("*/court/*/evidence-*.pdf")
    return "".join(each.get_textpage().get_text_range() for each in pdfium.PdfDocument(pdf))


@pytest.mark.parametrize("printed", [True, False])
def test_the_evidence_says_of_a_letter_that_it_was_sent_once_the_printer_had_it(
    listed: MakeDesk, tmp_path: Path, printed: bool
) -> None:
    desk = listed(ONE, policy=REMINDER)
    if printed:
        desk.clock.move_to(desk.clock.now() + dt.timedelta(hours=1))  # type: ignore[attr-defined]
        (made,) = print_letters(desk)
        proof = made["reference"]
    else:
        fail_to_print(desk)
        with desk.engine.connect() as conn:
            proof = conn.execute(select(contact.c.reference)).scalar_one()
    shown = evidence(listed(ONE, policy=REMINDER, date=DATE + DAY), tmp_path)
    assert ("".join(proof.split()) in "".join(shown.split())) == printed
    assert ("2026-03-10 07:30" in shown) == printed


def test_an_account_comes_back_when_its_notice_turns_out_never_printed(
    listed: MakeDesk,
) -> None:
    fail_to_print(listed(ONE, policy=REMINDER))
    given = listed(ONE, policy=REMINDER, date=DATE + DAY)
    placements.approve(given, Chosen(), "me")
    placements.deliver(given).raise_if_failed()
    desk = listed(ONE, policy=court_after(0), date=DATE + 2 * DAY)
    assert placements.deliver(desk).recalled == 0
    assert print_letters(desk) == []
    assert states(desk) == [NEVER]
    done = placements.deliver(desk)
    assert [(each["kind"], each["rows"]) for each in done.packages] == [("recall", 1)]
    (row,) = placements.rows(desk, Chosen(), ("recalled",))
    assert row["reason"] == "never_printed"
