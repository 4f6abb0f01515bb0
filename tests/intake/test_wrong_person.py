"""A number that somebody else seems to have is given up, until a person says that it is right."""

from sqlalchemy import Engine, select

from dunflow.intake.replies import Reply, decide_reply, record_reply
from dunflow.ledger.tables import dead_address
from tests.remind.contacts import NOW, outbox_of

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
