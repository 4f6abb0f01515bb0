"""What becomes of placements when the world has moved on before, or after, they left."""

import datetime as dt
import json

import pandas as pd
import pytest

from dunflow import day as stages
from dunflow import placements
from dunflow.clock import VirtualClock
from dunflow.config.destination import Agreement, Destination
from dunflow.day import Day
from dunflow.intake.feeds import take_file
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from dunflow.snapshot.pull import Pull
from tests.place.conftest import DATE, NOON, row
from tests.place.test_export import Killed, _kill_at, states

DAY = dt.timedelta(days=1)
OPTIONAL = (
    "phone",
    "email",
    "address",
    "language",
    "time_zone",
    "balance",
    "product",
    "segment",
    "instalments_overdue",
    "last_payment_on",
)


def load(desk: Desk, rows: list[dict[str, object]], date: dt.date) -> None:
    """Take the date through its stages, with these rows."""
    stages.decide(gated(desk, rows, date))


def gated(
    desk: Desk, rows: list[dict[str, object]], date: dt.date, at: dt.datetime | None = None
) -> Day:
    """The date with these rows, which the gate lets pass and of which nothing is decided yet.

    `at`: when it is loaded, if not at its usual time.
    """
    calendar = desk.book.portfolio.calendar
    clock = VirtualClock(at or calendar.usual_time_of(date))
    day = Day(desk.engine, desk.book, date, clock, {})
    frame = pd.DataFrame(rows).reindex(columns=[*rows[0], *OPTIONAL]).astype("string[pyarrow]")
    stages.snapshot(day, Pull(iter([frame]), calendar.close_of(date)))
    stages.gate(day)
    return day


def die_on_the_way(desk: Desk) -> None:
    placements.approve(desk, Chosen(), "me")
    with pytest.MonkeyPatch.context() as patched:
        _kill_at(patched, "put", after=False)
        with pytest.raises(Killed):
            placements.deliver(desk)


def days_later(desk: Desk, days: int) -> Desk:
    clock = VirtualClock(NOON + days * DAY)
    return Desk(desk.engine, desk.book, desk.portfolio_id, clock, desk.environ)


def test_an_export_that_goes_on_leaves_out_what_is_unknown_by_now(make_desk):
    desk = make_desk([row("A1"), row("A2"), row("A3")])
    die_on_the_way(desk)
    load(desk, [row("A1", overdue="x1"), row("A2"), row("A3")], DATE + DAY)
    done = placements.deliver(days_later(desk, 1))
    assert [(each["kind"], each["rows"]) for each in done.packages] == [("placement", 2)]
    assert states(desk) == {"approved": 1, "exported": 2}


def test_an_export_that_goes_on_leaves_out_what_is_somebody_elses_by_now(make_desk, arrived):
    desk = make_desk([row("A1"), row("A2")])
    die_on_the_way(desk)
    taken_over = row("A1", customer="C9", name="Heir")
    load(desk, [taken_over, row("A2")], DATE + DAY)
    done = placements.deliver(days_later(desk, 1))
    (package,) = arrived()
    told = json.loads((package / "placements.json").read_text())
    assert [(each["account"], each["name"]) for each in told] == [("A2", "Somebody")]
    assert done.recalled == 0
    assert states(desk) == {"withdrawn": 1, "exported": 1}


def test_what_had_arrived_and_was_paid_since_is_recalled_by_the_export_that_finds_out(make_desk):
    desk = make_desk([row("A1"), row("A2")])
    placements.approve(desk, Chosen(), "me")
    with pytest.MonkeyPatch.context() as patched:
        _kill_at(patched, "put", after=True)
        with pytest.raises(Killed):
            placements.deliver(desk)
    load(desk, [row("A2")], DATE + DAY)
    done = placements.deliver(days_later(desk, 1))
    assert [(each["kind"], each["rows"]) for each in done.packages] == [
        ("placement", 2),
        ("recall", 1),
    ]
    assert done.recalled == 1
    assert states(desk) == {"recalled": 1, "exported": 1}


def test_an_export_does_not_go_on_after_the_agreement(make_desk, arrived):
    agreement = Agreement(since="2025-01-01", until="2026-03-02")
    desk = make_desk([row("A1")], Destination(agreement=agreement))
    die_on_the_way(desk)
    done = placements.deliver(days_later(desk, 30))
    assert done.failed
    assert arrived() == []
    assert states(desk) == {"approved": 1}


def test_whom_nothing_may_be_given_any_more_is_told_to_stop_all_the_same(make_desk):
    agreement = Agreement(since="2025-01-01", until="2026-03-02")
    desk = make_desk([row("A1"), row("A2")], Destination(agreement=agreement))
    placements.approve(desk, Chosen(accounts=("A1",)), "me")
    placements.deliver(desk).raise_if_failed()
    die_on_the_way(desk)
    placements.end(desk, Chosen(accounts=("A1",)), "recalled", "sold", "me")
    done = placements.deliver(days_later(desk, 30))
    assert [(each["kind"], each["rows"]) for each in done.packages] == [("recall", 1)]
    assert done.failed


def test_what_only_waits_is_not_told_as_withdrawn(make_desk):
    desk = make_desk([row("A1"), row("A2"), row("A3")])
    placements.approve(desk, Chosen(), "me")
    load(desk, [row("A1", overdue="x1"), row("A2"), row("A3")], DATE)
    done = placements.deliver(desk)
    assert done.withdrawn == {}
    assert states(desk) == {"approved": 1, "exported": 2}


def test_an_agency_that_was_given_it_before_dunflow_is_told_to_stop(make_desk, tmp_path):
    desk = make_desk(
        [row("A1"), row("A2")], hand_off=[{"to": "agency", "when": {"dpd": {"from": 900}}}]
    )
    file = tmp_path / "placed.csv"
    file.write_text(
        "ref,account,destination,amount,placed_at\n1,A1,agency,1000.00,2026-02-01 10:00\n"
    )
    take_file(desk.engine, desk.book, "earlier_placements", file, "ann", NOON)
    placements.end(desk, Chosen(accounts=("A1",)), "recalled", "sold", "me")
    done = placements.deliver(desk)
    assert [(each["kind"], each["rows"]) for each in done.packages] == [("recall", 1)]
    assert placements.deliver(desk).packages == []


def test_an_agency_that_gave_it_back_before_dunflow_is_told_nothing(make_desk, tmp_path):
    desk = make_desk(
        [row("A1"), row("A2")], hand_off=[{"to": "agency", "when": {"dpd": {"from": 900}}}]
    )
    file = tmp_path / "placed.csv"
    file.write_text(
        "ref,account,destination,amount,placed_at,state,ended_at\n"
        "1,A1,agency,1300.00,2025-02-01 10:00,recalled,2025-05-01 10:00\n"
        "2,A2,agency,1300.00,2025-02-01 10:00,,\n"
    )
    take_file(desk.engine, desk.book, "earlier_placements", file, "ann", NOON)
    assert placements.deliver(desk).packages == []
    placements.end(desk, Chosen(accounts=("A2",)), "recalled", "sold", "me")
    done = placements.deliver(desk)
    assert [(each["kind"], each["rows"]) for each in done.packages] == [("recall", 1)]


def test_nobody_is_given_away_on_figures_that_are_days_old_and_recalls_still_go(
    make_desk,
):
    desk = make_desk([row("A1"), row("A2")])
    placements.approve(desk, Chosen(accounts=("A1",)), "me")
    assert [each["kind"] for each in placements.deliver(desk).packages] == ["placement"]
    placements.approve(desk, Chosen(accounts=("A2",)), "me")
    placements.end(desk, Chosen(accounts=("A1",)), "recalled", "sold", "me")
    late = days_later(desk, 2)
    done = placements.deliver(late)
    assert [each["kind"] for each in done.packages] == ["recall"]
    assert "on figures so old. Run the newest date first" in done.failed["agency"]
    load(desk, [row("A1"), row("A2")], DATE + 2 * DAY)
    assert [each["kind"] for each in placements.deliver(late).packages] == ["placement"]


def test_a_package_that_never_arrived_does_not_go_on_by_figures_that_are_days_old(make_desk):
    desk = make_desk([row("A1")])
    die_on_the_way(desk)
    late = days_later(desk, 2)
    assert placements.deliver(late).packages == []
    assert states(desk) == {"approved": 1}
    load(desk, [row("A1")], DATE + 2 * DAY)
    assert [each["kind"] for each in placements.deliver(late).packages] == ["placement"]
