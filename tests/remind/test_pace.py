"""How many contacts a worker claims at a time."""

import time

import pytest

from dunflow.remind.pace import AHEAD_S, FIRST, GROWTH, LEAST, MOST, Pace


@pytest.mark.parametrize(
    ("seconds", "most"),
    [(0.01, FIRST * GROWTH), (10.0, int(FIRST * AHEAD_S / 10)), (3600.0, LEAST)],
)
def test_a_worker_claims_what_the_provider_takes_in_seconds(seconds: float, most: int) -> None:
    pace = Pace()
    pace.learn(FIRST, FIRST, time.monotonic() - seconds)
    assert pace.most == pytest.approx(most, abs=1)


def test_batches_of_a_quick_provider_grow_one_by_one() -> None:
    """The next one is claimed before this one is learnt of, and each of them counts."""
    pace, asked = Pace(), [FIRST, FIRST]
    while asked[-1] < MOST:
        pace.learn(asked[-2], asked[-2], time.monotonic() - 0.01)
        asked.append(pace.most)
    assert asked == [FIRST, FIRST, 3 * FIRST, 9 * FIRST, MOST]


def test_a_batch_that_waited_for_the_one_before_counts_from_its_end() -> None:
    pace = Pace()
    began = time.monotonic() - 100
    pace.learn(FIRST, FIRST, began)
    slow = pace.most
    pace.learn(slow, slow, began)
    assert pace.most > slow


def test_a_few_contacts_say_nothing_about_many() -> None:
    pace = Pace()
    pace.learn(1, FIRST, time.monotonic() - 60)
    assert pace.most == FIRST
