"""Portfolios that write from one number: each hears the noes, and only its own people's words."""

import pytest
from sqlalchemy import Engine, select

from dunflow.clock import VirtualClock
from dunflow.config.book import Book
from dunflow.intake.receiver.desk import Desk
from dunflow.intake.replies import Reply, decide_reply
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import dead_address, opt_out, reply
from tests.remind.contacts import NOW, Outbox, outbox_of

STRANGER = "+8613912345678"


@pytest.fixture
def box(ledger: Engine) -> Outbox:
    return outbox_of(ledger)


@pytest.fixture
def other(box: Outbox) -> Book:
    """Another portfolio with the senders of the first."""
    portfolio = box.book.portfolio.model_copy(update={"portfolio": "another"})
    return Book(portfolio, box.book.policy, box.book.floor, box.book.folder)


def write(box: Outbox, other: Book, address: str, *texts: str) -> int:
    """Somebody writes to the number that both have; the number of the other portfolio."""
    desk = Desk(box.engine, VirtualClock(NOW), lambda: {box.book.name: box.book, "another": other})
    sender = box.book.portfolio.senders.sms
    assert sender is not None
    for text in texts:
        desk.receive([sender.from_], Reply(f"SM {text}", "sms", text, NOW, address))
    with box.engine.begin() as conn:
        return portfolio_id_of(conn, other.name)


def test_what_a_customer_of_one_writes_is_not_kept_in_the_other(box: Outbox, other: Book) -> None:
    address = box.row(box.put("accepted", provider_id="SM")).address
    write(box, other, address, "I have cancer, can I pay later?", "STOP", "wrong number")
    with box.engine.connect() as conn:
        assert set(conn.execute(select(reply.c.portfolio_id)).scalars()) == {box.portfolio_id}


def test_a_no_binds_in_both_and_so_does_a_yes(box: Outbox, other: Book) -> None:
    address = box.row(box.put("accepted", provider_id="SM")).address
    number = write(box, other, address, "STOP", "wrong number")
    said_no = select(opt_out.c.lifted_at).where(
        opt_out.c.portfolio_id == number, opt_out.c.address == address
    )
    gone = select(dead_address.c.address).where(dead_address.c.portfolio_id == number)
    with box.engine.connect() as conn:
        assert conn.execute(said_no).scalars().all() == [None]
        assert set(conn.execute(gone).scalars()) == {address}
    write(box, other, address, "START")
    with box.engine.begin() as conn:
        assert conn.execute(said_no).scalars().all() == [NOW]
        [wrong] = conn.execute(select(reply.c.reply_id).where(reply.c.kind == "wrong_person"))
        decide_reply(conn, box.portfolio_id, wrong[0], "dismissed", NOW, "ann", "a joke")
        assert conn.execute(gone).all() == []


def test_what_somebody_unknown_writes_is_put_before_both(box: Outbox, other: Book) -> None:
    number = write(box, other, STRANGER, "hello")
    with box.engine.connect() as conn:
        kept = set(conn.execute(select(reply.c.portfolio_id)).scalars())
    assert kept == {box.portfolio_id, number}
