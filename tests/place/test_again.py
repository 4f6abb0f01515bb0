"""What a person proposes again where several destinations had the account."""

import pytest

from dunflow import placements
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from tests.place.conftest import DATE, MakeDesk, row
from tests.place.test_later import DAY, days_later, load

RULES = [
    {"to": "agency", "when": {"dpd": {"from": 1}}},
    {"to": "legal", "when": {"dpd": {"from": 1}}},
]


@pytest.fixture
def twice_rejected(make_desk: MakeDesk) -> Desk:
    """A person turned down both destinations, whose rules still hold."""
    desk = make_desk([row("A1")], hand_off=RULES)
    placements.reject(desk, Chosen(), "no", "me")
    load(desk, [row("A1")], DATE + DAY)
    later = days_later(desk, 1)
    placements.reject(later, Chosen(), "no", "me")
    return later


def test_the_most_severe_of_several_destinations_gets_it(twice_rejected: Desk) -> None:
    moved = placements.propose(twice_rejected, Chosen(accounts=("A1",)), "again", "me")
    assert moved.counts == {"proposed": 1}
    (made,) = placements.rows(twice_rejected, Chosen(), ("proposed",))
    assert made["to"] == "legal"


def test_a_person_says_which_destination_gets_it(twice_rejected: Desk) -> None:
    placements.propose(twice_rejected, Chosen("agency"), "again", "me")
    (made,) = placements.rows(twice_rejected, Chosen(), ("proposed",))
    assert made["to"] == "agency"
