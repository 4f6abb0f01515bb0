"""A phone that was told and a source that changes: the same is used in whatever order they come."""

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from dunflow.intake.feeds import take_file
from dunflow.ledger.tables import customer
from tests.snapshot.conftest import Room, make, row

DAYS = [dt.date(2026, 3, day) for day in (10, 11, 12, 13)]
OLD, TOLD, NEW = "13800138000", "13900139000", "13700137000"


@pytest.mark.parametrize("place", range(len(DAYS) + 1))
@pytest.mark.parametrize(
    ("told_on", "changed", "used"),
    [
        ("2026-03-11", {"name": "another"}, TOLD),
        ("2026-03-11", {"phone": NEW}, NEW),
        ("2026-03-12", {"phone": NEW}, NEW),  # the source speaks as of the close of its day
        ("2026-03-13", {"phone": NEW}, TOLD),
        ("2026-03-01", {"name": "another"}, TOLD),
        ("2026-03-01", {"phone": NEW}, NEW),
    ],
)
def test_a_phone_that_was_told_is_used_unless_the_source_had_another_since(
    ledger: Engine,
    tmp_path: Path,
    place: int,
    told_on: str,
    changed: dict[str, str],
    used: str,
) -> None:
    room = Room(ledger, make(tmp_path))
    file = tmp_path / "points.csv"
    file.write_text(f"customer,point,value,changed_at\nC-A,phone,{TOLD},{told_on} 10:00\n")
    for number in range(len(DAYS) + 1):
        if number == place:
            take_file(ledger, room.book, "contact_points", file, "ann", room.usual(DAYS[-1]))
        if number < len(DAYS):
            delivered = {"phone": OLD} | (changed if number >= 2 else {})
            room.load([row("A", **delivered)], DAYS[number])
    assert room.ask(select(customer.c.phone)) == [(f"+86{used}",)]
