"""What a pack asks whoever approves to have checked: named, asked for, and kept."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from dunflow import placements
from dunflow.config.book import PACKS, read_floor, root
from dunflow.config.destination import Destination
from dunflow.ledger.tables import placement_event
from dunflow.place.life import Chosen, PlacementError
from dunflow.placements import Desk
from tests.place.conftest import DATE, MakeDesk, row

LISTED = "agency_listed_and_published"
RECONCILED = "amount_reconciled"


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    """Two receivers of which `strict` asks different things; the agency wants two people."""
    made = make_desk(
        [row("A1"), row("A2", "7000.00")],
        Destination(approvals=2),
        [
            {"to": "agency", "when": {"dpd": {"from": 1}}},
            {"to": "legal", "when": {"overdue": {"from": {"CNY": "5000.00"}}}},
        ],
    )
    floor = read_floor(["strict"], [root() / PACKS])
    return replace(made, book=replace(made.book, floor=floor))


def kept(desk: Desk) -> list[Any]:
    e = placement_event.c
    with desk.engine.connect() as conn:
        rows = conn.execute(
            select(e.told_by, e.reason)
            .where(e.event == "approval")
            .order_by(e.placement_event_id, e.told_by)
        )
        return [tuple(each) for each in rows]


def states(desk: Desk) -> dict[str, str]:
    rows = placements.rows(desk, Chosen(), ("proposed", "approved"))
    return {each["account"]: each["state"] for each in rows}


def test_a_question_and_the_list_name_what_is_asked_for_each_receiver(desk: Desk) -> None:
    asked = {"agency": [LISTED, RECONCILED]}
    asked["legal"] = ["two_reminders_28_days_apart", "forbearance_offered"]
    _, sums = placements.ask(desk, DATE, 1)
    assert {each["destination"]: each["checks"] for each in sums} == asked
    rows = placements.rows(desk, Chosen(), ("proposed",))
    assert {each["to"]: each["checks"] for each in rows} == asked


def test_nothing_is_approved_of_what_was_not_checked(desk: Desk) -> None:
    with pytest.raises(PlacementError) as refused:
        placements.approve(desk, Chosen(), "anna", [LISTED, "forbearance_offered"])
    assert str(refused.value) == (
        "nothing was approved. Packs ask whoever approves to have checked, for "
        f"agency: {RECONCILED}; legal: two_reminders_28_days_apart. Say so once you have: "
        f"--checked {RECONCILED} --checked two_reminders_28_days_apart"
    )
    assert states(desk) == {"A1": "proposed", "A2": "proposed"}
    assert kept(desk) == []
    # One receiver's checks keep nobody from approving for another.
    legal = ["two_reminders_28_days_apart", "forbearance_offered"]
    placements.approve(desk, Chosen(destination="legal"), "anna", legal)
    assert states(desk) == {"A1": "proposed", "A2": "approved"}


def test_each_of_two_people_says_what_they_checked_and_it_is_kept(desk: Desk) -> None:
    agency, checked = Chosen(destination="agency"), {RECONCILED, LISTED, "forbearance_offered"}
    placements.approve(desk, agency, "anna", checked)
    with pytest.raises(PlacementError, match=LISTED):
        placements.approve(desk, agency, "bo")
    placements.approve(desk, agency, "bo", checked)
    told = f"checked: {LISTED}, {RECONCILED}"
    assert kept(desk) == [("anna", told), ("bo", told)]
    (row,) = placements.rows(desk, agency, ("approved",))
    assert row["approved_by"] == f"anna ({told}); bo ({told})"
    assert row["checks"] == []
