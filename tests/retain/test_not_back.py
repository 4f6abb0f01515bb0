"""A file that is loaded again does not bring back who was erased; a new debt does."""

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from dunflow.ledger.engine import portfolio_id_of, portfolio_lock
from dunflow.ledger.tables import customer
from dunflow.retain.person import erase_person
from tests.snapshot.conftest import DATE, Room, make, row

NEXT = DATE + dt.timedelta(days=1)
ANN = row("1", customer="ann", name="安", phone="13800138000", email="ann@example.com")
BO = row("2", customer="bo", name="波", phone="", email="")


@pytest.fixture
def room(ledger: Engine, tmp_path: Path) -> Room:
    """Ann owed until `DATE`, is off the books on the next day, and is erased on that day."""
    room = Room(ledger, make(tmp_path))
    room.load([ANN, BO])
    room.judge()
    room.load([BO], NEXT)
    room.judge(NEXT)
    with portfolio_lock(ledger, room.book.name) as conn:
        number = portfolio_id_of(conn, room.book.name)
        erase_person(conn, room.book, number, "ann", room.usual(NEXT), "cleo", "asked for it")
    return room


def ann(room: Room) -> list[tuple[object, ...]]:
    c = customer.c
    return room.ask(select(c.name, c.phone, c.email_raw).where(c.customer_ref == "ann"))


def test_old_dates_loaded_again_bring_nobody_back(room: Room) -> None:
    assert ann(room) == [(None, None, None)]
    for date in (DATE, NEXT):
        room.load([ANN, BO], date)
        assert ann(room) == [(None, None, None)]


def test_who_owes_again_is_a_customer_again(room: Room) -> None:
    room.load([ANN, BO], NEXT + dt.timedelta(days=1))
    assert ann(room) == [("安", "+8613800138000", "ann@example.com")]
