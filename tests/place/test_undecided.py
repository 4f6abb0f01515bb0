"""A date that was loaded and not decided yet, which the breaker may stop: nothing goes by it."""

from dataclasses import replace

import pytest

from dunflow import day as stages
from dunflow import placements
from dunflow.config.book import Book
from dunflow.config.portfolio import Volume
from dunflow.errors import BreakerTripped
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from tests.place.conftest import DATE, MakeDesk, row
from tests.place.test_export import states
from tests.place.test_later import DAY, days_later, gated, load
from tests.place.test_life import put_on_hold

ROWS = [row(f"A{number}") for number in range(10)]
BROKEN_OFF = ROWS[:6]


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    """All are proposed, in a book where four of ten cures are too many."""
    made = make_desk(ROWS)
    whole, volume = made.book, Volume(small=0)
    portfolio = whole.portfolio.model_copy(update={"volume": volume})
    return replace(made, book=Book(portfolio, whole.policy, whole.floor, whole.folder))


@pytest.fixture
def away(desk: Desk) -> Desk:
    """All are with the agency."""
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    return desk


def test_nothing_is_recalled_by_a_file_that_the_breaker_stops(away: Desk) -> None:
    day = gated(away, BROKEN_OFF, DATE + DAY)
    assert placements.deliver(days_later(away, 1)).recalled == 0
    with pytest.raises(BreakerTripped):
        stages.decide(day)
    assert placements.deliver(days_later(away, 1)).recalled == 0
    assert states(away) == {"exported": 10}


def test_what_was_paid_is_recalled_once_the_date_is_decided(away: Desk) -> None:
    day = gated(away, ROWS[1:], DATE + DAY)
    placements.deliver(days_later(away, 1))
    stages.decide(day)
    assert placements.deliver(days_later(away, 1)).recalled == 1


def test_a_hold_takes_an_account_back_while_the_date_waits(away: Desk) -> None:
    put_on_hold(away, "A0")
    gated(away, BROKEN_OFF, DATE + DAY)
    assert placements.deliver(days_later(away, 1)).recalled == 1


def test_no_proposal_is_withdrawn_by_a_date_that_waits(desk: Desk) -> None:
    gated(desk, BROKEN_OFF, DATE + DAY)
    assert placements.approve(days_later(desk, 1), Chosen(), "me").counts["approved"] == 10


def test_the_rows_of_a_decided_date_that_come_anew_wait_again(desk: Desk) -> None:
    load(desk, [*ROWS, row("B1")], DATE + DAY)
    later = days_later(desk, 1)
    placements.approve(later, Chosen(), "me")
    placements.deliver(later).raise_if_failed()
    gated(later, BROKEN_OFF, DATE + DAY, later.clock.now())
    assert placements.deliver(later).recalled == 0
    assert states(desk) == {"exported": 11}
