"""Files are taken in row by row, each row once, in whatever order and however often they come."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Engine, Table, column, func, select

from dunflow.assess.plans import plan_states
from dunflow.config.book import Book
from dunflow.errors import SourceError
from dunflow.intake.promises import cancel_promises
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import (
    consent,
    contact_change,
    credit,
    customer,
    dead_address,
    hold,
    instalment,
    opt_out,
    payment,
    plan,
    promise,
    reject,
)
from dunflow.report.customer_file import customer_file
from dunflow.report.page import write_pages
from dunflow.retain.person import erase_person
from tests.intake.conftest import NOW, Take

FILES = {
    "payments": "ref,account,amount,booked_at\np1,0010,100.00,2026-03-02 15:00\n"
    "p2,10,5,2026-03-03 09:00\np3,0010,-100.00,2026-03-04\n",
    "credits": "ref,customer,amount,booked_at\nk1,C,20.00,2026-03-02\n",
    "holds": "ref,kind,from,to,account,customer\nh1,dispute,2026-03-01,2026-03-31,A,\n"
    "h2,cease,2026-03-01,,,C\n",
    "promises": "ref,account,amount,by,made_at\nr1,A,50.00,2026-03-20,2026-03-02 10:00\n",
    "plans": "ref,account,due_on,amount,agreed_at\nn1,A,2026-04-30,10,2026-03-01\n"
    "n1,A,2026-03-31,10,2026-03-01\n",
    "consents": "customer,channel,basis,given_at\nC,voice,prior_express,2026-01-01\n",
    "opt_outs": "customer,channel,address\nC,sms,13800138001\n",
    "contact_points": "customer,point,value,changed_at\nC,phone,13800138002,2026-03-02\n",
    "merged_customers": "customer,into\nC,D\n",
    "earlier_contacts": "ref,account,customer,channel,sent_at,step\n"
    "e1,A,C,sms,2026-03-01 10:00,courtesy_sms\n",
    "earlier_placements": "ref,account,destination,amount,placed_at\n"
    "g1,A,harbour_agency,50,2026-02-01\n",
}


def rows(ledger: Engine, *columns: ColumnElement[Any]) -> list[tuple[Any, ...]]:
    with ledger.connect() as conn:
        return sorted(tuple(row) for row in conn.execute(select(*columns)))


def count(ledger: Engine, table: Table) -> int:
    with ledger.connect() as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.mark.parametrize(
    ("kind", "head", "good", "bad"),
    [
        ("consents", "customer,channel,basis,given_at", "C,sms,b,2026-01-01", "C,fax,b,2026-01-01"),
        ("opt_outs", "customer,channel", "C,sms", ",sms"),
        ("contact_points", "customer,point,value,changed_at", "C,phone,13800138002,2026-03-02",
         "C,phone,12,2026-03-02"),
        ("merged_customers", "customer,into", "C,D", "C,C"),
        ("payments", "ref,account,amount,booked_at", "p1,A,1,2026-03-02", ",A,1,x"),
    ],
)  # fmt: skip
def test_a_row_without_an_id_waits_until_its_file_comes_without_the_fault(
    take: Take, ledger: Engine, kind: str, head: str, good: str, bad: str
) -> None:
    open_places = select(reject.c.place).where(reject.c.mended_at.is_(None)).distinct()

    def places() -> set[str]:
        with ledger.connect() as conn:
            return set(conn.execute(open_places).scalars())

    take(kind, f"{head}\n{bad}\n{bad}\n")
    assert places() == {"row 1", "row 2"}
    take(kind, f"{head}\n{good}\n{bad}\n")
    assert places() == {"row 2"}
    take(kind, f"{head}\n{good}\n{good}\n")
    assert places() == set()


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_comes_again_changes_nothing(take: Take, kind: str) -> None:
    first, again = take(kind, FILES[kind]), take(kind, FILES[kind])
    assert (first.known, first.rejected) == (0, [])
    assert (again.new, again.known, again.rejected) == (0, first.new, [])


def test_a_bad_row_is_told_by_its_place_and_stops_no_other(take: Take, ledger: Engine) -> None:
    taken = take(
        "payments",
        "ref,account,amount,booked_at\np1,A,ten,2026-03-02\n,,5,2026-03-02\np3,A,5,2026-03-02\n",
    )
    assert taken.new == 1
    assert [str(fault) for fault in taken.rejected] == [
        "row 1: amount: is no number as the portfolio declares them",
        "row 2: account: is empty",
    ]


def test_a_row_that_comes_again_in_order_is_mended(take: Take, ledger: Engine) -> None:
    head = "ref,account,amount,booked_at\n"
    take("payments", head + "p1,A,ten,2026-03-02\np2,A,,2026-03-02\n")
    take("payments", head + "p1,A,10,2026-03-02\n")
    with ledger.connect() as conn:
        waiting = conn.execute(select(reject.c.row_key).where(reject.c.mended_at.is_(None)))
        assert list(waiting.scalars()) == ["p2"]


def test_rows_that_wait_to_be_mended_stand_on_the_page(
    take: Take, ledger: Engine, book: Book, tmp_path: Path
) -> None:
    take("payments", "account,amount,booked_at\nA,ten,soon\nA,10,soon\nA,1,2026-03-01\n")
    take("opt_outs", "customer,channel\nC,pigeon\n")
    with ledger.begin() as conn:
        number = portfolio_id_of(conn, book.name)
    page = write_pages(ledger, book, number, NOW.date(), tmp_path, NOW)
    assert page.figures["rejected"] == {"opt_outs": 1, "payments": 2}
    assert "dunflow take PORTFOLIO --rejected" in page.page.read_text(encoding="utf-8")


def test_a_wrong_header_stops_the_file_before_anything_is_written(
    take: Take, ledger: Engine
) -> None:
    with pytest.raises(SourceError, match=r"column 'account' is missing.*found: 'ref', 'Account'"):
        take("payments", "ref,Account,amount,booked_at\np1,A,5,2026-03-02")
    assert count(ledger, payment) == 0


def test_an_id_that_says_something_else_is_told(take: Take, ledger: Engine) -> None:
    head = "ref,account,amount,booked_at\n"
    take("payments", head + "p1,A,10,2026-03-02\n")
    again = take("payments", head + "p1,A,11,2026-03-02\n")
    assert [fault.column for fault in again.rejected] == ["ref"]
    assert rows(ledger, payment.c.amount) == [(Decimal(10),)]


PROMISE = "p1,A,100.00,CNY,2026-03-20,2026-03-02 10:00\n"
PLAN = "n1,A,2026-04-30,100.00,CNY,2026-03-09 10:00,30\n"
SECOND = PLAN.replace("04-30", "05-31")


@pytest.mark.parametrize(
    ("kind", "first", "again"),
    [
        ("promises", PROMISE, PROMISE.replace("CNY", "USD")),
        ("plans", PLAN, PLAN.replace(",30\n", ",0\n")),
        ("plans", PLAN, PLAN.replace("03-09 10:00", "03-01 10:00")),
        ("plans", PLAN, PLAN.replace("CNY", "USD")),
        ("plans", PLAN + SECOND, SECOND),
        ("plans", PLAN, PLAN + SECOND),
    ],
)
def test_an_agreement_that_says_something_else_is_turned_down(
    take: Take, kind: str, first: str, again: str
) -> None:
    heads = {
        "promises": "ref,account,amount,currency,by,made_at\n",
        "plans": "ref,account,due_on,amount,currency,agreed_at,grace_days\n",
    }
    assert not take(kind, heads[kind] + first).rejected
    assert not take(kind, heads[kind] + first).rejected
    assert {fault.column for fault in take(kind, heads[kind] + again).rejected} == {"ref"}


def test_a_promise_of_a_day_before_it_was_made_is_turned_down(take: Take, ledger: Engine) -> None:
    head = "ref,account,amount,by,made_at\n"
    # In Shanghai it is the 9th already.
    late = "p1,A,100.00,2026-03-08,2026-03-08T16:00:00Z\np2,A,100.00,2026-03-09,2026-03-09 10:00\n"
    assert [fault.column for fault in take("promises", head + late).rejected] == ["by"]
    assert rows(ledger, promise.c.promise_ref) == [("p2",)]


def test_a_promise_that_was_kept_is_not_cancelled_with_another(
    take: Take, ledger: Engine, book: Book
) -> None:
    head = "ref,account,amount,by,made_at\n"
    kept, waited_for = "p1,A,50.00,2026-03-20,2026-03-02\n", "p2,A,60.00,2026-03-30,2026-03-05\n"
    take("promises", head + kept + waited_for)
    take("payments", "account,amount,booked_at\nA,50.00,2026-03-03\n")
    with ledger.begin() as conn:
        portfolio_id = portfolio_id_of(conn, book.name)
        [account_id] = conn.execute(select(promise.c.account_id).distinct()).scalars()
        assert cancel_promises(conn, book, portfolio_id, account_id, NOW, "ann") == 1
    assert rows(ledger, promise.c.promise_ref, promise.c.cancelled_at) == [
        ("p1", None),
        ("p2", NOW),
    ]


def test_a_plan_that_was_replaced_in_time_is_told_as_it_was_then(
    take: Take, ledger: Engine, book: Book
) -> None:
    head = "ref,account,due_on,amount,agreed_at\n"
    take("plans", head + "a,A,2026-03-06,40.00,2026-03-02\nb,A,2026-04-30,40.00,2026-03-04\n")
    take("payments", "account,amount,booked_at\nA,30.00,2026-03-05\n")
    with ledger.begin() as conn:
        portfolio_id = portfolio_id_of(conn, book.name)
        told = select(plan.c.plan_ref, column("broken"), column("paid")).select_from(plan)
        states = plan_states(book, portfolio_id, NOW).subquery("states")
        told = told.join(states, states.c.plan_id == plan.c.plan_id).order_by(plan.c.plan_ref)
        assert conn.execute(told).all() == [("a", False, 0), ("b", False, 30)]


def test_equal_payments_without_an_id_are_as_many_as_there_are(take: Take, ledger: Engine) -> None:
    file = "account,amount,booked_at\nA,10,2026-03-02\nA,10.00,2026-03-02\nB,10,2026-03-02\n"
    assert take("payments", file).new == 3
    assert take("payments", file).new == 0


def test_a_credit_is_as_it_was_told_last(take: Take, ledger: Engine) -> None:
    head = "ref,customer,amount,booked_at,changed_at,cancelled\n"
    take("credits", head + "k1,C,5,2026-03-01,2026-03-05,yes\n")
    assert take("credits", head + "k1,C,20,2026-03-01,2026-03-02,no\n").new == 0
    assert rows(ledger, credit.c.amount, credit.c.cancelled) == [(Decimal(5), True)]


def test_a_hold_has_its_last_day_whole_and_ends_when_that_is_told(
    take: Take, ledger: Engine
) -> None:
    take("holds", FILES["holds"])
    ended = "ref,kind,from,to,account,released_at\nh1,dispute,2026-03-01,2026-03-31,A,2026-03-05\n"
    assert take("holds", ended).new == 1
    assert take("holds", FILES["holds"]).rejected == []  # the older word, once more
    found = rows(ledger, hold.c.hold_ref, hold.c.until_at, hold.c.released_at)
    assert found[0] == (
        "h1",
        dt.datetime(2026, 3, 31, 16, tzinfo=dt.UTC),
        dt.datetime(2026, 3, 4, 16, tzinfo=dt.UTC),
    )


@pytest.mark.parametrize("last", ["9999-01-01", "9999-12-31"])
def test_a_hold_whose_last_day_means_never_stands_until_it_is_released(
    take: Take, ledger: Engine, book: Book, last: str
) -> None:
    content = f"ref,kind,from,to,customer\nh1,dispute,2026-03-01,{last},C\n"
    assert [take("holds", content).rejected for _ in range(2)] == [[], []]
    assert rows(ledger, hold.c.until_at) == [(None,)]
    with ledger.connect() as conn:
        number = portfolio_id_of(conn, book.name)
        (told,) = customer_file(conn, book, number, "C", NOW)["holds"]
    assert told["until_at"] is None


def test_a_hold_names_an_account_or_a_customer(take: Take) -> None:
    taken = take("holds", "ref,kind,from,account,customer\nh1,dispute,2026-03-01,A,C\n")
    assert [fault.reason for fault in taken.rejected] == [
        "name an account or a customer, and one of them only"
    ]


def test_a_promise_of_another_century_is_turned_down(take: Take) -> None:
    for day, why in {"2027-03-03": None, "2027-03-05": "by", "2206-03-20": "by"}.items():
        content = FILES["promises"].replace("r1", f"r {day}").replace("2026-03-20", day)
        taken = take("promises", content)
        assert [fault.column for fault in taken.rejected] == ([why] if why else [])


def test_a_promise_that_was_cancelled_stays_so(take: Take, ledger: Engine) -> None:
    cancelled = FILES["promises"].replace("made_at\n", "made_at,cancelled_at\n")
    take("promises", cancelled.replace(" 10:00\n", " 10:00,2026-03-03 09:00\n"))
    assert take("promises", FILES["promises"]).new == 0
    assert rows(ledger, promise.c.cancelled_at)[0][0] is not None


@pytest.mark.parametrize("order", [("z", "a"), ("a", "z")])
def test_the_plan_that_was_agreed_last_stands(
    take: Take, ledger: Engine, order: tuple[str, str]
) -> None:
    head = "ref,account,due_on,amount,agreed_at\n"
    given = {
        "z": head + "z,A,2026-03-31,10,2026-03-01\nz,A,2026-04-30,10,2026-03-01\n",
        "a": head + "a,A,2026-05-31,30,2026-03-08\n",
    }
    for ref in order:
        take("plans", given[ref])
    assert rows(ledger, plan.c.plan_ref, plan.c.cancelled_at) == [
        ("a", None),
        ("z", dt.datetime(2026, 3, 7, 16, tzinfo=dt.UTC)),
    ]
    totals = rows(ledger, instalment.c.due_on, instalment.c.total_amount)
    assert [total for _, total in totals] == [10, 20, 30]


def test_a_plan_of_which_a_row_is_bad_is_turned_down_whole(take: Take, ledger: Engine) -> None:
    head = "ref,account,due_on,amount,agreed_at\n"
    taken = take("plans", head + "n1,A,2026-03-31,10,2026-03-01\nn1,A,soon,10,2026-03-01\n")
    assert len(taken.rejected) == 2
    assert count(ledger, plan) == 0


def test_a_consent_that_was_revoked_stays_so(take: Take, ledger: Engine) -> None:
    revoked = FILES["consents"].replace("given_at\n", "given_at,revoked_at\n")
    take("consents", revoked.replace("2026-01-01\n", "2026-01-01,2026-02-01\n"))
    assert take("consents", FILES["consents"]).new == 0
    assert rows(ledger, consent.c.revoked_at)[0][0] is not None


def test_an_opt_out_binds_the_customer_and_the_number_as_it_is_dialled(
    take: Take, ledger: Engine
) -> None:
    take("opt_outs", FILES["opt_outs"])
    with ledger.connect() as conn:
        bound = conn.execute(select(opt_out.c.address).where(opt_out.c.address.is_not(None)))
        assert list(bound.scalars()) == ["+8613800138001"]
    assert count(ledger, opt_out) == 2


def test_an_opt_out_that_was_lifted_does_not_come_back_with_the_file(
    take: Take, ledger: Engine
) -> None:
    take("opt_outs", FILES["opt_outs"])
    with ledger.begin() as conn:
        conn.execute(opt_out.update().values(lifted_at=dt.datetime(2026, 3, 11, tzinfo=dt.UTC)))
    take("opt_outs", FILES["opt_outs"])
    older = "ref,customer,channel,address,since_at\no9,C,sms,13800138001,2026-03-09\n"
    assert take("opt_outs", older).new == 1  # it is news, but older than the word that lifted it
    assert {lifted is None for (lifted,) in rows(ledger, opt_out.c.lifted_at)} == {False}


def test_the_newest_word_about_a_contact_point_holds(take: Take, ledger: Engine) -> None:
    head = "customer,point,value,changed_at\n"
    take("contact_points", head + "C,phone,13800138002,2026-03-05\n")
    take("contact_points", head + "C,phone,13800138001,2026-03-02\n")
    assert rows(ledger, customer.c.phone) == [("+8613800138002",)]


def test_a_bad_number_is_used_by_no_channel_until_it_is_good_again(
    take: Take, ledger: Engine
) -> None:
    head = "customer,point,value,bad,changed_at\n"
    take("contact_points", head + "C,phone,13800138002,yes,2026-03-05\n")
    assert [row[0] for row in rows(ledger, dead_address.c.channel)] == ["call", "sms", "voice"]
    take("contact_points", head + "C,phone,13800138002,no,2026-03-06\n")
    take("contact_points", head + "D,phone,13800138002,yes,2026-03-04\n")
    assert count(ledger, dead_address) == 0


def test_a_number_that_nobody_can_dial_is_told_without_its_digits(
    take: Take, ledger: Engine
) -> None:
    taken = take("contact_points", "customer,point,value,changed_at\nC,phone,12,2026-03-05\n")
    assert [str(fault) for fault in taken.rejected] == [
        "row 1: value: is no valid phone number or email address"
    ]
    assert count(ledger, contact_change) == 0


@pytest.mark.parametrize(("length", "kept"), [(303, 303), (1000, 1000), (1001, None)])
def test_an_address_is_kept_whole_or_turned_down(
    take: Take, ledger: Engine, length: int, kept: int | None
) -> None:
    address = "长" * (length - 3) + "END"
    content = f"customer,point,value,changed_at\nC,address,{address},2026-03-05\n"
    faults = [str(fault) for fault in take("contact_points", content).rejected]
    assert faults == ([] if kept else ["row 1: value: is longer than 1000 characters"])
    assert rows(ledger, func.length(customer.c.address)) == ([(kept,)] if kept else [])


def test_the_file_on_a_person_is_the_same_by_each_of_their_ids(
    take: Take, ledger: Engine, book: Book
) -> None:
    take("contact_points", FILES["contact_points"])
    take("merged_customers", "customer,into,reason\nC,D,same passport\n")
    with ledger.begin() as conn:
        number = portfolio_id_of(conn, book.name)
        files = [customer_file(conn, book, number, ref, NOW) for ref in ("C", "D")]
    assert files[0] | {"customer": "D"} == files[1]
    assert [(each["id"], each["reason"]) for each in files[0]["other_ids"]] == [
        ("C", "same passport")
    ]
    assert [each["value"] for each in files[0]["contact_changes"]] == ["+8613800138002"]
    assert files[0]["person"]["phone"] == "+8613800138002"  # D had none


def test_a_file_that_comes_again_does_not_bring_an_erased_number_back(
    take: Take, ledger: Engine, book: Book
) -> None:
    take("contact_points", "customer,point,value,changed_at\nC,phone,13800138002,2026-03-10\n")
    with ledger.begin() as conn:
        number = portfolio_id_of(conn, book.name)
        erase_person(conn, book, number, "C", NOW, "ann", "asked for it")
    again = "customer,point,value,changed_at\nC,phone,13800138002,2026-03-10\n"
    taken = take("contact_points", again + "D,phone,13800138003,2026-03-10\n")
    assert taken.new == 1
    left = [("",), ("+8613800138003",)]
    assert rows(ledger, func.coalesce(customer.c.phone, "")) == left
    assert rows(ledger, contact_change.c.value) == left
