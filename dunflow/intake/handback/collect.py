"""Takes in what receivers of placements have left for us: each file once, unless it changes."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import Engine, select

from dunflow.config.book import Book
from dunflow.errors import DunflowError, SourceError
from dunflow.intake.delivered import note_delivery
from dunflow.intake.handback.take import take_handback
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import delivery
from dunflow.place.deliver import Place, place_of
from dunflow.place.fetch import ENDINGS, Left, fetch, left
from dunflow.place.lock import placement_lock

KIND: Final = "returned"
"""What deliveries of this sort are called."""


def collects(book: Book) -> list[str]:
    """The destinations that leave their files where we fetch them."""
    return [name for name, each in book.portfolio.destinations.items() if each.returns]


def collect(
    engine: Engine, book: Book, environ: Mapping[str, str], by: str, now: dt.datetime
) -> dict[str, int]:
    """What is new there: `new`, `known` and `rejected` rows. What can't be read stops nothing else.

    Raises SourceError in the end, which names each place and file that was passed over.
    """
    counts: Counter[str] = Counter()
    faults = []
    for destination in collects(book):
        receiver = book.portfolio.destination(destination)
        try:
            place = place_of(book, destination, environ).below(str(receiver.returns))
            waiting = left(place, ENDINGS[receiver.handback.format])
        except DunflowError as error:
            faults.append(str(error))
            continue
        # Whether a file is whole is about the real time, also where history is replayed.
        whole = [each for each in waiting if each.is_whole(dt.datetime.now(dt.UTC))]
        known = _marks(engine, book, destination, place)
        for file in whole:
            if known.get(_origin(destination, place, file)) == _mark(book, destination, file):
                continue
            try:
                counts += _take(engine, book, destination, place, file, by, now)
            except DunflowError as error:
                faults.append(f"{place.shown}: {error}")
    if faults:
        raise SourceError("\n".join(faults))
    return {name: counts[name] for name in ("new", "known", "rejected")}


def _take(
    engine: Engine,
    book: Book,
    destination: str,
    place: Place,
    file: Left,
    by: str,
    now: dt.datetime,
) -> Counter[str]:
    """The file's rows and the word that it was read, or neither."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        fetch(place, file.name, copy)
        with placement_lock(engine, book.name), engine.begin() as conn:
            number = portfolio_id_of(conn, book.name)
            taken = take_handback(conn, book, number, destination, copy, by, now)
            counts = Counter(
                new=sum(taken.new.values()),
                known=taken.known,
                rejected=len({fault.line for fault in taken.rejected}),
            )
            told = counts.total(), counts["new"], counts["rejected"]
            origin = _origin(destination, place, file)
            note_delivery(conn, number, KIND, origin, told, by, now, _mark(book, destination, file))
    return counts


def _mark(book: Book, destination: str, file: Left) -> str:
    """Tells the file, and how it is read, from what it was before."""
    return f"{file.mark}:{book.portfolio.destination(destination).handback.mark}"


def _origin(destination: str, place: Place, file: Left) -> str:
    """Two receivers may have the same path on one server, each under a user of its own."""
    return f"{_of(destination, place)}{file.name}"


def _of(destination: str, place: Place) -> str:
    return f"{destination}: {place.shown}/"


def _marks(engine: Engine, book: Book, destination: str, place: Place) -> dict[str, str | None]:
    """The files of the receiver that were taken in, by their origin."""
    with engine.begin() as conn:
        rows = conn.execute(
            select(delivery.c.origin, delivery.c.mark).where(
                delivery.c.portfolio_id == portfolio_id_of(conn, book.name),
                delivery.c.kind == KIND,
                delivery.c.origin.startswith(_of(destination, place), autoescape=True),
            )
        )
        return dict(rows.all())
