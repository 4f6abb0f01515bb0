"""A portfolio in shadow mode gives nothing away, and does not forget what it gave away before."""

from dataclasses import replace
from pathlib import Path

import pytest

from dunflow import placements
from dunflow.config.book import Book
from dunflow.config.destination import Destination
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from tests.place.conftest import DATE, MakeDesk, row
from tests.place.test_export import Killed, _kill_at, states
from tests.place.test_later import DAY, days_later, die_on_the_way, load
from tests.place.test_moved_place import kinds


def in_shadow(desk: Desk) -> Desk:
    whole = desk.book
    portfolio = whole.portfolio.model_copy(update={"mode": "shadow"})
    return replace(desk, book=Book(portfolio, whole.policy, whole.floor, whole.folder))


def test_one_that_never_was_live_speaks_to_nobody(make_desk: MakeDesk, tmp_path: Path) -> None:
    desk = make_desk([row("A1")], Destination(folder=str(tmp_path / "theirs")))
    placements.approve(desk, Chosen(), "me")
    assert kinds(in_shadow(desk)) == []
    assert not (tmp_path / "theirs").exists()


def test_what_had_arrived_when_the_worker_died_is_known_and_recalled(
    make_desk: MakeDesk, tmp_path: Path
) -> None:
    desk = make_desk([row("A1"), row("A2")], Destination(folder=str(tmp_path / "theirs")))
    placements.approve(desk, Chosen(), "me")
    with pytest.MonkeyPatch.context() as patched:
        _kill_at(patched, "put", after=True)
        with pytest.raises(Killed):
            placements.deliver(desk)
    load(desk, [row("A2")], DATE + DAY)  # the first one is paid
    assert kinds(in_shadow(days_later(desk, 1))) == [("agency", "placement"), ("agency", "recall")]
    assert states(desk) == {"exported": 1, "recalled": 1}


def test_what_had_not_arrived_stays_here_and_can_be_rejected(
    make_desk: MakeDesk, tmp_path: Path
) -> None:
    desk = make_desk([row("A1")], Destination(folder=str(tmp_path / "theirs")))
    die_on_the_way(desk)
    quiet = in_shadow(desk)
    assert kinds(quiet) == []
    placements.reject(quiet, Chosen(), "not now", "me")
    assert states(desk) == {"rejected": 1}


def test_what_was_given_away_before_is_recalled_and_nothing_more_is_given(
    make_desk: MakeDesk, tmp_path: Path
) -> None:
    desk = make_desk([row("A1"), row("A2")], Destination(folder=str(tmp_path / "theirs")))
    placements.approve(desk, Chosen(accounts=("A1",)), "me")
    assert kinds(desk) == [("agency", "placement")]
    placements.approve(desk, Chosen(accounts=("A2",)), "me")
    load(desk, [row("A2")], DATE + DAY)  # the first one is paid
    later = days_later(desk, 1)
    assert kinds(in_shadow(later)) == [("agency", "recall")]
    assert states(later) == {"recalled": 1, "approved": 1}
    assert kinds(in_shadow(later)) == []
    assert kinds(later) == [("agency", "placement")]
