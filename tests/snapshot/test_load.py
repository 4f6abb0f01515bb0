import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal

import pandas as pd
import pytest
from sqlalchemy import func, select

from dunflow.errors import NotClosed, SourceError
from dunflow.ledger.tables import account, customer, load, quarantine, snapshot
from dunflow.snapshot import customers
from dunflow.snapshot.pull import Pull
from tests.snapshot.conftest import DATE, Room, row

NEXT = DATE + dt.timedelta(days=1)


def test_counts_mean_overdue_accounts_and_keep_currencies_apart(room: Room) -> None:
    loaded = room.load(
        [
            row("A", customer="C", overdue="10.50"),
            row("B", customer="C", overdue="5"),
            row("C", overdue="7.125", currency="KWD"),
            row("today", due_on="2026-03-10"),
            row("later", due_on="2026-04-01", overdue="0"),
            row("settled", overdue="0.00"),
        ]
    )
    assert loaded.figures() == {
        "state": "loaded",
        "rows_read": 6,
        "accounts": 3,
        "customers": 2,
        "overdue": {"CNY": "15.50", "KWD": "7.125"},
        "quarantined": 0,
        "of_no_use": 0,
    }
    assert len(room.amounts()) == 6


def test_loading_twice_is_loading_once(room: Room) -> None:
    rows = [row("A"), row("B", overdue="x"), row("C", phone="12"), row("D"), row("D", overdue="1")]
    first = room.load(rows)
    assert first.of_no_use == len(room.bad_contacts()) == 1
    before = room.amounts(), room.rejections(), room.bad_contacts()
    assert room.load(rows) == first
    assert (room.amounts(), room.rejections(), room.bad_contacts()) == before
    assert room.ask(select(func.count()).select_from(account)) == [(4,)]
    assert room.ask(select(func.count()).select_from(load)) == [(1,)]


def test_a_date_is_replaced_in_whole(room: Room) -> None:
    room.load([row("A"), row("B", overdue="x")])
    room.load([row("B"), row("C")])
    assert room.amounts() == {"B": "100", "C": "100"}
    assert room.rejections() == []


def test_other_dates_and_portfolios_stay_as_they_are(
    room: Room, furnish: Callable[..., Room]
) -> None:
    room.load([row("A")])
    room.load([row("A", overdue="50")], NEXT)
    other = furnish(portfolio="cliff")
    other.load([row("A", overdue="7")])
    numbers = room.ask(select(snapshot.c.portfolio_id, snapshot.c.overdue_amount))
    assert sorted((amount for _, amount in numbers)) == [7, 50, 100]
    assert len({number for number, _ in numbers}) == 2


def test_an_error_in_mid_load_leaves_the_old_rows(room: Room) -> None:
    room.load([row("A"), row("B", overdue="x")])
    old = room.amounts(), room.rejections(), room.ask(select(load))

    def breaking() -> Iterator[pd.DataFrame]:
        yield pd.DataFrame([row("A", overdue="1"), row("NEW")], dtype="str")
        raise ConnectionError("the core went away")

    with pytest.raises(ConnectionError):
        room.load_pull(Pull(breaking(), room.usual(DATE)))
    assert (room.amounts(), room.rejections(), room.ask(select(load))) == old
    assert room.ask(select(account.c.account_ref).where(account.c.account_ref == "NEW")) == []


def test_columns_that_change_on_the_way_stop_the_load(room: Room) -> None:
    frames = [pd.DataFrame([row("A")]), pd.DataFrame([row("B", extra="1")])]
    with pytest.raises(SourceError, match="changed between two parts"):
        room.load_pull(Pull(iter(frames), room.usual(DATE)))
    assert room.amounts() == {}


def test_a_date_that_has_not_closed_is_refused(room: Room) -> None:
    with pytest.raises(NotClosed, match=r"2026-03-10 has not closed.*Take 2026-03-09"):
        room.pull(DATE, now=dt.datetime(2026, 3, 10, 15, 59, tzinfo=dt.UTC))


def test_rows_that_repeat_count_once_and_contradictions_not_at_all(room: Room) -> None:
    loaded = room.load(
        [
            row("same"),
            row("same"),
            row("same", overdue="100.0"),
            row("torn"),
            row("torn", overdue="99.00"),
            row("torn"),
            row("half", overdue="oops"),
            row("half"),
            row("fine"),
        ]
    )
    assert room.amounts() == {"same": "100", "fine": "100"}
    told = "stands with different facts on another line"
    assert room.rejections() == [
        (4, "account", told, "torn"),
        (5, "account", told, "torn"),
        (7, "overdue", "is no number as the portfolio declares them", "half"),
        (8, "account", "another row of this account can't be read", "half"),
    ]
    assert (loaded.rows_read, loaded.quarantined) == (9, 4)


def test_a_reload_finds_doubles_while_it_takes_in_new_customers(room: Room) -> None:
    room.load([row("A")])
    again = [row("A"), row("A"), row("torn"), row("torn", overdue="1"), row("new", phone="12")]
    loaded = room.load(again)
    assert room.amounts() == {"A": "100", "new": "100"}
    assert [told[3] for told in room.rejections()] == ["torn", "torn"]
    assert len(room.bad_contacts()) == 1
    assert (loaded.rows_read, loaded.accounts, loaded.quarantined) == (5, 2, 2)
    assert room.load(again) == loaded


def test_identifiers_stay_text(room: Room) -> None:
    long = "1234567890123456789"
    room.load([row("0010"), row("10"), row(long), row(long[:-1] + "8"), row(" x ")])
    assert set(room.amounts()) == {"0010", "10", long, long[:-1] + "8", "x"}


def test_attributes_keep_their_kind(furnish: Callable[..., Room]) -> None:
    kinds = {"score": "number", "vip": "flag", "branch": "text"}
    room = furnish(
        {"attributes": {name: {"column": f"x_{name}", "kind": k} for name, k in kinds.items()}}
    )
    room.load([row("A", x_score="1.50", x_vip="是", x_branch="07"), row("B", x_score="")])
    found = room.ask(select(snapshot.c.attributes).order_by(snapshot.c.account_id))
    assert found == [({"score": 1.5, "vip": True, "branch": "07"},), ({},)]


def _contact_points(room: Room, ref: str) -> tuple[object, ...]:
    c = customer.c
    (found,) = room.ask(
        select(c.phone_raw, c.phone, c.email_raw, c.email, c.seen_on).where(c.customer_ref == ref)
    )
    return found


def test_a_bad_contact_point_rejects_only_itself_on_every_date(room: Room) -> None:
    bad = row("A", phone="138001380001", email="x@", customer="C")
    for date in (DATE, NEXT):
        assert room.load([bad, row("B")], date).quarantined == 0
        assert room.bad_contacts(date) == [
            (1, "email", "is no valid email address", "A"),
            (1, "phone", "is no valid phone number (CN)", "A"),
        ]
        assert "A" in room.amounts(date)
    assert _contact_points(room, "C") == ("138001380001", None, "x@", None, DATE)


def test_unchanged_contact_values_are_not_parsed_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []

    def counting(raw: str, region: str) -> str | None:
        parsed.append(raw)
        return f"+86{raw}"

    monkeypatch.setattr(customers, "read_phone", counting)
    rows = [row(f"A{n}", phone=f"1380013800{n}", name="old") for n in range(5)]
    room.load(rows)
    assert len(parsed) == 5
    parsed.clear()
    room.load(rows, NEXT)
    room.load([*rows[1:], row("A0", phone="13911112222", name="new")], NEXT)
    assert parsed == ["13911112222"]
    room.load([each | {"name": "newer"} for each in rows[1:]], NEXT)
    assert parsed == ["13911112222"]
    assert _contact_points(room, "C-A1")[:2] == ("13800138001", "+8613800138001")


def test_an_older_date_does_not_overwrite_newer_contact_points(room: Room) -> None:
    older = DATE - dt.timedelta(days=3)
    yesterday = DATE - dt.timedelta(days=1)
    room.load([row("A", customer="C", phone="13800138000")], older)
    room.load([row("A", customer="C", phone="13800138000")])
    room.load([row("A", customer="C", phone="13911112222")], yesterday)
    assert _contact_points(room, "C")[1] == "+8613800138000"
    room.load([row("A", customer="C", phone="13911112222")], NEXT)
    assert _contact_points(room, "C")[1] == "+8613911112222"


def test_a_bad_value_of_an_older_date_is_told_there_only(room: Room) -> None:
    room.load([row("A", phone="13800138000")], NEXT)
    room.load([row("A", phone="12")])
    room.load([row("A", phone="12")])
    assert [line for line, *_ in room.bad_contacts()] == [1]
    assert room.bad_contacts(NEXT) == []
    assert _contact_points(room, "C-A")[1] == "+8613800138000"


def test_a_customer_of_several_accounts_has_the_values_of_the_first(room: Room) -> None:
    rows = [
        row("B", customer="C", phone="13911112222"),
        row("A", customer="C", phone="13800138000"),
    ]
    for date in (DATE, NEXT):
        room.load(rows, date)
        assert _contact_points(room, "C")[1] == "+8613800138000"


def test_a_contact_point_that_is_gone_is_forgotten(room: Room) -> None:
    room.load([row("A", customer="C", phone="13800138000", email="a@example.com")])
    room.load([row("A", customer="C", phone="", email="a@example.com")], NEXT)
    assert _contact_points(room, "C") == (None, None, "a@example.com", "a@example.com", NEXT)


def test_no_email_is_cut_into_another_one(room: Room) -> None:
    email = "a@" + ("b" * 50 + ".") * 3 + "c" * 42 + ".com.cn"
    assert len(email) > 200
    room.load([row("A", customer="C", email=email)])
    assert _contact_points(room, "C")[3] is None
    assert [column for _, column, *_ in room.bad_contacts()] == ["email"]


def test_quarantine_keeps_no_value(room: Room) -> None:
    secrets = {"overdue": "geheim1", "due_on": "geheim2", "phone": "geheim3", "name": "ge\x01heim"}
    room.load([row("A", **secrets)])
    told = room.ask(select(quarantine))
    assert len(told) == 3
    assert "heim" not in str(told)


def test_the_record_of_a_load_tells_money_as_text(room: Room) -> None:
    loaded = room.load([row("A", overdue="1935", currency="JPY")])
    assert room.ask(select(load.c.overdue, load.c.as_of_at)) == [
        ({"JPY": "1935"}, room.usual(DATE))
    ]
    assert loaded.overdue == {"JPY": Decimal(1935)}


def test_customers_of_two_portfolios_that_share_a_name_are_two(
    room: Room, furnish: Callable[..., Room]
) -> None:
    room.load([row("A", customer="C", phone="13800138000")])
    furnish(portfolio="cliff").load([row("A", customer="C", phone="13800138000")])
    found = room.ask(select(customer.c.portfolio_id, customer.c.phone))
    assert len(found) == 2
    assert {phone for _, phone in found} == {"+8613800138000"}
