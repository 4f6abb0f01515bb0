"""Whom housekeeping lets go by itself, and whom it does not."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import ScalarSelect, Table, delete, insert, select, update

from dunflow.clock import DAY as DAY_LONG
from dunflow.config.period import later
from dunflow.ledger.tables import (
    PERSONAL,
    account,
    consent,
    contact,
    contact_account,
    contact_change,
    contact_text,
    customer,
    dead_address,
    episode,
    hold,
    opt_out,
    placement,
    reply,
    snapshot,
)
from dunflow.retain.age import age
from tests.retain.test_erase import LONG_AFTER, YEARS, Records, records  # noqa: F401 - a fixture
from tests.retain.whole_person import AT, DAY, accept, known_of, marks

NEWEST = later(DAY, YEARS) + 10 * DAY_LONG
LAST_MONTH = dt.datetime.combine(NEWEST - 30 * DAY_LONG, dt.time(), dt.UTC)


def keep_house(told: Records) -> None:
    accept(told.engine, told.portfolio_id, NEWEST)
    age(told.engine, told.book, told.portfolio_id, LONG_AFTER)


def never_contacted(told: Records) -> None:
    theirs = select(contact.c.contact_id).where(contact.c.customer_id == told.ann)
    for table in (contact_text, contact_account, contact):
        told.change(delete(table).where(table.c.contact_id.in_(theirs)))


def of_ann() -> ScalarSelect[int]:
    return select(account.c.account_id).where(account.c.account_ref == "A-Ann").scalar_subquery()


def test_whose_account_an_agency_has_stays_though_we_never_contacted_them(
    records: Records,  # noqa: F811
) -> None:
    never_contacted(records)
    records.change(
        update(placement)
        .where(placement.c.account_id == of_ann())
        .values(state="exported", ended_at=None, exported_at=placement.c.proposed_at)
    )
    keep_house(records)
    assert {"Ann:customer.name", "Ann:customer.phone"} <= known_of(records.engine, "Ann")


def test_whom_an_agency_was_told_of_stays_though_the_account_is_anothers_by_now(
    records: Records,  # noqa: F811
) -> None:
    never_contacted(records)
    records.change(
        update(placement)
        .where(placement.c.account_id == of_ann())
        .values(
            state="exported",
            ended_at=None,
            exported_at=placement.c.proposed_at,
            customer_id=records.ann,
        )
    )
    records.change(update(snapshot).values(customer_id=records.bo))
    keep_house(records)
    assert "Ann:customer.name" in known_of(records.engine, "Ann")


def test_who_owed_last_month_stays_though_we_never_contacted_them(
    records: Records,  # noqa: F811
) -> None:
    never_contacted(records)
    records.change(
        update(episode)
        .where(episode.c.account_id == of_ann())
        .values(ended_on=NEWEST - 30 * DAY_LONG)
    )
    keep_house(records)
    assert "Ann:customer.name" in known_of(records.engine, "Ann")


def test_of_whom_nothing_was_delivered_but_a_phone_nothing_stays(
    records: Records,  # noqa: F811
) -> None:
    delivered = ("name", "phone_raw", "email_raw", "email", "address_raw", "address")
    records.change(
        update(customer)
        .where(customer.c.customer_id == records.ann)
        .values(dict.fromkeys(delivered))
    )
    keep_house(records)
    assert known_of(records.engine, "Ann") == set()


def test_the_texts_go_of_whom_nothing_is_known_any_more_by_which_to_reach_them(
    records: Records,  # noqa: F811
) -> None:
    records.change(
        update(customer)
        .where(customer.c.customer_id == records.ann)
        .values(dict.fromkeys(PERSONAL[customer]))
    )
    keep_house(records)
    texts = {"Ann:contact_text.body", "Ann:contact.address", "Ann:reply.body", "Ann:hold.reason"}
    assert texts & known_of(records.engine, "Ann") == set()


SAID: dict[str, tuple[Table, dict[str, Any]]] = {
    "no": (opt_out, {"since_at": LAST_MONTH}),
    "yes again": (opt_out, {"lifted_at": LAST_MONTH}),
    "I agree": (consent, {"given_at": LAST_MONTH}),
    "I agree no more": (consent, {"end_recorded_at": LAST_MONTH}),
    "I moved": (contact_change, {"recorded_at": LAST_MONTH}),
    "I dispute it": (hold, {"recorded_at": LAST_MONTH}),
    "I do no more": (hold, {"released_at": LAST_MONTH}),
}


@pytest.mark.parametrize("what", SAID)
def test_who_said_something_last_month_stays(records: Records, what: str) -> None:  # noqa: F811
    table, said = SAID[what]
    records.change(
        update(hold).where(hold.c.account_id == of_ann()).values(of_customer_id=records.ann)
    )
    theirs = table.c["of_customer_id" if table is hold else "customer_id"] == records.ann
    records.change(update(table).where(theirs).values(said))
    keep_house(records)
    of_old_dates = {each for each in marks("Ann") if ":snapshot." in each}
    assert known_of(records.engine, "Ann") == marks("Ann") - of_old_dates


def test_what_was_said_of_an_address_last_month_stays(records: Records) -> None:  # noqa: F811
    """The number is somebody else's now, who is no customer."""
    phone = "Ann:customer.phone"
    here = {"portfolio_id": records.portfolio_id, "channel": "voice", "address": phone}
    records.change(insert(opt_out).values(**here, since_at=LAST_MONTH, source="feed"))
    records.change(insert(dead_address).values(**here, since_at=LAST_MONTH, reason="x"))
    keep_house(records)
    assert known_of(records.engine, "Ann") == {phone}
    with records.engine.connect() as conn:
        for table in (opt_out, dead_address):
            left = select(table.c.channel).where(table.c.address == phone)
            assert conn.execute(left).scalars().all() == ["voice"]


def test_the_years_of_records_begin_with_the_last_word_that_somebody_said(
    records: Records,  # noqa: F811
) -> None:
    records.change(
        update(opt_out).where(opt_out.c.customer_id == records.ann).values(since_at=LAST_MONTH)
    )
    assert records.erase(LONG_AFTER) == later(LAST_MONTH.date(), YEARS)


def test_an_answer_of_nobody_without_a_word_keeps_no_address(records: Records) -> None:  # noqa: F811
    records.change(
        insert(reply).values(
            portfolio_id=records.portfolio_id,
            reply_ref="picture",
            channel="sms",
            address="+8613999999999",
            body="",
            kind="other",
            state="kept",
            received_at=AT,
        )
    )
    keep_house(records)
    with records.engine.connect() as conn:
        left = select(reply.c.address).where(reply.c.reply_ref == "picture")
        assert conn.execute(left).scalar_one() is None


def test_an_id_that_was_merged_is_let_go_with_the_person_and_not_before(
    records: Records,  # noqa: F811
) -> None:
    old = {"portfolio_id": records.portfolio_id, "seen_on": DAY, "merged_into": records.ann}
    records.change(insert(customer).values(**old, customer_ref="AnnOld", name="Ann Oldname"))
    records.change(
        update(contact_change)
        .where(contact_change.c.customer_id == records.ann)
        .values(recorded_at=LAST_MONTH)
    )
    keep_house(records)

    def name() -> str | None:
        with records.engine.connect() as conn:
            found = select(customer.c.name).where(customer.c.customer_ref == "AnnOld")
            return conn.execute(found).scalar_one()

    assert name() == "Ann Oldname"
    records.change(update(contact_change).values(recorded_at=AT))
    age(records.engine, records.book, records.portfolio_id, LONG_AFTER)
    assert name() is None
