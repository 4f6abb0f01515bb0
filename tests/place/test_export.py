"""However an export is interrupted, one package lies at the agency."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from dunflow import placements
from dunflow.config.destination import Agreement, Destination
from dunflow.ledger.tables import package, package_line, placement
from dunflow.place import export as exporting
from dunflow.place.deliver import DeliveryError, Place
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from tests.place.conftest import MakeDesk, row

Arrived = Callable[[], list[Path]]
ROWS = [row("A1"), row("A2", "700.00")]


class Killed(BaseException):
    """As if the process had died."""


def states(desk: Desk) -> dict[str, int]:
    with desk.engine.connect() as conn:
        rows = conn.execute(select(placement.c.state, func.count()).group_by(placement.c.state))
        return dict(rows.all())


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    made = make_desk(ROWS)
    placements.approve(made, Chosen(), "me")
    return made


def _kill_at(monkeypatch: pytest.MonkeyPatch, where: str, *, after: bool) -> None:
    owner, name = {
        "write": (exporting, "write"),
        "put": (Place, "_put"),
        "record": (exporting.lines, "delivered"),
    }[where]
    real = getattr(owner, name)

    def dies(*args: object, **kwargs: object) -> object:
        if after:
            real(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(owner, name, dies)


@pytest.mark.parametrize("where", ["write", "put", "record"])
@pytest.mark.parametrize("after", [False, True])
def test_a_killed_export_run_again_gives_one_package(
    desk: Desk, arrived: Arrived, where: str, after: bool
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        _kill_at(patched, where, after=after)
        with pytest.raises(Killed):
            placements.deliver(desk)
    placements.deliver(desk).raise_if_failed()
    (found,) = arrived()
    manifest = json.loads((found / "manifest.json").read_text())
    assert (manifest["rows"], manifest["totals"]) == (2, {"CNY": "2000.00"})
    assert states(desk) == {"exported": 2}
    assert not list(found.parent.glob(".*"))


def test_an_export_run_again_delivers_nothing(desk: Desk, arrived: Arrived) -> None:
    placements.deliver(desk)
    assert placements.deliver(desk).packages == []
    assert len(arrived()) == 1


def test_what_was_turned_down_between_two_attempts_is_left_out(
    desk: Desk, arrived: Arrived
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        _kill_at(patched, "write", after=False)
        with pytest.raises(Killed):
            placements.deliver(desk)
    with desk.engine.begin() as conn:  # as the day's deciding does when an episode is over
        paid = placement.c.amount == 700
        conn.execute(update(placement).where(paid).values(state="withdrawn"))
    placements.deliver(desk).raise_if_failed()
    (found,) = arrived()
    assert json.loads((found / "manifest.json").read_text())["rows"] == 1
    assert states(desk) == {"exported": 1, "withdrawn": 1}


def test_a_person_is_told_to_export_first_while_nobody_knows_what_arrived(desk: Desk) -> None:
    with pytest.MonkeyPatch.context() as patched:
        _kill_at(patched, "put", after=True)
        with pytest.raises(Killed):
            placements.deliver(desk)
    with pytest.raises(placements.life.PlacementError, match="export"):
        placements.reject(desk, Chosen(), "no", "me")


def test_a_recall_is_told_once(desk: Desk, arrived: Arrived) -> None:
    placements.deliver(desk)
    placements.end(desk, Chosen(accounts=("A1",)), "recalled", "sold by mistake", "me")
    placements.deliver(desk)
    placements.deliver(desk)
    recall = json.loads((arrived()[1] / "recalls.json").read_text())
    assert len(arrived()) == 2
    assert [(each["account"], each["why"]) for each in recall] == [("A1", "withdrawn")]


def test_one_agency_out_of_reach_leaves_what_is_approved_approved(
    make_desk: MakeDesk, tmp_path: Path
) -> None:
    blocked = tmp_path / "a_file"
    blocked.write_text("")
    desk = make_desk(ROWS, Destination(folder=str(blocked / "below")))
    placements.approve(desk, Chosen(), "me")
    done = placements.deliver(desk)
    with pytest.raises(DeliveryError):
        done.raise_if_failed()
    assert states(desk) == {"approved": 2}


def test_nothing_leaves_without_an_agreement_in_force(make_desk: MakeDesk) -> None:
    over = Destination(agreement=Agreement(since="2025-01-01", until="2026-03-01"))
    desk = make_desk(ROWS, over)
    placements.approve(desk, Chosen(), "me")
    with pytest.raises(DeliveryError, match="2026-03-02"):
        placements.deliver(desk).raise_if_failed()
    assert states(desk) == {"approved": 2}


def test_two_people_must_approve_where_the_receiver_wants_two(make_desk: MakeDesk) -> None:
    desk = make_desk(ROWS, Destination(approvals=2))
    placements.approve(desk, Chosen(), "first")
    placements.approve(desk, Chosen(), "first")
    assert states(desk) == {"proposed": 2}
    placements.approve(desk, Chosen(accounts=("A1",)), "second")
    assert states(desk) == {"proposed": 1, "approved": 1}


def test_only_listed_fields_leave(make_desk: MakeDesk, arrived: Arrived) -> None:
    desk = make_desk(
        ROWS, Destination(fields=["placement", "account", "amount", "currency"], formats=["csv"])
    )
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk)
    (found,) = arrived()
    assert (found / "placements.csv").read_text("utf-8-sig").splitlines()[0] == (
        "placement,account,amount,currency"
    )
    assert sorted(each.name for each in found.iterdir()) == ["manifest.json", "placements.csv"]


def test_a_store_without_renames_has_the_manifest_last(make_desk: MakeDesk) -> None:
    desk = make_desk(ROWS, Destination(folder="memory://agency/in", formats=["csv", "json"]))
    placements.approve(desk, Chosen(), "me")
    (manifest,) = placements.deliver(desk).packages
    assert manifest["rows"] == 2
    assert placements.deliver(desk).packages == []
    assert states(desk) == {"exported": 2}


def test_every_line_of_the_ledger_is_in_a_package_that_was_delivered(desk: Desk) -> None:
    placements.deliver(desk)
    with desk.engine.connect() as conn:
        lines = conn.execute(
            select(func.count())
            .select_from(package_line)
            .join(package, package.c.package_id == package_line.c.package_id)
            .where(package.c.delivered_at.is_not(None))
        ).scalar_one()
    assert lines == 2
