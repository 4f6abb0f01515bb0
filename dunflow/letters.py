"""Prints what the outbox has listed as letters: files for the printer, each letter once.

A batch is written down first and delivered by one rename. Interrupted and run again it goes on
under the same reference.
"""

import datetime as dt
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from dunflow.assess.printed import NEVER_PRINTED, UNPRINTABLE
from dunflow.day import Day
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.given import given
from dunflow.ledger.tables import (
    DONE,
    account,
    contact,
    contact_account,
    contact_text,
    customer,
    print_batch,
    print_line,
    snapshot,
)
from dunflow.place.deliver import place_of
from dunflow.place.lock import placement_lock
from dunflow.place.seal import encryption, seal
from dunflow.placements import Desk
from dunflow.remind import outbox
from dunflow.remind.compose import worded_in
from dunflow.remind.consequences import bury_addresses, refresh_ladder
from dunflow.remind.letters.batch import Typeset, set_pages, write_batch
from dunflow.remind.letters.letter import ADDRESS_AT_FAULT, Letter, Unprintable, letter_of
from dunflow.remind.overtaken import give_up, leave_out, waiting_in
from dunflow.remind.render.slots import Line, Slots, date_for_people

Figures = dict[str, Any]
FOLDER = "letters"
"""Below DUNFLOW_EXPORTS and the portfolio."""
CHUNK = 2_000
ROW_GONE = "the date was loaded again, without the account"
NO_WORDING = "it was listed without its wording"
"""Of one that was listed when the wording was not yet kept: whatever it says now, no record has."""
WAITS_AT_MOST = dt.timedelta(days=14)
"""So long a letter may wait for the printer: its figures are those of its day."""


def print_letters(desk: Desk, typeset: Typeset = set_pages) -> list[Figures]:
    """Make a batch of every letter that was not printed yet, after one that was begun and did not
    arrive; their manifests.

    Letters that can't be printed are listed in the manifest by reference and reason. `typeset`: a
    story's letters need no pages.
    """
    made: list[Figures] = []
    with placement_lock(desk.engine, f"{desk.book.name}/letters"):
        with desk.engine.begin() as conn:
            _give_up(conn, desk, waiting_in(_waits(desk)))
        while begun := _next(desk):
            number, reference = begun
            place = place_of(desk.book, FOLDER, desk.environ)
            place.sweep(reference)
            arrived = place.find(reference)
            if arrived is None and not _leave_out(desk, number):
                continue
            if arrived is None:
                make = partial(_make, desk, number, reference, typeset)
                arrived = place.deliver(reference, make)
            with desk.engine.begin() as conn:
                conn.execute(
                    update(print_batch)
                    .where(print_batch.c.print_batch_id == number)
                    .values(delivered_at=desk.clock.now(), manifest=arrived)
                )
            made.append(arrived)
    return made


def give_up_late(desk: Desk) -> int:
    """Give up the letters that waited too long for the printer, or are forbidden by now; how many.

    Before printing, which does the same: so that somebody hears of it.
    """
    with placement_lock(desk.engine, f"{desk.book.name}/letters"), desk.engine.begin() as conn:
        return len(_give_up(conn, desk, waiting_in(_waits(desk))))


def print_day(day: Day) -> list[Figures]:
    """The same on the clock of one day's run."""
    with day.engine.begin() as conn:
        number = portfolio_id_of(conn, day.book.name)
    return print_letters(Desk(day.engine, day.book, number, day.clock, day.environ))


def _next(desk: Desk) -> tuple[int, str] | None:
    with desk.engine.begin() as conn:
        return _open(conn, desk) or _begin(conn, desk)


def _open(conn: Connection, desk: Desk) -> tuple[int, str] | None:
    found = conn.execute(
        select(print_batch.c.print_batch_id, print_batch.c.reference).where(
            print_batch.c.portfolio_id == desk.portfolio_id, print_batch.c.delivered_at.is_(None)
        )
    ).one_or_none()
    return (found[0], found[1]) if found else None


def _waits(desk: Desk) -> ColumnElement[bool]:
    return and_(
        contact.c.portfolio_id == desk.portfolio_id,
        contact.c.channel == "letter",
        contact.c.state.in_(DONE),
        contact.c.run_id.is_not(None),  # who made the others printed them
        outbox.is_trusted(),  # its due dates are those of the snapshot
        ~exists().where(print_line.c.contact_id == contact.c.contact_id),
    )


def _give_up(conn: Connection, desk: Desk, waiting: Select[int]) -> set[int]:
    """What waited too long for the printer is not done, nor what is forbidden by now."""
    now = desk.clock.now()
    too_late = contact.c.accepted_at <= now - WAITS_AT_MOST
    return give_up(conn, desk.book, desk.portfolio_id, waiting, too_late, NEVER_PRINTED, now)


def _leave_out(desk: Desk, number: int) -> bool:
    """Take what may no longer be sent out of a batch that did not arrive; whether any is left.

    What was set aside before stays, to be told in the manifest.
    """
    listed = select(print_line.c.contact_id).where(
        print_line.c.print_batch_id == number, print_line.c.unprintable.is_(None)
    )
    still = and_(contact.c.contact_id.in_(listed), contact.c.state.in_(DONE))
    over = and_(contact.c.contact_id.in_(listed), contact.c.state.not_in(DONE))
    with desk.engine.begin() as conn:
        gone = _give_up(conn, desk, waiting_in(still))
        gone |= set(conn.execute(waiting_in(over)).scalars())
        return leave_out(conn, print_batch, print_line, number, gone)


def _begin(conn: Connection, desk: Desk) -> tuple[int, str] | None:
    waiting = waiting_in(_waits(desk))
    if not conn.execute(select(waiting.exists())).scalar_one():
        return None
    now = desk.clock.now()
    number: int = conn.execute(select(func.nextval("print_batch_print_batch_id_seq"))).scalar_one()
    day = desk.book.portfolio.calendar.local_date(now)
    reference = f"{desk.book.name}-letters-{day:%Y%m%d}-{number:06d}"
    conn.execute(
        insert(print_batch).values(
            print_batch_id=number,
            portfolio_id=desk.portfolio_id,
            reference=reference,
            made_at=now,
        )
    )
    lines = waiting.add_columns(literal(number))
    conn.execute(insert(print_line).from_select(["contact_id", "print_batch_id"], lines))
    return number, reference


def _make(desk: Desk, number: int, reference: str, typeset: Typeset, draft: Path) -> None:
    """The files of a batch, with what can't be printed set aside."""
    keys = desk.book.portfolio.destination(FOLDER).encrypt_to
    head = {"reference": reference, "encryption": encryption(keys)}
    with desk.engine.connect() as conn:
        unprintable = _aside(conn, number)
        letters = _letters(conn, desk, number, unprintable)
        write_batch(
            draft,
            head,
            letters,
            unprintable,
            typeset,
            lambda name: seal(draft, [name], keys)[0],
        )
    with desk.engine.begin() as conn:
        _set_aside(conn, desk, number, unprintable)


def _aside(conn: Connection, number: int) -> dict[str, str]:
    """Reference → why, of what was set aside before the batch was interrupted."""
    found = conn.execute(
        select(contact.c.reference, print_line.c.unprintable)
        .join(print_line, print_line.c.contact_id == contact.c.contact_id)
        .where(print_line.c.print_batch_id == number, print_line.c.unprintable.is_not(None))
        .order_by(contact.c.contact_id)
    )
    return dict(found.all())


def _set_aside(conn: Connection, desk: Desk, number: int, unprintable: dict[str, str]) -> None:
    """What can't be printed did not arrive: its step is decided again, by another channel if there
    is one, and never again to an address at fault."""
    rows = [{"reference": reference, "why": why} for reference, why in unprintable.items()]
    aside = given("aside", {"reference": Text, "why": Text}, rows)
    conn.execute(
        update(print_line)
        .where(
            print_line.c.print_batch_id == number,
            print_line.c.contact_id == contact.c.contact_id,
            contact.c.reference == aside.c.reference,
        )
        .values(unprintable=aside.c.why)
    )
    failed = (
        update(contact)
        .where(
            contact.c.contact_id == print_line.c.contact_id,
            print_line.c.print_batch_id == number,
            print_line.c.unprintable.is_not(None),
            contact.c.state == "accepted",
        )
        .values(state="undelivered", reason=UNPRINTABLE, ended_at=desk.clock.now())
        .returning(contact.c.contact_id, contact.c.address, print_line.c.unprintable)
    )
    gone = conn.execute(failed).all()
    contacts = [of for of, *_ in gone]
    outbox.make_room(conn, contacts)
    buried = [of for of, address, why in gone if address and why in ADDRESS_AT_FAULT]
    bury_addresses(conn, buried, desk.clock.now())
    refresh_ladder(conn, desk.book, contacts)


def _letters(
    conn: Connection, desk: Desk, number: int, unprintable: dict[str, str]
) -> Iterator[Letter]:
    """The letters of a batch, one after the other; those that can't be printed go aside."""
    for _, rows in groupby(_rows(conn, number), key=lambda row: row.contact_id):
        accounts = list(rows)
        try:
            yield _letter(desk, accounts)
        except Unprintable as why:
            unprintable[accounts[0].reference] = str(why)


def _rows(conn: Connection, number: int) -> Iterator[Any]:
    """One row per account of each letter; those of one letter follow one another."""
    named = contact_account.alias("named")
    seen = and_(
        snapshot.c.portfolio_id == contact.c.portfolio_id,
        snapshot.c.business_date == contact.c.business_date,
        snapshot.c.account_id == named.c.account_id,
    )
    query = (
        select(
            contact.c.contact_id,
            contact.c.reference,
            contact.c.currency,
            contact.c.business_date,
            contact.c.template,
            contact.c.address,
            contact.c.accepted_at,
            contact_text.c.subject.label("opening"),
            func.split_part(contact_text.c.body, "\n", -2).label("closing"),  # it ends with a "\n"
            customer.c.name,
            customer.c.language,
            account.c.account_ref,
            named.c.amount,
            snapshot.c.due_on,
        )
        .select_from(print_line)
        .join(contact, contact.c.contact_id == print_line.c.contact_id)
        .outerjoin(contact_text, contact_text.c.contact_id == contact.c.contact_id)
        .join(customer, customer.c.customer_id == contact.c.customer_id)
        .join(named, and_(named.c.contact_id == contact.c.contact_id, named.c.dropped.is_(None)))
        .join(account, account.c.account_id == named.c.account_id)
        .outerjoin(snapshot, seen)
        # What was set aside has its step decided again: its letter is another one by now.
        .where(print_line.c.print_batch_id == number, print_line.c.unprintable.is_(None))
        .order_by(contact.c.contact_id, account.c.account_ref)
    )
    streamed = conn.execute(query, execution_options={"yield_per": CHUNK})
    for part in streamed.partitions():
        yield from part


def _letter(desk: Desk, accounts: list[Any]) -> Letter:
    if any(row.due_on is None for row in accounts):
        raise Unprintable(ROW_GONE)
    portfolio, first = desk.book.portfolio, accounts[0]
    if first.opening is None:
        raise Unprintable(NO_WORDING)
    language = worded_in(desk.book, "letter", first.template, first.language)
    slots = Slots(
        reference=first.reference,
        language=language,
        customer_name=first.name,
        lender=portfolio.lender,
        currency=first.currency,
        accounts=tuple(
            Line(row.account_ref, row.amount, row.due_on, (row.business_date - row.due_on).days)
            for row in accounts
        ),
        as_of=first.business_date,
    )
    written_on = portfolio.calendar.local_date(first.accepted_at)
    date = date_for_people(written_on, language)
    return letter_of(slots, first.address, date, first.opening, first.closing)
