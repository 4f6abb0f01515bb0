"""Somebody who was two ids is erased, and kept, as the one person that they are."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text, update

from dunflow.config.period import later
from dunflow.errors import DunflowError
from dunflow.intake.feeds import take_file
from dunflow.ledger import partitions
from dunflow.ledger.tables import (
    account,
    consent,
    contact,
    contact_text,
    customer,
    dead_address,
    episode,
    erasure,
    opt_out,
    placement,
    promise,
    snapshot,
)
from dunflow.report.export import export
from dunflow.retain.age import age
from dunflow.retain.person import erase_person
from dunflow.tell import json_of
from tests.retain.test_erase import LONG_AFTER, SOON, YEARS, Records, records  # noqa: F401 - a fixture
from tests.retain.whole_person import AT, DAY, accept, known_of

EARLIER = DAY - dt.timedelta(days=9)
DAY_LONG = dt.timedelta(days=1)


def account_of_the_old_id(conn: Connection, told: Records) -> int:
    """An account in a snapshot from before the merger, with a promise that tells a secret."""
    here = told.portfolio_id
    old = conn.execute(
        insert(customer)
        .values(portfolio_id=here, customer_ref="AnnOld", merged_into=told.ann, seen_on=EARLIER)
        .returning(customer.c.customer_id)
    ).scalar_one()
    number: int = conn.execute(
        insert(account)
        .values(portfolio_id=here, account_ref="old-1")
        .returning(account.c.account_id)
    ).scalar_one()
    partition = partitions.name_of(snapshot, here, EARLIER)
    conn.execute(text(f"CREATE TABLE {partition} (LIKE snapshot INCLUDING DEFAULTS)"))
    partitions.attach(conn, snapshot, here, EARLIER)
    conn.execute(
        insert(snapshot).values(
            portfolio_id=here,
            business_date=EARLIER,
            account_id=number,
            customer_id=old,
            due_on=EARLIER,
            overdue_amount=Decimal(5),
            currency="CNY",
            attributes={},
        )
    )
    conn.execute(
        insert(promise).values(
            portfolio_id=here,
            account_id=number,
            amount=1,
            currency="CNY",
            promised_on=EARLIER,
            made_at=AT - dt.timedelta(days=9),
            recorded_at=AT - dt.timedelta(days=9),
            recorded_by="ann",
            reason="she is ill",
        )
    )
    return number


def test_what_stands_about_accounts_of_the_old_id_goes_too(records: Records) -> None:  # noqa: F811
    with records.engine.begin() as conn:
        number = account_of_the_old_id(conn, records)
    with records.engine.begin() as conn:
        erase_person(conn, records.book, records.portfolio_id, "Ann", LONG_AFTER, "cleo", "asked")
        told = conn.execute(select(promise.c.reason).where(promise.c.account_id == number))
        assert told.scalars().all() in ([], [None])


def test_an_account_of_the_old_id_that_an_agency_has_is_in_the_way(records: Records) -> None:  # noqa: F811
    with records.engine.begin() as conn:
        number = account_of_the_old_id(conn, records)
        stretch = conn.execute(
            insert(episode)
            .values(
                portfolio_id=records.portfolio_id,
                account_id=number,
                started_on=EARLIER,
                ended_on=DAY,
            )
            .returning(episode.c.episode_id)
        ).scalar_one()
        conn.execute(
            insert(placement).values(
                portfolio_id=records.portfolio_id,
                account_id=number,
                episode_id=stretch,
                business_date=EARLIER,
                destination="agency",
                state="exported",
                amount=1,
                told_amount=1,
                currency="CNY",
                proposed_at=AT,
                exported_at=AT,
            )
        )
    with records.engine.begin() as conn, pytest.raises(DunflowError, match=r"old-1.*agency"):
        erase_person(conn, records.book, records.portfolio_id, "Ann", LONG_AFTER, "cleo", "asked")


def merge(told: Records, tmp_path: Path, old: str, new: str, at: dt.datetime) -> None:
    file = tmp_path / "merged.csv"
    file.write_text(f"customer,into,reason\n{old},{new},one person\n", encoding="utf-8")
    assert take_file(told.engine, told.book, "merged_customers", file, "ann", at).new == 1


def contacted_again(told: Records, ref: str, at: dt.datetime) -> None:
    """Their contact was one of that day."""
    told.change(
        update(contact)
        .where(contact.c.reference == f"R-{ref}")
        .values(
            business_date=at.date() - DAY_LONG,
            contact_on=at.date(),
            planned_at=at,
            claimed_at=at,
            accepted_at=at,
        )
    )


def texts(told: Records) -> dict[str, str]:
    with told.engine.connect() as conn:
        rows = conn.execute(
            select(contact.c.reference, contact_text.c.body).join(
                contact_text, contact_text.c.contact_id == contact.c.contact_id
            )
        )
        return {row.reference: row.body for row in rows}


def test_records_of_who_was_erased_and_then_merged_go_on_their_day(
    records: Records,  # noqa: F811
    tmp_path: Path,
) -> None:
    until = records.erase()
    assert until
    merge(records, tmp_path, "Ann", "Bo", SOON + DAY_LONG)
    contacted_again(records, "Bo", SOON + 2 * DAY_LONG)
    accept(records.engine, records.portfolio_id, until - DAY_LONG)
    assert age(records.engine, records.book, records.portfolio_id, LONG_AFTER).records == 1
    assert known_of(records.engine, "Ann") == set()
    assert texts(records) == {"R-Ann": "", "R-Bo": "Bo:contact_text.body"}


def test_the_day_of_erased_records_moves_with_what_an_id_merged_since_brings(
    records: Records,  # noqa: F811
    tmp_path: Path,
) -> None:
    last_of_bo = AT + dt.timedelta(days=700)
    contacted_again(records, "Bo", last_of_bo)
    until = records.erase(last_of_bo + 30 * DAY_LONG)
    assert until == later(DAY + DAY_LONG, YEARS)
    merge(records, tmp_path, "Bo", "Ann", last_of_bo + 60 * DAY_LONG)
    accept(records.engine, records.portfolio_id, until)
    assert age(records.engine, records.book, records.portfolio_id, LONG_AFTER).records == 0
    assert texts(records) == {"R-Ann": "Ann:contact_text.body", "R-Bo": "Bo:contact_text.body"}
    with records.engine.connect() as conn:
        asked = select(erasure.c.records_until).where(erasure.c.erased_by == "cleo")
        moved_to = conn.execute(asked).scalar_one()
    assert moved_to == later(last_of_bo.date() - DAY_LONG, YEARS)
    accept(records.engine, records.portfolio_id, moved_to - DAY_LONG)
    assert age(records.engine, records.book, records.portfolio_id, LONG_AFTER).records == 1
    assert texts(records) == {"R-Ann": "", "R-Bo": ""}


def test_records_of_a_debt_that_goes_on_are_not_erased_with_an_id_merged_into_its_owner(
    records: Records,  # noqa: F811
    tmp_path: Path,
) -> None:
    of_bo = select(account.c.account_id).where(account.c.account_ref == "A-Bo").scalar_subquery()
    records.change(update(episode).where(episode.c.account_id == of_bo).values(ended_on=None))
    until = records.erase()
    assert until
    merge(records, tmp_path, "Ann", "Bo", SOON + DAY_LONG)
    accept(records.engine, records.portfolio_id, until - DAY_LONG)
    assert age(records.engine, records.book, records.portfolio_id, LONG_AFTER).records == 0
    assert texts(records)["R-Bo"] == "Bo:contact_text.body"


def test_an_export_has_what_is_known_by_the_other_id(records: Records) -> None:  # noqa: F811
    """Both ids have the phone, and both said no: what one person has once stays with the other."""
    here = {"portfolio_id": records.portfolio_id}
    with records.engine.begin() as conn:
        old = conn.execute(
            insert(customer)
            .values(
                **here,
                customer_ref="AnnOld",
                merged_into=records.ann,
                seen_on=EARLIER,
                email="Ann:customer.email",
                phone="+8613900000001",
            )
            .returning(customer.c.customer_id)
        ).scalar_one()
        conn.execute(
            insert(opt_out).values(
                **here, channel="sms", customer_id=old, since_at=AT, source="AnnOld: no"
            )
        )
        conn.execute(
            insert(consent).values(
                **here, channel="sms", customer_id=old, given_at=AT, basis="b",
                recorded_by="ann", reason="AnnOld: yes",
            )
        )  # fmt: skip
        conn.execute(
            insert(dead_address).values(
                **here, channel="sms", address="+8613900000001", reason="gone", since_at=AT
            )
        )
        file = export(conn, records.book, records.portfolio_id, "Ann", SOON)
    written = json_of(file)
    assert "AnnOld: no" in written
    assert "AnnOld: yes" in written
    assert [each["from"] for each in file["replies_from_their_addresses"]] == ["Ann:customer.email"]
    assert "+8613900000001" in {each["address"] for each in file["addresses_of_no_use"]}


def test_what_a_receiver_was_told_by_the_old_id_is_of_the_one_that_stays(
    records: Records,  # noqa: F811
    tmp_path: Path,
) -> None:
    records.change(update(placement).values(customer_id=records.bo))
    merge(records, tmp_path, "Bo", "Ann", SOON)
    with records.engine.connect() as conn:
        whose = conn.execute(select(placement.c.customer_id).distinct()).scalars().all()
    assert whose == [records.ann]
