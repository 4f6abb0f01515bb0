"""Takes over whom SendGrid sends nothing to any more, in case that its word of it was lost.

SendGrid answers 202 to a mail for somebody on its lists, and drops it. So who unsubscribed there,
called a mail spam or can't be reached would be taken for somebody who was contacted.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Row,
    Text,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from dunflow.clock import DAY
from dunflow.config.book import Book
from dunflow.intake.delivered import note_delivery, until_of
from dunflow.ledger.engine import lock_portfolio, portfolio_id_of
from dunflow.ledger.given import given
from dunflow.ledger.owners import person_of
from dunflow.ledger.tables import Instant, customer, dead_address, opt_out
from dunflow.remind.senders.choose import make_email
from dunflow.remind.senders.sendgrid_lists import LISTS, Listed

KIND: Final = "suppressed"
"""What deliveries of this sort are called."""
ORIGIN: Final = "sendgrid"
CHANNEL: Final = "email"
OVERLAP: Final = DAY
"""Rows that came while the lists were read may have shifted others past the reader."""
BATCH: Final = 5_000


Ours = Sequence[Row[*tuple[Any, ...]]]


def is_asked(book: Book) -> bool:
    """Whether the portfolio's mails go out by an account whose lists are asked for.

    A replayed one lives in another year, and the lists in this one.
    """
    sender = book.portfolio.senders.email
    return sender is not None and sender.suppressions and book.portfolio.clock == "real"


def take_suppressed(
    engine: Engine, book: Book, environ: Mapping[str, str], by: str, now: dt.datetime
) -> dict[str, int]:
    """What came onto the lists since the last time: how many addresses were `new` to us.

    Only the portfolio's own customers are kept. Who said yes again since then stays contacted.
    Raises SourceError where a list can't be read.
    """
    assert book.portfolio.senders.email
    with engine.begin() as conn:
        number = portfolio_id_of(conn, book.name)
        asked_until = until_of(conn, number, KIND, ORIGIN)
    since = asked_until - OVERLAP if asked_until else dt.datetime.fromtimestamp(0, dt.UTC)
    lists = make_email(book.portfolio.senders.email, environ).listed(since)
    read = new = 0
    for some in _batches(lists):
        with engine.begin() as conn:
            lock_portfolio(conn, book.name)
            new += _take(conn, number, some, now)
        read += len(some)
    with engine.begin() as conn:
        note_delivery(conn, number, KIND, ORIGIN, (read, new, 0), by, now)
    return {"new": new, "known": read - new, "rejected": 0}


def _batches(rows: Iterator[Listed]) -> Iterator[list[Listed]]:
    while some := list(islice(rows, BATCH)):
        yield some


def _take(conn: Connection, portfolio_id: int, some: list[Listed], now: dt.datetime) -> int:
    ours = _ours(conn, portfolio_id, some)
    new = _bind(conn, portfolio_id, [each for each in ours if LISTS[each.list] == "opted_out"], now)
    return new + _bury(
        conn, portfolio_id, [each for each in ours if LISTS[each.list] == "address"], now
    )


def _ours(conn: Connection, portfolio_id: int, some: list[Listed]) -> Ours:
    """`list, since, address, customer_id` of those who are customers, by our own spelling."""
    told = given(
        "told",
        {"list": Text, "address": Text, "since": Instant},
        [{"list": each.name, "address": each.address, "since": each.since} for each in some],
    )
    return conn.execute(
        select(
            *(told.c.list, told.c.since),
            customer.c.email.label("address"),
            person_of(customer).label("customer_id"),
        )
        .join(told, func.lower(told.c.address) == customer.c.email)
        .where(customer.c.portfolio_id == portfolio_id)
        .order_by(customer.c.customer_id, told.c.list)
    ).all()


def _bind(conn: Connection, portfolio_id: int, ours: Ours, now: dt.datetime) -> int:
    """No more emails to these customers and addresses; how many addresses were not bound before."""
    rows = [{"who": each.customer_id, "address": None, "since": each.since} for each in ours]
    rows += [{"who": None, "address": each.address, "since": each.since} for each in ours]
    if not rows:
        return 0
    no = given("said_no", {"who": BigInteger, "address": Text, "since": Instant}, rows)
    lifted = exists().where(
        opt_out.c.portfolio_id == portfolio_id,
        opt_out.c.channel == CHANNEL,
        or_(opt_out.c.customer_id == no.c.who, opt_out.c.address == no.c.address),
        opt_out.c.lifted_at > no.c.since,
    )
    bound = conn.execute(
        insert(opt_out)
        .from_select(
            ["portfolio_id", "channel", "customer_id", "address", "since_at", "source"],
            select(literal(portfolio_id), literal(CHANNEL), no.c.who, no.c.address)
            .add_columns(literal(now), literal("provider"))
            .where(~lifted),
        )
        .on_conflict_do_nothing()
        .returning(opt_out.c.address)
    ).scalars()
    return sum(address is not None for address in bound)


def _bury(conn: Connection, portfolio_id: int, ours: Ours, now: dt.datetime) -> int:
    """Nothing arrives at these addresses any more; of how many this is news."""
    if not ours:
        return 0
    rows = [{"address": each.address, "list": each.list} for each in ours]
    dead = given("dead", {"address": Text, "list": Text}, rows)
    buried = conn.execute(
        insert(dead_address)
        .from_select(
            ["portfolio_id", "channel", "address", "reason", "since_at"],
            select(
                literal(portfolio_id), literal(CHANNEL), dead.c.address, dead.c.list
            ).add_columns(literal(now)),
        )
        .on_conflict_do_nothing()
        .returning(dead_address.c.address)
    )
    return len(buried.all())
