"""STOP and START that come in another order than they were sent in: the later one holds."""

import datetime as dt
from itertools import permutations

import pytest
from sqlalchemy import Engine, select

from dunflow.intake.replies import Reply, record_reply
from dunflow.ledger.tables import opt_out
from tests.remind.contacts import NOW, outbox_of

SAID = {
    "STOP": NOW - dt.timedelta(minutes=5),
    "START": NOW - dt.timedelta(minutes=3),
}


@pytest.mark.parametrize("order", list(permutations(SAID)))
@pytest.mark.parametrize("later", ["STOP", "START"])
def test_the_later_word_holds(ledger: Engine, order: tuple[str, ...], later: str) -> None:
    box = outbox_of(ledger)
    address = box.row(box.put("planned")).address
    portfolio = box.book.portfolio
    with ledger.begin() as conn:
        for number, word in enumerate(order):
            at = NOW if word == later else SAID[word]
            said = Reply(f"r{number}", "sms", word, at, address=address)
            taken_at = NOW + dt.timedelta(minutes=number)
            record_reply(
                conn, box.portfolio_id, portfolio.calendar, box.book.stop_words, said, taken_at
            )
        open_ones = select(opt_out.c.opt_out_id).where(opt_out.c.lifted_at.is_(None))
        assert bool(conn.execute(open_ones).all()) == (later == "STOP")
