"""Money that says no currency is in that of its account, and as fine as that one."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from dunflow.intake.feeds import take_file
from dunflow.intake.take import Taken
from dunflow.ledger.tables import payment
from dunflow.placements import Desk
from tests.place.conftest import MakeDesk, make_desk, row

__all__ = ["make_desk"]

HEAD = "ref,account,amount,currency,booked_at\n"
TakeAt = Callable[[str], Taken]


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    """A Chinese portfolio in which some owe dinars and yen."""
    owed = {"yuan": "CNY", "dinar": "KWD", "yen": "JPY"}
    return make_desk([row(account, currency=code) for account, code in owed.items()])


@pytest.fixture
def take(desk: Desk, tmp_path: Path) -> TakeAt:
    def taken(text: str) -> Taken:
        file = tmp_path / "payments.csv"
        file.write_text(text, encoding="utf-8")
        return take_file(desk.engine, desk.book, "payments", file, "ann", desk.clock.now())

    return taken


def kept(desk: Desk) -> list[tuple[str, Decimal, str, bool]]:
    with desk.engine.connect() as conn:
        p = payment.c
        found = conn.execute(
            select(p.payment_ref, p.amount, p.currency, p.currency_told).order_by(p.payment_ref)
        )
        return [tuple(each) for each in found]


@pytest.mark.parametrize("head", [HEAD, HEAD.replace("currency,", "")])
def test_an_empty_currency_is_that_of_the_account(desk: Desk, take: TakeAt, head: str) -> None:
    between = "," if "currency" in head else ""
    told = [("p1", "dinar", "1.234"), ("p2", "yen", "100"), ("p3", "new", "5.00")]
    text = [f"{ref},{account},{amount},{between}2026-03-02\n" for ref, account, amount in told]
    assert take(head + "".join(text)).new == 3
    assert kept(desk) == [
        ("p1", Decimal("1.234"), "KWD", True),
        ("p2", Decimal(100), "JPY", True),
        ("p3", Decimal(5), "CNY", False),
    ]


def test_money_is_as_fine_as_the_currency_of_its_account(desk: Desk, take: TakeAt) -> None:
    taken = take(
        HEAD + "p1,yen,100.50,,2026-03-02\np2,yuan,1.234,,2026-03-02\np3,dinar,1.2345,,2026-03-02\n"
        "p4,yuan,1.234,CNY,2026-03-02\np5,new,1.234,,2026-03-02\np6,yen,100.00,,2026-03-02\n"
    )
    fine = "amount: has more decimals than"
    assert [str(fault) for fault in taken.rejected] == [
        f"row 1: {fine} its currency",
        f"row 2: {fine} its currency",
        f"row 3: {fine} its currency",
        f"row 4: {fine} CNY",
        f"row 5: {fine} its currency",
    ]
    assert [each[0] for each in kept(desk)] == ["p6"]


def test_a_plan_is_turned_down_whole_where_an_instalment_is_too_fine(
    desk: Desk, tmp_path: Path
) -> None:
    file = tmp_path / "plans.csv"
    file.write_text(
        "ref,account,due_on,amount,agreed_at\nn1,yen,2026-04-30,100,2026-03-01\n"
        "n1,yen,2026-05-31,100.50,2026-03-01\nn2,yuan,2026-04-30,100.50,2026-03-01\n"
    )
    taken = take_file(desk.engine, desk.book, "plans", file, "ann", desk.clock.now())
    assert (taken.new, [fault.column for fault in taken.rejected]) == (1, ["ref", "amount"])


def test_a_row_without_an_id_stays_the_one_that_it_was(desk: Desk, take: TakeAt) -> None:
    """Payments of a file that grows, as were taken in before with an empty currency."""
    head = HEAD.removeprefix("ref,")
    take(head + "yuan,5.00,,2026-03-02\n")
    assert kept(desk)[0][0] == (
        "#c36202c4316326cc11f425edcf7e0a945fff99dba227d3756a29ecf57830219f.1"
    )
