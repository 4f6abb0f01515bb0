"""An account that went from one customer to another: to each what was said in their time."""

import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import Connection, insert, select, update

from dunflow.ledger.tables import account, contact, contact_account, episode, hold, promise
from dunflow.report.export import export
from dunflow.retain.person import erase_person
from dunflow.tell import json_of
from tests.retain.test_erase import LONG_AFTER, SOON, Records, records  # noqa: F401 - a fixture
from tests.retain.whole_person import AT, DAY, ONE

MONTH = dt.timedelta(days=30)


@pytest.fixture
def moved(records: Records) -> Records:  # noqa: F811
    """Ann's account is Bo's since a month later, and goes on."""
    with records.engine.begin() as conn:
        of_ann = conn.execute(
            select(account.c.account_id).where(account.c.account_ref == "A-Ann")
        ).scalar_one()
        mine = {"portfolio_id": records.portfolio_id, "account_id": of_ann}
        stretch = conn.execute(
            insert(episode).values(**mine, started_on=DAY + MONTH).returning(episode.c.episode_id)
        ).scalar_one()
        sent = conn.execute(
            insert(contact)
            .values(
                **mine, **ONE, business_date=DAY + MONTH, customer_id=records.bo, reference="R2",
                step="s", channel="sms", template="courtesy", purpose="reminder", severity=0,
                state="delivered", not_before_at=AT + MONTH, expires_at=AT + MONTH,
                planned_at=AT + MONTH, claimed_at=AT + MONTH, accepted_at=AT + MONTH, run_id=1,
                contact_on=DAY + MONTH,
            )
            .returning(contact.c.contact_id)
        ).scalar_one()  # fmt: skip
        conn.execute(
            insert(contact_account).values(
                contact_id=sent, account_id=of_ann, episode_id=stretch, ladder_episode_id=stretch,
                step="s", repetition=0, amount=Decimal(1), occupies=True,
            )
        )  # fmt: skip
        at = AT + MONTH + dt.timedelta(hours=1)
        conn.execute(
            insert(promise).values(
                **mine, **ONE, promised_on=DAY, made_at=at, recorded_at=at, recorded_by="ann",
                reason="Bo: promised",
            )
        )  # fmt: skip
        conn.execute(
            insert(hold).values(
                **mine, kind="dispute", from_at=at, recorded_at=at, recorded_by="ann",
                reason="Bo: disputed",
            )
        )  # fmt: skip
    return records


def reasons(conn: Connection) -> set[str]:
    found = [*conn.execute(select(promise.c.reason)), *conn.execute(select(hold.c.reason))]
    return {reason for (reason,) in found if reason}


def test_what_goes_on_with_the_next_owner_is_not_in_the_way(moved: Records) -> None:
    with moved.engine.begin() as conn:
        erase_person(conn, moved.book, moved.portfolio_id, "Ann", LONG_AFTER, "cleo", "asked")
        assert reasons(conn) == {
            "Bo: promised",
            "Bo: disputed",
            "Bo:promise.reason",
            "Bo:hold.reason",
        }


def test_each_is_given_what_was_said_in_their_time(moved: Records) -> None:
    with moved.engine.connect() as conn:
        of_ann, of_bo = (
            json_of(export(conn, moved.book, moved.portfolio_id, name, SOON + MONTH))
            for name in ("Ann", "Bo")
        )
    assert "Bo:" not in of_ann
    assert "Ann:" not in of_bo
    assert "Ann:promise.reason" in of_ann
    assert "Bo: promised" in of_bo
    assert "Bo: disputed" in of_bo


def test_what_was_done_on_the_day_after_is_of_the_date_that_it_was_done_for(moved: Records) -> None:
    """The run of Ann's last date, and the promise of the same noon, are no word about Bo."""
    with moved.engine.begin() as conn:
        conn.execute(
            update(contact)
            .where(contact.c.reference == "R2")
            .values(business_date=DAY + dt.timedelta(days=1))
        )
        of_bo = json_of(export(conn, moved.book, moved.portfolio_id, "Bo", SOON + MONTH))
        of_ann = json_of(export(conn, moved.book, moved.portfolio_id, "Ann", SOON + MONTH))
    assert "Ann:" not in of_bo
    assert "Ann:placement_event.reason" in of_ann
    assert "Ann:promise.reason" in of_ann
