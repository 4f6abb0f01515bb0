"""What happens to a placement while it is away, and after it came back."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from dunflow import placements
from dunflow.clock import DAY
from dunflow.config.destination import Destination
from dunflow.errors import ConfigError
from dunflow.ledger.tables import account, hold, placement, placement_event
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from tests.place.conftest import DATE, NOON, MakeDesk, row

Arrived = Callable[[], list[Path]]


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk([row("A1"), row("A2", "700.00")])


def put_on_hold(desk: Desk, ref: str, until: dt.datetime | None = None) -> None:
    with desk.engine.begin() as conn:
        number = conn.execute(
            select(account.c.account_id).where(account.c.account_ref == ref)
        ).scalar_one()
        conn.execute(
            insert(hold).values(
                portfolio_id=desk.portfolio_id,
                account_id=number,
                kind="hardship",
                from_at=NOON - DAY,
                until_at=until,
                recorded_at=NOON,
                recorded_by="me",
            )
        )


def told(desk: Desk) -> dict[str, tuple[str, str | None]]:
    with desk.engine.connect() as conn:
        rows = conn.execute(
            select(account.c.account_ref, placement.c.state, placement.c.reason)
            .join(placement, placement.c.account_id == account.c.account_id)
            .order_by(placement.c.placement_id)
        )
        return {ref: (state, reason) for ref, state, reason in rows}


def proposed_on(desk: Desk, ref: str, date: dt.date) -> None:
    """As if the account had been proposed on that date."""
    with desk.engine.begin() as conn:
        of = select(account.c.account_id).where(account.c.account_ref == ref).scalar_subquery()
        conn.execute(
            update(placement).where(placement.c.account_id == of).values(business_date=date)
        )


def asked_about(desk: Desk, date: dt.date | None, turn: int = 1) -> tuple[Chosen, int]:
    question, sums = placements.ask(desk, date, turn)
    return Chosen(question=question), sum(each["accounts"] for each in sums)


def test_an_answer_is_about_what_was_asked(desk: Desk) -> None:
    """What was proposed while a person thought it over waits for the next question."""
    proposed_on(desk, "A2", DATE + DAY)
    first, count = asked_about(desk, DATE)
    assert count == 1
    proposed_on(desk, "A2", DATE)
    assert placements.approve(desk, first, "me").counts == {"approved": 1}
    assert placements.reject(desk, first, "no", "me").counts == {"rejected": 1}
    assert {state for state, _ in told(desk).values()} == {"rejected", "proposed"}


def test_a_question_asked_again_is_about_what_has_come_since_too(desk: Desk) -> None:
    proposed_on(desk, "A2", DATE + DAY)
    assert asked_about(desk, DATE)[1] == 1
    proposed_on(desk, "A2", DATE)
    again, count = asked_about(desk, DATE)
    assert count == 2
    assert placements.approve(desk, again, "me").counts == {"approved": 2}


def test_what_nobody_was_asked_about_is_asked_with_the_next_date_and_once(desk: Desk) -> None:
    proposed_on(desk, "A1", DATE - DAY)
    assert asked_about(desk, DATE - 2 * DAY)[1] == 0
    assert asked_about(desk, None)[1] == 2
    assert asked_about(desk, DATE + DAY)[1] == 0
    assert asked_about(desk, DATE)[1] == 2  # its own question still is about both


def test_a_second_person_is_asked_about_what_the_first_approved(make_desk: MakeDesk) -> None:
    desk = make_desk([row("A1"), row("A2", "700.00")], Destination(approvals=2))
    first, count = asked_about(desk, DATE)
    assert (count, asked_about(desk, DATE, 2)[1]) == (2, 0)
    placements.reject(desk, Chosen(accounts=("A2",)), "no", "first")
    placements.approve(desk, first, "first")
    second, count = asked_about(desk, DATE, 2)
    assert count == 1
    for one_person in ("first", "First", " first"):
        assert placements.approve(desk, second, one_person).counts["approved"] == 0
    assert placements.approve(desk, second, "second").counts["approved"] == 1


def test_what_is_held_when_it_is_approved_is_withdrawn(desk: Desk) -> None:
    put_on_hold(desk, "A1")
    moved = placements.approve(desk, Chosen(), "me")
    assert moved.refused == {"hold.hardship": 1}
    assert told(desk) == {"A1": ("withdrawn", "hold.hardship"), "A2": ("approved", None)}


def test_what_is_held_after_it_was_approved_never_leaves(desk: Desk, arrived: Arrived) -> None:
    placements.approve(desk, Chosen(), "me")
    put_on_hold(desk, "A1")
    assert placements.deliver(desk).withdrawn == {"hold.hardship": 1}
    (found,) = arrived()
    told_of = json.loads((found / "placements.json").read_text())
    assert [each["account"] for each in told_of] == ["A2"]


def test_what_is_held_while_it_is_away_comes_back_without_saying_why(
    desk: Desk, arrived: Arrived
) -> None:
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk)
    put_on_hold(desk, "A1")
    placements.deliver(desk)
    assert told(desk)["A1"] == ("recalled", "hold.hardship")
    recall = (arrived()[1] / "recalls.csv").read_text("utf-8-sig")
    assert recall.splitlines()[1].endswith(",held")
    assert "hardship" not in recall


def test_what_was_given_back_may_be_proposed_again_by_a_person(desk: Desk) -> None:
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk)
    placements.end(desk, Chosen(accounts=("A1",)), "returned", "term over", "agency")
    assert placements.propose(desk, Chosen(accounts=("A1",)), "second try", "me").counts == {
        "proposed": 1
    }
    placements.approve(desk, Chosen(), "me")
    assert placements.deliver(desk).packages[0]["rows"] == 1
    assert told(desk)["A1"] == ("exported", None)


def test_what_is_away_is_not_proposed_again(desk: Desk) -> None:
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk)
    assert placements.propose(desk, Chosen(), "again", "me").counts == {"proposed": 0}


def test_what_the_receiver_turned_down_is_ours_again(desk: Desk) -> None:
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk)
    placements.end(desk, Chosen(accounts=("A1",)), "acknowledged", None, "agency")
    placements.end(desk, Chosen(accounts=("A1",)), "refused", "unknown address", "agency")
    assert told(desk)["A1"] == ("refused", "unknown address")


def test_every_move_says_who_and_when(desk: Desk) -> None:
    placements.approve(desk, Chosen(accounts=("A1",)), "anna")
    placements.deliver(desk)
    placements.end(desk, Chosen(accounts=("A1",)), "recalled", "sold by mistake", "bo")
    with desk.engine.connect() as conn:
        rows = conn.execute(
            select(placement_event.c.event, placement_event.c.told_by).order_by(
                placement_event.c.placement_event_id
            )
        ).all()
    assert [tuple(each) for each in rows] == [
        ("approval", "anna"),
        ("approved", "anna"),
        ("exported", "dunflow"),
        ("recalled", "bo"),
    ]


def test_an_account_that_nobody_knows_is_named(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="Z9"):
        placements.approve(desk, Chosen(accounts=("Z9",)), "me")
