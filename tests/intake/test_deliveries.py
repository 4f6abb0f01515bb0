"""However rows are delivered, in parts, twice and out of order, the ledger ends the same."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, Table, select

from dunflow.config.book import Book
from dunflow.intake.feeds import take_file
from dunflow.ledger.tables import (
    account,
    credit,
    customer,
    hold,
    instalment,
    payment,
    plan,
    promise,
)

NOW = dt.datetime(2026, 3, 30, 4, tzinfo=dt.UTC)
SOME = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
HEADS = {
    "payments": "ref,account,amount,booked_at",
    "credits": "ref,customer,amount,booked_at,changed_at,cancelled",
    "holds": "ref,account,kind,from,released_at",
    "promises": "ref,account,amount,by,made_at,cancelled_at",
    "plans": "ref,account,due_on,amount,agreed_at,cancelled_at",
}
DAY = "2026-03-{:02}"
numbers = st.integers(1, 28)


@st.composite
def payments(draw: st.DrawFn) -> list[str]:
    """Payments of some accounts, and reversals of some of them."""
    rows = []
    for number in range(draw(st.integers(1, 6))):
        owner, amount = draw(st.sampled_from("AB")), draw(st.integers(1, 500))
        on = DAY.format(draw(numbers))
        rows.append(f"p{number},{owner},{amount},{on} 10:00")
        if draw(st.booleans()):
            rows.append(f"r{number},{owner},-{amount},{on} 12:00")
    return rows


@st.composite
def others(draw: st.DrawFn, kind: str) -> list[str]:
    """Several tellings of a few things, of which the later ones may end them."""
    rows = []
    for number in range(draw(st.integers(1, 3))):
        ends = [DAY.format(day) for day in draw(st.lists(numbers, max_size=2))]
        for end in ["", *ends]:
            match kind:
                case "credits":
                    amount, cancelled = draw(st.integers(0, 50)), draw(st.sampled_from(["", "yes"]))
                    rows.append(f"k{number},C,{amount},2026-03-01,{end},{cancelled}")
                case "holds":
                    rows.append(f"h{number},A,dispute,2026-03-01,{end}")
                case _:
                    rows.append(f"v{number},A,50,2026-03-20,2026-03-01,{end}")
    return rows


@st.composite
def plans(draw: st.DrawFn) -> list[str]:
    """Plans of one account, each as the lines of a row: its instalments come together."""
    rows = []
    for number, day in enumerate(draw(st.lists(numbers, min_size=1, max_size=4))):
        amount, agreed_on = 10 * (number + 1), DAY.format(day)
        end = draw(st.sampled_from(["", "2026-03-29", "2026-03-15"]))
        for ends in {"", end}:
            parts = [
                f"n{number},A,2026-0{month}-30,{amount},{agreed_on},{ends}" for month in (4, 5)
            ]
            rows.append("\n".join(parts))
    return rows


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[str, list[str], list[list[str]]]:
    """A kind, all of its rows, and files in which each of them comes at least once."""
    kind = draw(st.sampled_from(sorted(HEADS)))
    own = {"payments": payments, "plans": plans}
    rows = draw(own[kind]() if kind in own else others(kind))
    whole = draw(st.permutations(rows))
    cut = draw(st.integers(0, len(rows)))
    again = draw(st.lists(st.lists(st.sampled_from(rows), min_size=1, max_size=4), max_size=2))
    parts = [part for part in (whole[:cut], whole[cut:]) if part]
    return kind, rows, draw(st.permutations([*parts, *again]))


def kept(ledger: Engine, table: Table) -> list[tuple[Any, ...]]:
    """Everything that a table says, but for the numbers that the ledger gave."""
    told = [c for c in table.c if not c.name.endswith("_id") and not c.name.startswith("recorded")]
    with ledger.connect() as conn:
        return sorted(tuple(map(str, row)) for row in conn.execute(select(*told)))


def end_of(
    ledger: Engine, book: Book, folder: Path, kind: str, files: Sequence[Sequence[str]]
) -> list[Any]:
    """What the ledger says after these files, beginning from nothing."""
    tables = (payment, credit, hold, promise, instalment, plan)
    with ledger.begin() as conn:
        for table in (*tables, account, customer):
            conn.execute(table.delete())
    for lines in files:
        file = folder / "in.csv"
        file.write_text("\n".join([HEADS[kind], *lines]))
        assert take_file(ledger, book, kind, file, "ann", NOW).rejected == []
    return [kept(ledger, table) for table in tables]


@SOME
@given(deliveries())
def test_deliveries_in_any_order_and_twice_give_the_same_ledger(
    ledger: Engine, book: Book, tmp_path: Path, given: tuple[str, list[str], list[list[str]]]
) -> None:
    kind, rows, files = given
    assert end_of(ledger, book, tmp_path, kind, files) == end_of(
        ledger, book, tmp_path, kind, [rows]
    )
