"""Lists that nobody had in time: who paid, died or had their day is on none of them any more."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from sqlalchemy import select

from dunflow.config.portfolio import Calls, Team
from dunflow.console.lists import heads, page_of
from dunflow.intake.holders import account_of
from dunflow.intake.holds import Hold, Holder, record_hold
from dunflow.intake.payments import Payment, record_payment
from dunflow.ledger.tables import account, contact, contact_account, episode, worklist
from dunflow.place.deliver import DeliveryError, Place
from dunflow.placements import Desk
from dunflow.remind.talks import record_talk
from tests.worklists.conftest import DATE, Office, Open

DAY = dt.timedelta(days=1)


@contextmanager
def nowhere_to_write() -> Iterator[None]:
    def fails(*_: object) -> None:
        raise OSError("no room")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Place, "_put", fails)
        with pytest.raises(DeliveryError, match="no room"):
            yield


def pay_and_die(desk: Desk) -> None:
    """A1 pays in full, and the customer of 0020 dies."""
    now = desk.clock.now()
    with desk.engine.begin() as conn:
        paid = Payment("P1", "A1", Decimal("100.00"), "CNY", now)
        record_payment(conn, desk.portfolio_id, paid)
        of = Holder(account_id=account_of(conn, desk.portfolio_id, "0020"))
        record_hold(conn, desk.portfolio_id, Hold(of, "deceased", now, None, now, "ann", "died"))


def pass_days(at: Office, days: int) -> None:
    clock = at.desk.clock
    clock.move_to(clock.now() + days * DAY)  # type: ignore[attr-defined]


def listed(at: Office) -> list[list[str]]:
    return [[row["account"] for row in at.table(made)] for made in at.write()]


def states(at: Office) -> list[tuple[str, str | None]]:
    return sorted((row.state, row.reason) for row in at.rows(contact))


def test_a_list_that_goes_on_leaves_out_whom_a_guard_forbids_by_now(office: Open) -> None:
    at = office()
    with nowhere_to_write():
        at.write()
    pay_and_die(at.desk)
    assert listed(at) == [["A4", "A3"]]
    assert states(at).count(("cancelled", "never_listed")) == 2


def talk(desk: Desk, account: str) -> None:
    """Somebody talks with the customer about this account."""
    now = desk.clock.now()
    with desk.engine.begin() as conn:
        of = account_of(conn, desk.portfolio_id, account)
        who = conn.execute(
            select(contact.c.customer_id)
            .join(contact_account, contact_account.c.contact_id == contact.c.contact_id)
            .where(contact_account.c.account_id == of)
        ).scalar_one()
        record_talk(conn, desk.book, desk.portfolio_id, who, of, now, "ann", now)


@pytest.mark.parametrize(
    ("packs", "account", "gone"),
    [
        (["own-day"], "A1", set()),
        (["own-day", "own-rest-after-talk"], "A1", {"A1"}),
        (["own-day", "own-rest-after-talk"], "A5", {"A4"}),  # one line names both
        (["own-day", "own-rest-by-debt"], "A1", {"A1"}),
        (["own-day", "own-rest-by-debt"], "A5", {"A4"}),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
def test_whoever_was_talked_with_meanwhile_is_on_no_list_where_a_pack_wants_rest(
    packs: list[str], account: str, gone: set[str], begun: bool, office: Open
) -> None:
    at = office(packs=packs)
    if begun:
        with nowhere_to_write():
            at.write()
    talk(at.desk, account)
    (only,) = listed(at)
    assert set(only) == {"A1", "0020", "A3", "A4"} - gone


def test_a_talk_about_another_debt_leaves_a_call_where_rest_is_by_debt(office: Open) -> None:
    at = office(packs=["own-day", "own-rest-by-debt"], per_customer="per_account")
    talk(at.desk, "A5")
    (only,) = listed(at)
    assert "A4" in only
    assert "A5" not in only


def test_a_page_says_of_whom_a_talk_forbids_by_now(office: Open) -> None:
    at = office(packs=["own-day", "own-rest-after-talk"])
    at.write()
    talk(at.desk, "A1")
    desk = at.desk
    with desk.engine.connect() as conn:
        page = page_of(conn, heads(conn)[0], desk.clock.now(), lambda _: desk.book)
    forbidden = {line["account"]: line["forbidden"] for line in page.lines}
    assert forbidden == {"A1": "cooldown.after_talk", "0020": None, "A3": None, "A4": None}


def test_nobody_is_listed_whose_hours_are_over(office: Open) -> None:
    """At nine in the evening nobody may be called any more but Ann, in Berlin."""
    at = office()
    at.desk.clock.move_to(at.desk.clock.now().replace(hour=13))  # type: ignore[attr-defined]
    assert listed(at) == [["A3"]]
    assert states(at).count(("cancelled", "never_listed")) == 3


def test_whom_a_guard_forbids_is_on_no_new_list_either(office: Open) -> None:
    at = office()
    pay_and_die(at.desk)
    assert listed(at) == [["A4", "A3"]]


def test_a_list_whose_day_is_over_is_forgotten(office: Open) -> None:
    at = office()
    with nowhere_to_write():
        at.write()
    pass_days(at, 3)
    assert listed(at) == []
    assert at.rows(worklist) == []
    assert set(states(at)) == {("cancelled", "never_listed")}
    # Nobody was called: neither a cap nor a gap counts it, nor is it one of a step's attempts.
    assert {row.contact_on for row in at.rows(contact)} == {None}
    assert {row.last_contact_at for row in at.rows(account)} == {None}
    assert not any(row.progress for row in at.rows(episode))


def test_nobody_is_on_the_lists_of_two_days(office: Open) -> None:
    at = office()
    with nowhere_to_write():
        at.write()
    at.live(DATE + DAY, 16)
    (only,) = listed(at)
    assert sorted(only) == ["0020", "A1", "A3", "A4"]


def test_a_team_that_was_renamed_still_has_its_list(office: Open) -> None:
    at = office(teams=[Team(team="home", languages=["zh"]), Team(team="abroad", languages=["en"])])
    with nowhere_to_write():
        at.write()
    book = at.desk.book
    teams = [Team(team="house", languages=["zh"]), Team(team="abroad", languages=["en"])]
    portfolio = book.portfolio.model_copy(update={"calls": Calls(teams=teams)})
    renamed = type(book)(portfolio, book.policy, book.floor, book.folder)
    at.desk = Desk(at.desk.engine, renamed, at.desk.portfolio_id, at.desk.clock, at.desk.environ)
    assert {made["team"] for made in at.write()} == {"home", "abroad"}


def test_an_announced_visit_is_open_on_its_day_and_over_on_the_next(office: Open) -> None:
    at = office("visit", packs=["own-day", "own-visits"])
    (made,) = at.write("visit")
    (on,) = {
        dt.date.fromisoformat(row["visit_on"]) for row in at.table(made) if row["account"] == "A1"
    }
    assert on > DATE + DAY

    def forbidden(date: dt.date) -> set[str | None]:
        now = at.desk.book.portfolio.calendar.start_of(date) + dt.timedelta(hours=10)
        with at.desk.engine.connect() as conn:
            (head,) = heads(conn, made["reference"])
            page = page_of(conn, head, now, lambda _: at.desk.book)
        return {line["forbidden"] for line in page.lines if line["account"] == "A1"}

    assert (forbidden(on), forbidden(on + DAY)) == ({None}, {"the day is over"})
