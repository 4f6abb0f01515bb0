"""An account that went from one customer to another: to each what was said in their time."""

import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import Connection, insert, select, text, update

from dunflow.errors import DunflowError
from dunflow.ledger import partitions
from dunflow.ledger.tables import (
    account,
    contact,
    contact_account,
    episode,
    hold,
    placement,
    placement_event,
    promise,
    snapshot,
)
from dunflow.report.export import export
from dunflow.retain.accounts import Held, accounts_of
from dunflow.retain.person import erase_person
from dunflow.tell import json_of
from tests.retain.test_erase import LONG_AFTER, SOON, Records, records  # noqa: F401 - a fixture
from tests.retain.whole_person import AT, DAY, ONE, OWED_ON

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
        contacted(conn, records, mine | {"customer_id": records.bo}, stretch, MONTH)
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


def contacted(
    conn: Connection, told: Records, about: dict[str, int], stretch: int, after: dt.timedelta
) -> None:
    """The account's owner of that time is texted on the day so long after the first one."""
    at = AT + after
    sent = conn.execute(
        insert(contact)
        .values(
            **about, **ONE, business_date=DAY + after, reference=f"R{after.days}", step="s",
            channel="sms", template="courtesy", purpose="reminder", severity=0, state="delivered",
            not_before_at=at, expires_at=at, planned_at=at, claimed_at=at, accepted_at=at, run_id=1,
            contact_on=DAY + after,
        )
        .returning(contact.c.contact_id)
    ).scalar_one()  # fmt: skip
    conn.execute(
        insert(contact_account).values(
            contact_id=sent, account_id=about["account_id"], episode_id=stretch,
            ladder_episode_id=stretch, step=f"after {after.days}", repetition=0,
            amount=Decimal(1), occupies=True,
        )
    )  # fmt: skip


@pytest.fixture
def back(moved: Records) -> Records:
    """After Bo's month it is Ann's again, and over at last."""
    with moved.engine.begin() as conn:
        found = select(episode.c.account_id, episode.c.episode_id).where(
            episode.c.started_on == DAY + MONTH
        )
        number, stretch = conn.execute(found).one()
        mine = {
            "portfolio_id": moved.portfolio_id,
            "account_id": number,
            "customer_id": moved.ann,
        }
        contacted(conn, moved, mine, stretch, 2 * MONTH)
        conn.execute(update(episode).values(ended_on=DAY + 3 * MONTH))
    return moved


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
            .where(contact.c.reference == "R30")
            .values(business_date=DAY + dt.timedelta(days=1))
        )
        of_bo = json_of(export(conn, moved.book, moved.portfolio_id, "Bo", SOON + MONTH))
        of_ann = json_of(export(conn, moved.book, moved.portfolio_id, "Ann", SOON + MONTH))
    assert "Ann:" not in of_bo
    assert "Ann:placement_event.reason" in of_ann
    assert "Ann:promise.reason" in of_ann


def test_what_was_said_while_it_was_anothers_is_not_given_to_whom_it_came_back(
    back: Records,
) -> None:
    with back.engine.connect() as conn:
        of_ann, of_bo = (
            json_of(export(conn, back.book, back.portfolio_id, name, SOON + 3 * MONTH))
            for name in ("Ann", "Bo")
        )
    assert "Bo:" not in of_ann
    assert "Ann:promise.reason" in of_ann
    assert "Ann:" not in of_bo
    assert "Bo: promised" in of_bo


def test_what_was_said_while_it_was_anothers_is_not_erased_with_whom_it_came_back(
    back: Records,
) -> None:
    with back.engine.begin() as conn:
        erase_person(conn, back.book, back.portfolio_id, "Ann", LONG_AFTER, "cleo", "asked")
        assert reasons(conn) == {
            "Bo: promised",
            "Bo: disputed",
            "Bo:promise.reason",
            "Bo:hold.reason",
        }


def owed_on(conn: Connection, told: Records, account_id: int, customer_id: int) -> None:
    """The snapshot of a month later has the account as this customer's, who is a merchant."""
    partition = partitions.name_of(snapshot, told.portfolio_id, DAY + MONTH)
    conn.execute(text(f"CREATE TABLE {partition} (LIKE snapshot INCLUDING DEFAULTS)"))
    partitions.attach(conn, snapshot, told.portfolio_id, DAY + MONTH)
    conn.execute(
        insert(snapshot).values(
            portfolio_id=told.portfolio_id,
            business_date=DAY + MONTH,
            account_id=account_id,
            customer_id=customer_id,
            due_on=DAY,
            overdue_amount=Decimal(5),
            currency="CNY",
            segment="merchant",
        )
    )


def test_what_the_lender_told_with_an_account_goes_with_whose_it_was_then(back: Records) -> None:
    with back.engine.begin() as conn:
        number = conn.execute(
            select(contact.c.account_id).where(contact.c.reference == "R30")
        ).scalar_one()
        owed_on(conn, back, number, back.bo)
        erase_person(conn, back.book, back.portfolio_id, "Ann", LONG_AFTER, "cleo", "asked")
        told = select(snapshot.c.business_date, snapshot.c.segment)
        rows = conn.execute(
            told.where(snapshot.c.account_id == number).order_by(snapshot.c.business_date)
        )
        assert [tuple(row) for row in rows] == [(OWED_ON, None), (DAY + MONTH, "merchant")]


def test_of_one_date_the_snapshot_says_whose_it_was(moved: Records) -> None:
    """Bo was texted by the file's first word; corrected, it has the account as Ann's."""
    with moved.engine.begin() as conn:
        number = conn.execute(
            select(contact.c.account_id).where(contact.c.reference == "R30")
        ).scalar_one()
        owed_on(conn, moved, number, moved.ann)
        held = accounts_of(conn, moved.book, moved.portfolio_id, moved.ann).held
    assert held == (Held(number, dt.date.min, dt.date.max),)


def test_a_hold_is_of_whom_it_says_that_the_account_was(moved: Records) -> None:
    """Recorded before the day's file was there, by which the account is Bo's."""
    with moved.engine.begin() as conn:
        conn.execute(
            update(hold)
            .where(hold.c.reason == "Bo: disputed")
            .values(of_customer_id=moved.ann, reason="Ann: disputed")
        )
        of_bo, of_ann = (
            json_of(export(conn, moved.book, moved.portfolio_id, name, SOON + MONTH))
            for name in ("Bo", "Ann")
        )
        assert "Ann: disputed" not in of_bo
        assert "Ann: disputed" in of_ann
        conn.execute(update(episode).values(ended_on=DAY + MONTH))
        erase_person(conn, moved.book, moved.portfolio_id, "Bo", LONG_AFTER, "cleo", "asked")
        assert "Ann: disputed" in reasons(conn)


def given_away(conn: Connection, told: Records, **changes: object) -> None:
    """Ann's was given away on a date whose corrected rows have it as Bo's."""
    of_ann = select(account.c.account_id).where(account.c.account_ref == "A-Ann")
    conn.execute(
        update(placement)
        .where(placement.c.account_id == of_ann.scalar_subquery())
        .values({"business_date": DAY + MONTH, "customer_id": told.ann} | changes)
    )


def test_a_placement_is_of_whom_its_receiver_was_told(moved: Records) -> None:
    with moved.engine.begin() as conn:
        given_away(conn, moved)
        of_bo, of_ann = (
            json_of(export(conn, moved.book, moved.portfolio_id, name, SOON + MONTH))
            for name in ("Bo", "Ann")
        )
        assert "Ann:placement" not in of_bo
        assert "Ann:placement.reason" in of_ann
        assert "Ann:placement_event.reason" in of_ann
        conn.execute(update(episode).values(ended_on=DAY + MONTH))
        erase_person(conn, moved.book, moved.portfolio_id, "Bo", LONG_AFTER, "cleo", "asked")
        kept = select(placement_event.c.reason)
        assert "Ann:placement_event.reason" in conn.execute(kept).scalars().all()


def test_what_a_receiver_has_of_somebody_is_in_the_way_also_when_it_is_anothers_by_now(
    moved: Records,
) -> None:
    with moved.engine.begin() as conn:
        given_away(conn, moved, state="exported", exported_at=AT, ended_at=None)
        with pytest.raises(DunflowError, match=r"A-Ann.*agency"):
            erase_person(conn, moved.book, moved.portfolio_id, "Ann", LONG_AFTER, "cleo", "asked")
