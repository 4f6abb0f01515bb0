"""A consent that named no number is for the first that is known, and for none after an erasure."""

import datetime as dt

from sqlalchemy import Engine, insert, select, update

from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import consent, customer, erasure
from dunflow.snapshot.consents import bind_consents

GIVEN_AT = dt.datetime(2026, 3, 1, 4, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def test_a_consent_is_bound_once_and_not_to_a_number_of_after_an_erasure(ledger: Engine) -> None:
    with ledger.begin() as conn:
        mine = {"portfolio_id": portfolio_id_of(conn, "shop")}
        given = {"channel": "sms", "basis": "b", "given_at": GIVEN_AT, "recorded_by": "ann"}
        people = []
        for ref in ("stays", "was let go", "came back before"):
            seen = insert(customer).values(**mine, customer_ref=ref, seen_on=dt.date(2026, 3, 1))
            people.append(conn.execute(seen).inserted_primary_key[0])
            conn.execute(insert(consent).values(**mine, **given, customer_id=people[-1]))
        for person, at in ((people[1], GIVEN_AT + HOUR), (people[2], GIVEN_AT - HOUR)):
            asked = {"erased_by": "ann", "reason": "asked", "records_until": at.date()}
            gone = insert(erasure).values(**mine, **asked, customer_id=person, erased_at=at)
            conn.execute(gone)
        for phone in ("+8613800138001", "+8613800138002"):
            conn.execute(update(customer).values(phone=phone))
            bind_consents(conn, mine["portfolio_id"])
        found = conn.execute(select(consent.c.address).order_by(consent.c.consent_id)).scalars()
        assert found.all() == ["+8613800138001", None, "+8613800138001"]
