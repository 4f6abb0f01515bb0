"""What receivers leave in their place is taken in by itself: whole files, each once."""

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from openpyxl import Workbook
from sqlalchemy import func, select

from dunflow import placements
from dunflow.config.destination import Destination, Handback
from dunflow.config.head import read_head
from dunflow.errors import SourceError
from dunflow.intake.handback.collect import collect
from dunflow.ledger.tables import handback, placement
from dunflow.place import sftp
from dunflow.place.deliver import Place
from dunflow.place.fetch import left
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from tests.place.conftest import MakeDesk, make_desk, row

__all__ = ["make_desk"]

HEAD = "ref,kind,account,at\n"
NOTHING = {"new": 0, "known": 0, "rejected": 0}


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    """Two accounts that the agency has, which answers in a folder beside them."""
    made = make_desk([row("A1"), row("0010")], Destination(returns="told"))
    placements.approve(made, Chosen(), "me")
    placements.deliver(made).raise_if_failed()
    return made


Leave = Callable[..., Path]


@pytest.fixture
def leave(desk: Desk, tmp_path: Path) -> Leave:
    """The agency leaves a file, some minutes ago."""
    folder = tmp_path / "exports" / desk.book.name / "agency" / "told"
    folder.mkdir()

    def left(name: str, text: str, ago_s: float = 300.0) -> Path:
        file = folder / name
        file.write_text(text)
        at = file.stat().st_mtime - ago_s
        os.utime(file, (at, at))
        return file

    return left


def collected(desk: Desk) -> dict[str, int]:
    return collect(desk.engine, desk.book, desk.environ, "intake", desk.clock.now())


def states(desk: Desk) -> list[str]:
    with desk.engine.connect() as conn:
        return list(
            conn.execute(select(placement.c.state).order_by(placement.c.placement_id)).scalars()
        )


def test_a_file_is_taken_in_once_and_again_when_it_changed(desk: Desk, leave: Leave) -> None:
    leave("one.csv", HEAD + "1,accepted,A1,2026-03-02\n")
    assert collected(desk) == {"new": 1, "known": 0, "rejected": 0}
    assert sorted(states(desk)) == ["acknowledged", "exported"]
    assert collected(desk) == NOTHING
    leave("one.csv", HEAD + "1,accepted,A1,2026-03-02\n2,accepted,0010,2026-03-02\n", 200.0)
    assert collected(desk) == {"new": 1, "known": 1, "rejected": 0}
    assert states(desk) == ["acknowledged", "acknowledged"]


def test_a_server_that_names_what_lies_elsewhere_is_not_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ["good.csv", "../up.csv", "a/../../up.csv", "/etc/passwd.csv"]
    monkeypatch.setattr(sftp, "listing", lambda _: [(name, 1, 0) for name in names])
    place = Place("sftp://us@sftp.agency.example/in", "sftp://sftp.agency.example/in")
    assert [each.name for each in left(place, ".csv")] == ["good.csv"]


def test_a_file_that_may_still_be_on_its_way_waits(desk: Desk, leave: Leave) -> None:
    leave("half.csv", HEAD + "1,accepted,A1,2026-03-02\n", 5.0)
    leave(".hidden.csv", HEAD + "2,accepted,A1,2026-03-02\n")
    leave("half.csv.part", HEAD + "3,accepted,A1,2026-03-02\n")
    assert collected(desk) == NOTHING
    leave("half.csv", HEAD + "1,accepted,A1,2026-03-02\n", 61.0)
    assert collected(desk) == {"new": 1, "known": 0, "rejected": 0}


def test_files_are_looked_for_in_the_format_that_the_receiver_writes(
    make_desk: MakeDesk, tmp_path: Path
) -> None:
    given = {"returns": "told", "handback": {"format": "excel"}}
    made = make_desk([row("A1")], Destination.model_validate(given))
    placements.approve(made, Chosen(), "me")
    placements.deliver(made).raise_if_failed()
    folder = tmp_path / "exports" / made.book.name / "agency" / "told"
    folder.mkdir()
    book = Workbook()
    for cells in (HEAD.strip().split(","), (1, "accepted", "A1", "2026-03-02")):
        book.worksheets[0].append(cells)
    book.save(folder / "a.xlsx")
    (folder / "b.csv").write_text("who,what\n")
    long_ago = (folder / "a.xlsx").stat().st_mtime - 300
    os.utime(folder / "a.xlsx", (long_ago, long_ago))
    assert collected(made) == {"new": 1, "known": 0, "rejected": 0}


def test_whoever_works_on_placements_waits_for_no_pandas() -> None:
    """Each task is a process of its own, and only one that reads a file needs it."""
    modules = "dunflow.placements, dunflow.intake.handback.collect"
    code = f"import sys, {modules}; sys.exit('pandas' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_bad_file_stops_no_other_and_is_named(desk: Desk, leave: Leave) -> None:
    leave("a.csv", "who,what\n1,2\n")
    leave("b.csv", HEAD + "1,accepted,A1,2026-03-02\n2,gone,0010,2026-03-02\n")
    with pytest.raises(SourceError, match=r"agency/told: a\.csv: the first row has 2 cells"):
        collected(desk)
    with desk.engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(handback)).scalar_one() == 1
    (faulty,) = placements.rejects(desk)
    assert (faulty["file"], faulty["row"], faulty["column_name"]) == ("b.csv", 2, "kind")
    leave("a.csv", HEAD + "3,accepted,0010,2026-03-02\n")
    assert collected(desk) == {"new": 1, "known": 0, "rejected": 0}


def test_a_file_is_read_again_when_its_declaration_was_mended(desk: Desk, leave: Leave) -> None:
    leave("a.csv", HEAD + "1,accepted,A1,02.03.2026\n")
    assert collected(desk) == {"new": 0, "known": 0, "rejected": 1}
    assert collected(desk) == NOTHING
    told = Destination(returns="told", handback=Handback(instants="%d.%m.%Y"))
    portfolio = desk.book.portfolio.model_copy(update={"destinations": {"agency": told}})
    mended = replace(desk, book=replace(desk.book, portfolio=portfolio))
    assert collected(mended) == {"new": 1, "known": 0, "rejected": 0}
    assert collected(mended) == NOTHING


def test_an_instant_off_the_calendar_stops_neither_its_file_nor_others(
    desk: Desk, leave: Leave
) -> None:
    leave("a.csv", HEAD + "1,accepted,A1,0001-01-01\n2,accepted,A1,2026-03-02\n")
    leave("b.csv", HEAD + "3,accepted,0010,2026-03-02\n")
    assert collected(desk) == {"new": 2, "known": 0, "rejected": 1}
    assert states(desk) == ["acknowledged", "acknowledged"]
    assert [each["reason"] for each in placements.rejects(desk)] == ["lies before 1901"]


def test_an_object_store_has_whole_files_only(make_desk: MakeDesk) -> None:
    to = Destination(folder="memory://lender/agency", returns="told")
    desk = make_desk([row("A1")], to)
    placements.approve(desk, Chosen(), "me")
    placements.deliver(desk).raise_if_failed()
    assert collected(desk) == NOTHING
    store = fsspec.filesystem("memory")
    told = HEAD + "1,accepted,A1,2026-03-02\n"
    store.pipe("memory://lender/agency/told/one.csv", told.encode())
    store.store["/lender/agency/told/one.csv"].modified -= dt.timedelta(minutes=5)
    assert [collected(desk)["new"] for _ in range(2)] == [1, 0]
    assert states(desk) == ["acknowledged"]


def test_the_folder_to_leave_files_in_is_made(make_desk: MakeDesk, tmp_path: Path) -> None:
    desk = make_desk([row("A1")], Destination(returns="told"))
    assert collected(desk) == NOTHING
    assert (tmp_path / "exports" / desk.book.name / "agency" / "told").is_dir()


def test_a_portfolio_whose_receivers_answer_has_an_intake(tmp_path: Path) -> None:
    head = "portfolio: p\ntime_zone: Asia/Shanghai\ndestinations: {agency: {%s}}\n"
    for key, has in (("returns: told", True), ("kind: agency", False)):
        (tmp_path / "portfolio.yaml").write_text(head % key)
        found = read_head("p", tmp_path)
        assert (found.feeds, found.warnings) == (has, ())
