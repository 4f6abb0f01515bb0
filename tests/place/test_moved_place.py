"""A receiver whose place in portfolio.yaml is gone, or another one than it was."""

from dataclasses import replace
from pathlib import Path

import pytest

from dunflow import placements
from dunflow.config.book import Book
from dunflow.config.destination import Destination
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from tests.place.conftest import DATE, MakeDesk, row
from tests.place.test_export import states
from tests.place.test_later import DAY, days_later, die_on_the_way, load

RULES = [
    {"to": "agency", "when": {"dpd": {"from": 1}}},
    {"to": "legal", "when": {"dpd": {"from": 1}, "overdue": {"from": {"CNY": "2000.00"}}}},
]


def with_destinations(desk: Desk, destinations: dict[str, Destination]) -> Desk:
    whole = desk.book
    portfolio = whole.portfolio.model_copy(update={"destinations": destinations})
    return replace(desk, book=Book(portfolio, whole.policy, whole.floor, whole.folder))


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """The folder in which the agency looks."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    return folder


def kinds(desk: Desk) -> list[tuple[str, str]]:
    return [(each["to"], each["kind"]) for each in placements.deliver(desk).packages]


def test_an_agency_that_was_taken_out_of_the_portfolio_is_not_told_where_it_never_looks(
    make_desk: MakeDesk, theirs: Path
) -> None:
    desk = make_desk([row("A1"), row("A2")], Destination(folder=str(theirs)))
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    load(desk, [row("A2")], DATE + DAY)
    later = days_later(desk, 1)
    done = placements.deliver(with_destinations(later, {}))
    assert done.packages == []
    assert (
        f"destinations.agency: is missing, and its packages went to {theirs}"
        in (done.failed["agency"])
    )
    assert kinds(later) == [("agency", "recall")]
    assert len(list(theirs.iterdir())) == 2


def test_the_other_receivers_are_served_all_the_same(make_desk: MakeDesk, theirs: Path) -> None:
    rows = [row("A1"), row("L1", "3000.00")]
    desk = make_desk(rows, Destination(folder=str(theirs)), RULES)
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    placements.end(desk, Chosen(), "recalled", "sold", "me")
    done = placements.deliver(with_destinations(desk, {}))
    assert [(each["to"], each["kind"]) for each in done.packages] == [("legal", "recall")]
    assert list(done.failed) == ["agency"]


def test_an_agency_that_has_nothing_any_more_may_be_taken_out(
    make_desk: MakeDesk, theirs: Path
) -> None:
    desk = make_desk([row("A1")], Destination(folder=str(theirs)))
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    placements.end(desk, Chosen(), "returned", "term over", "agency")
    placements.deliver(with_destinations(desk, {})).raise_if_failed()


def test_a_receiver_without_an_entry_goes_on_in_the_usual_folder(make_desk: MakeDesk) -> None:
    desk = make_desk([row("A1")])
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    placements.end(desk, Chosen(), "recalled", "sold", "me")
    assert kinds(desk) == [("agency", "recall")]


def test_a_folder_is_not_changed_while_nobody_knows_what_arrived_in_it(
    make_desk: MakeDesk, theirs: Path, tmp_path: Path
) -> None:
    desk = make_desk([row("A1")], Destination(folder=str(theirs)))
    die_on_the_way(desk)
    moved = with_destinations(desk, {"agency": Destination(folder=str(tmp_path / "new"))})
    done = placements.deliver(moved)
    assert done.packages == []
    assert f"was begun for {theirs}" in done.failed["agency"]
    assert kinds(desk) == [("agency", "placement")]
    assert states(desk) == {"exported": 1}


def test_a_folder_is_changed_between_two_packages(
    make_desk: MakeDesk, theirs: Path, tmp_path: Path
) -> None:
    desk = make_desk([row("A1")], Destination(folder=str(theirs)))
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    placements.end(desk, Chosen(), "recalled", "sold", "me")
    moved = with_destinations(desk, {"agency": Destination(folder=str(tmp_path / "new"))})
    assert kinds(moved) == [("agency", "recall")]
