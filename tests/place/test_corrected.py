"""What the source corrects of an account that was proposed or is away."""

import json
from collections.abc import Callable
from pathlib import Path

from dunflow import placements
from dunflow.place.life import Chosen
from tests.place.conftest import DATE, MakeDesk, row
from tests.place.test_export import states
from tests.place.test_later import DAY, days_later, load

Arrived = Callable[[], list[Path]]
TAKEN_OVER = row("A1", customer="C9", name="Heir")
IN_DOLLARS = row("A1", "180.00", currency="USD")


def test_what_is_owed_in_another_currency_than_proposed_does_not_leave(make_desk: MakeDesk) -> None:
    desk = make_desk([row("A1")])
    load(desk, [IN_DOLLARS], DATE + DAY)
    later = days_later(desk, 1)
    assert placements.approve(later, Chosen(), "me").refused == {"currency_changed": 1}
    assert placements.deliver(later).packages == []


def test_it_is_proposed_anew_in_the_currency_of_now(make_desk: MakeDesk, arrived: Arrived) -> None:
    desk = make_desk([row("A1")])
    load(desk, [IN_DOLLARS], DATE + DAY)
    placements.approve(days_later(desk, 1), Chosen(), "me")
    load(desk, [IN_DOLLARS], DATE + 2 * DAY)
    later = days_later(desk, 2)
    placements.approve(later, Chosen(), "me")
    placements.deliver(later).raise_if_failed()
    (package,) = arrived()
    (told,) = json.loads((package / "placements.json").read_text())
    assert (told["amount"], told["currency"]) == ("180.00", "USD")


def test_what_is_away_under_another_currency_comes_back(
    make_desk: MakeDesk, arrived: Arrived
) -> None:
    desk = make_desk([row("A1"), row("A2")])
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    load(desk, [IN_DOLLARS, row("A2")], DATE + DAY)
    assert placements.deliver(days_later(desk, 1)).recalled == 1
    (told,) = json.loads((arrived()[1] / "recalls.json").read_text())
    assert (told["account"], told["currency"], told["why"]) == ("A1", "CNY", "withdrawn")


def test_a_person_gives_it_away_again_in_the_currency_of_now(make_desk: MakeDesk) -> None:
    desk = make_desk([row("A1")])
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    load(desk, [IN_DOLLARS], DATE + DAY)
    later = days_later(desk, 1)
    placements.deliver(later)
    placements.propose(later, Chosen(accounts=("A1",)), "corrected", "me")
    (made,) = placements.rows(later, Chosen(), ("proposed",))
    assert made["currency"] == "USD"
    assert states(desk) == {"recalled": 1, "proposed": 1}


def test_what_was_proposed_of_one_owner_is_not_approved_of_another(make_desk: MakeDesk) -> None:
    desk = make_desk([row("A1")])
    load(desk, [TAKEN_OVER], DATE + DAY)
    later = days_later(desk, 1)
    assert placements.approve(later, Chosen(), "me").refused == {"owner_changed": 1}
    load(desk, [TAKEN_OVER], DATE + 2 * DAY)
    later = days_later(desk, 2)
    assert placements.approve(later, Chosen(), "me").counts["approved"] == 1


def test_what_is_somebody_elses_while_it_is_away_comes_back(
    make_desk: MakeDesk, arrived: Arrived
) -> None:
    desk = make_desk([row("A1"), row("A2")])
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    load(desk, [TAKEN_OVER, row("A2")], DATE + DAY)
    later = days_later(desk, 1)
    assert placements.deliver(later).recalled == 1
    (told,) = json.loads((arrived()[1] / "recalls.json").read_text())
    assert (told["account"], told["why"]) == ("A1", "withdrawn")
    (ended,) = placements.rows(later, Chosen(), ("recalled",))
    assert ended["reason"] == "owner_changed"
