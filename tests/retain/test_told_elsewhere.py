"""What is told of somebody after their erasure, or stands at an address: it goes with them too."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import insert, update

from dunflow.errors import DunflowError
from dunflow.intake.replies import Reply, record_reply
from dunflow.ledger.tables import contact, contact_change, customer, hold, reply
from dunflow.remind import opt_outs
from dunflow.report.export import export
from dunflow.retain.age import age
from dunflow.tell import json_of
from tests.retain.test_erase import LONG_AFTER, SOON, Records
from tests.retain.test_erase import records as records
from tests.retain.whole_person import AT, DAY, accept, everything

OLD, NEW, STRANGERS = "+8613800000001", "+8613800000002", "+8613777777777"
TYPED = "cleo: her daughter says she lies in hospital"
ONE_DAY = dt.timedelta(days=1)
ERASED_AT, LATER = AT + 2 * ONE_DAY, AT + 3 * ONE_DAY


def left_of(records: Records, *words: str) -> list[str]:
    with records.engine.connect() as conn:
        return [row for row in everything(conn).splitlines() if any(word in row for word in words)]


def years_go_by(records: Records) -> None:
    for years in (7, 20):
        later = dt.timedelta(days=366 * years)
        accept(records.engine, records.portfolio_id, DAY + later)
        age(records.engine, records.book, records.portfolio_id, AT + later)


def hear(records: Records, address: str, text: str, at: dt.datetime) -> None:
    book = records.book
    with records.engine.begin() as conn:
        said = Reply("SM1", "sms", text, at, address)
        record_reply(conn, records.portfolio_id, book.portfolio.calendar, book.stop_words, said, at)


def say_no(records: Records) -> None:
    """A person types it in while OLD is her number."""
    with records.engine.begin() as conn:
        opt_outs.bind(conn, records.portfolio_id, ["voice"], [records.ann], [OLD], TYPED, AT)


def told_later(records: Records, what: str) -> Any:
    hers = {"portfolio_id": records.portfolio_id, "customer_id": records.ann}
    said = {"recorded_at": LATER, "recorded_by": "ann"}
    match what:
        case "a hold":
            row = {"kind": "manual", "from_at": LATER, "reason": "SECRET", **said}
            return insert(hold).values(**hers, **row)
        case "a late row of the points feed":
            row = {"change_ref": "late", "point": "phone", "value": "SECRET", "changed_at": AT}
            return insert(contact_change).values(**hers, **row, **said, bad=False)
    row = {"reply_ref": "late", "channel": "email", "body": "SECRET", "received_at": LATER}
    return insert(reply).values(**hers, **row, kind="other", state="dismissed")


@pytest.mark.parametrize("what", ["a hold", "a late row of the points feed", "a reply"])
def test_what_is_told_after_the_erasure_goes_with_the_years(records: Records, what: str) -> None:
    assert records.erase(ERASED_AT) is not None
    records.change(told_later(records, what))
    years_go_by(records)
    assert left_of(records, "SECRET") == []


def test_an_answer_after_the_erasure_goes_with_the_years(records: Records) -> None:
    ann = contact.c.customer_id == records.ann
    records.change(update(customer).where(customer.c.customer_id == records.ann).values(phone=OLD))
    records.change(update(contact).where(ann).values(address=OLD))
    records.erase(ERASED_AT)
    hear(records, OLD, "STOP, Ann Smith, I asked to be erased", LATER)
    assert left_of(records, OLD)
    years_go_by(records)
    assert left_of(records, OLD, "Ann Smith") == []


def test_the_no_of_a_stranger_goes_with_the_years(records: Records) -> None:
    hear(records, STRANGERS, "STOP wrong number", AT)
    assert left_of(records, STRANGERS)
    years_go_by(records)
    assert left_of(records, STRANGERS) == []


def test_a_no_at_an_older_number_is_shown_and_goes(records: Records) -> None:
    ann = customer.c.customer_id == records.ann
    records.change(update(customer).where(ann).values(phone=OLD))
    say_no(records)
    records.change(update(customer).where(ann).values(phone=NEW))
    with records.engine.connect() as conn:
        assert OLD in json_of(export(conn, records.book, records.portfolio_id, "Ann", SOON))
    assert records.erase(LONG_AFTER) is None
    assert left_of(records, OLD, "hospital") == []


def test_why_somebody_said_no_is_not_shown_to_who_shares_the_number_and_goes(
    records: Records,
) -> None:
    records.change(update(customer).values(phone=OLD))
    say_no(records)
    with records.engine.connect() as conn:
        shown = json_of(export(conn, records.book, records.portfolio_id, "Bo", SOON))
    assert OLD in shown
    assert "hospital" not in shown
    assert records.erase(LONG_AFTER) is None
    assert left_of(records, "hospital") == []


def test_an_open_reply_from_their_number_stands_in_the_way(records: Records) -> None:
    records.change(update(reply).where(reply.c.reply_ref == "unknown-Ann").values(state="open"))
    with pytest.raises(DunflowError, match="a reply waits"):
        records.erase(LONG_AFTER)
