"""Takes in what people texted while no receiver heard it.

Twilio tells of a text once, and once more after a failed connection. After that it is lost to us,
and with it a no, unless it is asked for: what it receives stands among the account's messages.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, Engine, select

from dunflow.clock import DAY, VirtualClock
from dunflow.config.book import Book, folders, read_book
from dunflow.errors import ConfigError, SourceError
from dunflow.intake.delivered import note_delivery, until_of
from dunflow.intake.receiver.body import keepable
from dunflow.intake.receiver.desk import Desk
from dunflow.intake.receiver.twilio import number_of
from dunflow.intake.replies import Reply
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.given import among
from dunflow.ledger.tables import reply
from dunflow.remind.senders.choose import make_sender
from dunflow.remind.senders.outcome import Unclear
from dunflow.remind.senders.twilio import TwilioSms
from dunflow.remind.senders.twilio_ask import Received

KIND: Final = "answers"
"""What deliveries of this sort are called."""
ORIGIN: Final = "twilio"
OVERLAP: Final = DAY
"""Twilio may list a text late; those that are known cost nothing."""


def is_asked(book: Book) -> bool:
    """Whether people can text to a number of the portfolio's that Twilio's list can be asked for.

    A replayed portfolio lives in another year, and the list in this one.
    """
    return bool(_numbers(book)) and book.portfolio.clock == "real"


def _numbers(book: Book) -> list[str]:
    """Not a Messaging Service, nor a name: the list knows by which number a text came."""
    senders = book.portfolio.senders
    ours = {each.from_ for each in (senders.sms, senders.voice) if each}
    return sorted(each for each in ours if each.removeprefix("+").isdecimal())


def take_answers(
    engine: Engine, book: Book, environ: Mapping[str, str], by: str, now: dt.datetime
) -> dict[str, int]:
    """What was texted since the last time, and a day before it: how many texts were `new` to us.

    Raises SourceError where the list can't be read.
    """
    with engine.begin() as conn:
        number = portfolio_id_of(conn, book.name)
        since = (until_of(conn, number, KIND, ORIGIN) or now) - OVERLAP
    desk = Desk(engine, VirtualClock(now), lambda: _readable() | {book.name: book})
    read = new = 0
    for ours in _numbers(book):
        texts = _asked(book, environ, ours, since)
        with engine.connect() as conn:
            heard = _heard(conn, texts)
        for text in [each for each in texts if each.sid not in heard]:
            desk.receive([ours], _reply(text))
            new += 1
        read += len(texts)
    with engine.begin() as conn:
        note_delivery(conn, number, KIND, ORIGIN, (read, new, 0), by, now)
    return {"new": new, "known": read - new, "rejected": 0}


def _asked(book: Book, environ: Mapping[str, str], ours: str, since: dt.datetime) -> list[Received]:
    senders = book.portfolio.senders
    config = senders.sms if senders.sms and senders.sms.from_ == ours else senders.voice
    sender = make_sender("sms", config, environ)
    assert isinstance(sender, TwilioSms)
    texts = sender.received_since(ours, since)
    if isinstance(texts, Unclear):
        raise SourceError(f"Twilio's list of what came to us: {texts.why}; the next run asks again")
    return texts


def _heard(conn: Connection, texts: list[Received]) -> set[str]:
    """Those that were told, whichever portfolio keeps them."""
    known = select(reply.c.reply_ref).where(among(reply.c.reply_ref, [each.sid for each in texts]))
    return set(conn.execute(known).scalars()) if texts else set()


def _reply(text: Received) -> Reply:
    return Reply(
        ref=text.sid,
        channel="sms",
        text=keepable(text.text),
        received_at=text.received_at,
        address=number_of(text.sender),
    )


def _readable() -> dict[str, Book]:
    """One that is broken must not keep the others from hearing; its own runs say what is wrong."""
    found = {}
    for name in folders():
        try:
            found[name] = read_book(name)
        except ConfigError:
            continue
    return found
