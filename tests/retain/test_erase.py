"""A person's data: given to them whole, erased wherever they stand, and not brought back."""

import datetime as dt
import json

import pytest
from sqlalchemy import Engine, insert, literal, select, update

from dunflow.config.book import Book
from dunflow.config.period import earlier, later
from dunflow.errors import DunflowError
from dunflow.ledger import partitions
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import (
    account,
    contact,
    customer,
    episode,
    erasure,
    opt_out,
    placement,
    reply,
    snapshot,
    worklist,
    worklist_line,
)
from dunflow.report.audit import audit
from dunflow.report.export import export
from dunflow.retain.age import age
from dunflow.retain.person import erase_person
from dunflow.tell import json_of
from tests.remind.contacts import book as plain_book
from tests.retain.whole_person import AT, DAY, accept, everything, know, known_of, marks

YEARS = "P5Y"
WHY = "Ann:erasure.reason"
SOON = AT + dt.timedelta(days=30)
LONG_AFTER = AT + dt.timedelta(days=6 * 366)


class Records:
    """A ledger with two people on it: Ann, whose data it is about, and Bo, who wants nothing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.book: Book = plain_book()
        with engine.begin() as conn:
            self.portfolio_id = portfolio_id_of(conn, self.book.name)
        self.ann = know(engine, self.portfolio_id, "Ann")
        self.bo = know(engine, self.portfolio_id, "Bo")
        accept(engine, self.portfolio_id, DAY)

    def erase(self, now: dt.datetime = SOON) -> dt.date | None:
        with self.engine.begin() as conn:
            erased = erase_person(conn, self.book, self.portfolio_id, "Ann", now, "cleo", WHY)
        return erased.records_until

    def broken(self) -> dict[str, int]:
        """What the audit says. Made up by hand, the two lack a run and a decision."""
        with self.engine.connect() as conn:
            checked = audit(conn, self.book, self.portfolio_id)
        return {each.promise: each.broken for each in checked if each.broken}

    def change(self, statement: object) -> None:
        with self.engine.begin() as conn:
            conn.execute(statement)  # type: ignore[call-overload]


@pytest.fixture
def records(ledger: Engine) -> Records:
    return Records(ledger)


def test_an_export_has_every_personal_value_and_nobody_elses(records: Records) -> None:
    with records.engine.connect() as conn:
        file = export(conn, records.book, records.portfolio_id, "Ann", SOON)
    written = json_of(file)
    assert {each for each in marks("Ann") if each not in written} == set()
    assert "Bo:" not in written
    assert json.loads(written)["customer"] == "Ann"


def test_an_export_names_the_call_lists_and_visit_orders_that_had_them(records: Records) -> None:
    here = {"portfolio_id": records.portfolio_id, "channel": "call", "made_at": AT}
    line = insert(worklist_line).from_select(
        ["contact_id", "worklist_id", "position"],
        select(contact.c.contact_id, worklist.c.worklist_id, literal(1)).where(
            contact.c.reference == "R-" + worklist.c.team
        ),
    )
    for team in ("Ann", "Bo"):
        records.change(
            insert(worklist).values(
                **here, team=team, listed_on=DAY, reference=f"calls-{team}", delivered_at=AT
            )
        )
    records.change(line)
    with records.engine.connect() as conn:
        file = export(conn, records.book, records.portfolio_id, "Ann", SOON)
    assert file["worklists"] == [
        {
            "contact": "R-Ann",
            "channel": "call",
            "team": "Ann",
            "listed_on": DAY,
            "list": "calls-Ann",
            "delivered_at": AT,
        }
    ]


def test_contact_points_go_at_once_and_the_records_when_no_pack_wants_them(
    records: Records,
) -> None:
    assert records.erase() == later(DAY + dt.timedelta(days=1), YEARS)
    left = known_of(records.engine, "Ann")
    # One stands in a reply still, as whom it came from.
    assert {each for each in left if "customer." in each} == {"Ann:customer.email"}
    assert {"Ann:contact_text.body", "Ann:reply.body", "Ann:contact.address"} <= left
    assert {"Ann:snapshot.attributes", "Ann:snapshot.segment"} <= left
    assert known_of(records.engine, "Bo") == marks("Bo")


def test_nothing_is_left_of_whom_no_pack_wants_records(records: Records) -> None:
    before = records.broken()
    assert records.erase(LONG_AFTER) is None
    assert known_of(records.engine, "Ann") == set()
    assert known_of(records.engine, "Bo") == marks("Bo")
    assert records.broken() == before
    with records.engine.connect() as conn:
        assert WHY not in everything(conn)
    with records.engine.connect() as conn:
        said_no = select(opt_out.c.channel).where(opt_out.c.customer_id == records.ann)
        assert conn.execute(said_no).scalars().all() == ["sms"]  # and it holds still


def test_housekeeping_erases_the_records_on_their_day(records: Records) -> None:
    until = records.erase()
    assert until is not None
    # Ann came back: what is newer than the erasure is another matter.
    records.change(
        insert(reply).values(
            portfolio_id=records.portfolio_id,
            reply_ref="new",
            customer_id=records.ann,
            channel="sms",
            received_at=LONG_AFTER,
            kind="other",
            state="kept",
            body="back again",
        )
    )
    accept(records.engine, records.portfolio_id, until - dt.timedelta(days=2))
    age(records.engine, records.book, records.portfolio_id, LONG_AFTER)
    assert "Ann:reply.body" in known_of(records.engine, "Ann")
    accept(records.engine, records.portfolio_id, until - dt.timedelta(days=1))
    assert age(records.engine, records.book, records.portfolio_id, LONG_AFTER).records == 1
    assert known_of(records.engine, "Ann") == set()
    with records.engine.connect() as conn:
        assert WHY not in everything(conn)
        assert "back again" in conn.execute(select(reply.c.body)).scalars().all()


def test_an_address_that_others_use_stays_theirs(records: Records) -> None:
    shared = "Ann:customer.phone"
    records.change(
        update(customer).where(customer.c.customer_id == records.bo).values(phone=shared)
    )
    records.erase(LONG_AFTER)
    left = known_of(records.engine, "Ann")
    assert left == {shared}  # Bo's, and it is still dead


OPEN = {
    "account 'A-Ann' is open": update(episode).values(ended_on=None),
    "is placed with 'agency'": update(placement).values(state="exported"),
    "a contact is under way": update(contact).values(state="in_doubt"),
    "a reply waits": update(reply).values(state="open"),
}


@pytest.mark.parametrize("why", OPEN)
def test_nobody_is_erased_with_whom_something_goes_on(records: Records, why: str) -> None:
    records.change(OPEN[why])
    with pytest.raises(DunflowError, match=why) as refused:
        records.erase(LONG_AFTER)
    assert "Ann:" not in str(refused.value)
    assert known_of(records.engine, "Ann") == marks("Ann")


def test_people_with_whom_nothing_happened_for_long_are_let_go(records: Records) -> None:
    last = later(DAY + dt.timedelta(days=1), YEARS)
    records.change(
        update(contact).where(contact.c.customer_id == records.bo).values(business_date=last)
    )
    accept(records.engine, records.portfolio_id, last + dt.timedelta(days=2))
    aged = age(records.engine, records.book, records.portfolio_id, LONG_AFTER)
    assert (aged.people, aged.since) == (1, earlier(last + dt.timedelta(days=3), YEARS))
    assert known_of(records.engine, "Ann") == set()
    assert known_of(records.engine, "Bo") == marks("Bo")
    again = age(records.engine, records.book, records.portfolio_id, LONG_AFTER)
    assert (again.people, again.records, again.rows) == (0, 0, 0)
    with records.engine.connect() as conn:
        assert conn.execute(select(erasure.c.erased_by)).scalars().all() == ["housekeeping"]


def test_an_old_date_keeps_only_those_with_whom_something_happens_still(
    records: Records,
) -> None:
    bos = select(account.c.account_id).where(account.c.account_ref == "A-Bo").scalar_subquery()
    records.change(update(episode).where(episode.c.account_id == bos).values(ended_on=None))
    newest = later(DAY, YEARS) + dt.timedelta(days=10)
    accept(records.engine, records.portfolio_id, newest)
    aged = age(records.engine, records.book, records.portfolio_id, LONG_AFTER)
    assert (aged.rows, aged.partitions) == (1, 0)
    with records.engine.connect() as conn:
        left = conn.execute(select(snapshot.c.account_id)).all()
        assert len(left) == 1
    records.change(update(episode).values(ended_on=DAY))
    aged = age(records.engine, records.book, records.portfolio_id, LONG_AFTER)
    assert (aged.rows, aged.partitions) == (1, 1)
    with records.engine.connect() as conn:
        assert partitions.dates(conn, snapshot, records.portfolio_id) == []
