"""Somebody who was two ids is erased, and kept, as the one person that they are."""

import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import Connection, insert, select, text

from dunflow.errors import DunflowError
from dunflow.ledger import partitions
from dunflow.ledger.tables import account, customer, episode, placement, promise, snapshot
from dunflow.retain.person import erase_person
from tests.retain.test_erase import LONG_AFTER, Records, records  # noqa: F401 - a fixture
from tests.retain.whole_person import AT, DAY

EARLIER = DAY - dt.timedelta(days=9)


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
