"""A number that somebody else seems to have is given up, until a person says that it is right."""

import pytest
from sqlalchemy import Engine, insert, select

from dunflow.intake.replies import Reply, decide_reply, record_reply
from dunflow.ledger.tables import customer, dead_address
from tests.remind.contacts import DATE, NOW, outbox_of

NUMBER = "+8613800138001"


def test_a_person_who_dismisses_it_gives_the_number_back(ledger: Engine) -> None:
    box = outbox_of(ledger)
    calendar = box.book.portfolio.calendar
    said = Reply("SM1", "sms", "wrong number", NOW, address=NUMBER)
    with ledger.begin() as conn:
        dead = select(dead_address.c.channel).where(dead_address.c.address == NUMBER)
        taken = record_reply(conn, box.portfolio_id, calendar, [], said, NOW)
        assert taken is not None
        assert set(conn.execute(dead).scalars()) == {"sms", "voice", "call"}
        decide_reply(conn, box.portfolio_id, taken[0], "dismissed", NOW, "ann", "it was a joke")
        assert conn.execute(dead).first() is None


def test_the_number_stays_given_up_while_another_reply_says_so(ledger: Engine) -> None:
    box = outbox_of(ledger)
    calendar = box.book.portfolio.calendar
    with ledger.begin() as conn:
        dead = select(dead_address.c.channel).where(dead_address.c.address == NUMBER)
        numbers = []
        for ref in ("SM1", "SM2"):
            said = Reply(ref, "sms", "wrong number", NOW, address=NUMBER)
            taken = record_reply(conn, box.portfolio_id, calendar, [], said, NOW)
            assert taken is not None
            numbers.append(taken[0])
        left = []
        for number in numbers:
            decide_reply(conn, box.portfolio_id, number, "dismissed", NOW, "ann", "a joke")
            left.append(len(conn.execute(dead).all()))
        assert left == [3, 0]


@pytest.mark.parametrize(
    ("names", "given_up"), [(["Bo Smith"], True), (["Bo Smith", "Eve Smith"], False)]
)
def test_who_is_not_the_only_one_whom_we_reach_there_has_the_number(
    ledger: Engine, names: list[str], given_up: bool
) -> None:
    box = outbox_of(ledger)
    said = Reply("SM1", "sms", "I am not Bo Smith", NOW, address=NUMBER)
    with ledger.begin() as conn:
        for name in names:
            told = {"customer_ref": name, "name": name, "phone": NUMBER, "seen_on": DATE}
            conn.execute(insert(customer).values(portfolio_id=box.portfolio_id, **told))
        record_reply(conn, box.portfolio_id, box.book.portfolio.calendar, [], said, NOW)
        dead = select(dead_address.c.channel).where(dead_address.c.address == NUMBER)
        assert bool(conn.execute(dead).all()) is given_up
