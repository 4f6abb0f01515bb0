"""While a portfolio's files are at fault: nothing that a provider tells is used up."""

import pytest
from sqlalchemy import Engine, func, select

from dunflow.clock import VirtualClock
from dunflow.config.book import Book
from dunflow.errors import DunflowError
from dunflow.intake.receiver.desk import Desk, Telling
from dunflow.intake.replies import Reply
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import dead_address, opt_out, receipt, reply
from dunflow.remind.senders.outcome import Seen
from tests.remind.contacts import NOW, Outbox, outbox_of

SID = "SM" + "1" * 32


@pytest.fixture
def box(ledger: Engine) -> Outbox:
    return outbox_of(ledger)


def count(box: Outbox, table: object) -> int:
    with box.engine.connect() as conn:
        found: int = conn.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[call-overload]
    return found


def bounce(box: Outbox) -> Telling:
    sent = box.put("accepted", provider_id=SID)
    failed = Seen(SID, None, "undelivered", "30005", "address")
    mark = box.row(sent).reference
    return Telling("twilio", f"{SID} undelivered", mark, SID, "undelivered", "30005", failed)


def test_what_a_readable_portfolio_said_holds_while_it_is_edited(box: Outbox) -> None:
    books: dict[str, Book] = {box.book.name: box.book}
    desk = Desk(box.engine, VirtualClock(NOW), lambda: dict(books))
    told = bounce(box)
    sender = box.book.portfolio.senders.sms
    assert sender is not None
    assert desk.receive([sender.from_], Reply("SM1", "sms", "hello", NOW, "+8613800138001")) == 1
    books.clear()
    desk._read_at = -1e9
    assert desk.receive([sender.from_], Reply("SM2", "sms", "STOP", NOW, "+8613800138001")) == 1
    assert desk.hear([told]) == 1
    assert (count(box, reply), count(box, dead_address)) == (2, 1)


def test_one_that_was_never_readable_has_it_told_again(box: Outbox) -> None:
    books: dict[str, Book] = {}
    desk = Desk(box.engine, VirtualClock(NOW), lambda: dict(books))
    told = bounce(box)
    with pytest.raises(DunflowError, match="told again"):
        desk.hear([told])
    assert count(box, receipt) == 0
    books[box.book.name] = box.book
    desk._read_at = -1e9
    assert desk.hear([told]) == 1
    assert count(box, dead_address) == 1


def test_a_no_binds_in_a_portfolio_that_nobody_can_read(box: Outbox) -> None:
    sender = box.book.portfolio.senders.sms
    assert sender is not None
    desk = Desk(box.engine, VirtualClock(NOW), lambda: {box.book.name: box.book})
    with box.engine.begin() as conn:
        other = portfolio_id_of(conn, "unreadable")
    assert desk.receive([sender.from_], Reply("SM1", "sms", "STOP", NOW, "+8613800138001")) == 1
    with box.engine.connect() as conn:
        bound = conn.execute(select(opt_out.c.portfolio_id, opt_out.c.address)).all()
    assert (other, "+8613800138001") in {tuple(row) for row in bound}
