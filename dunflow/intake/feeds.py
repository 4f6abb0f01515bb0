"""Where deliveries come from: the portfolio's feeds, and files that a person hands over."""

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select
from upath import UPath

from dunflow.clock import DAY
from dunflow.config.book import Book
from dunflow.config.feeds import Feed
from dunflow.errors import SourceError
from dunflow.intake.shape import heads_of
from dunflow.intake.take import Delivery, Taken, take
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import delivery
from dunflow.snapshot.files import read_place, resolved
from dunflow.snapshot.sql import ask

FROM_THE_START: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""What `:since` is the first time: everything."""


def take_file(
    engine: Engine, book: Book, kind: str, path: Path, by: str, now: dt.datetime
) -> Taken:
    """A CSV file in UTF-8 whose headers are our names."""
    feed = Feed(kind="files", path=str(path))
    return take(engine, book, _file(book, kind, feed, UPath(path.absolute())), by, now)


def take_feed(
    engine: Engine,
    book: Book,
    kind: str,
    feed: Feed,
    environ: Mapping[str, str],
    by: str,
    now: dt.datetime,
) -> Taken:
    """What is new at a feed. A file that can't be read stops no other, and is told at the end."""
    known = _known(engine, book, kind)
    if feed.kind == "sql":
        return take(engine, book, _query(book, kind, feed, known, environ, now), by, now)
    whole, faults = Taken(0, 0, []), []
    for path in _files(book, feed):
        try:
            given = _file(book, kind, feed, path)
            if given.origin not in known or known[given.origin][0] != given.mark:
                whole += take(engine, book, given, by, now)
        except FileNotFoundError:
            continue  # somebody took it away meanwhile
        except SourceError as error:
            faults.append(str(error))
        except OSError as error:
            faults.append(f"{book.name} {kind}: {path}: can't be read ({type(error).__name__})")
    if faults:
        raise SourceError("\n".join(faults))
    return whole


def _known(engine: Engine, book: Book, kind: str) -> dict[str, tuple[str | None, dt.datetime]]:
    """Origin → its mark, and up to when it was asked, the last time."""
    with engine.begin() as conn:
        number = portfolio_id_of(conn, book.name)
        rows = conn.execute(
            select(delivery.c.origin, delivery.c.mark, delivery.c.until_at).where(
                delivery.c.portfolio_id == number, delivery.c.kind == kind
            )
        )
        return {row.origin: (row.mark, row.until_at) for row in rows}


def _query(
    book: Book,
    kind: str,
    feed: Feed,
    known: dict[str, tuple[str | None, dt.datetime]],
    environ: Mapping[str, str],
    now: dt.datetime,
) -> Delivery:
    origin, mark = str(feed.query), feed.mark
    # Rows that were turned down for a wrong declaration lie before the last time, too.
    is_known = origin in known and known[origin][0] in (mark, None)
    since = known[origin][1] - feed.overlap_days * DAY if is_known else FROM_THE_START
    binds = {
        "since": since,
        "until": now,
        "business_date": book.portfolio.calendar.newest_closed(now),
    }
    return Delivery(kind, origin, ask(book, feed, binds, environ), feed, mark, lines=False)


def _file(book: Book, kind: str, feed: Feed, path: UPath) -> Delivery:
    who = f"{book.name} {kind}"
    frames = read_place(str(path), feed, heads_of(kind, feed), who)
    stat = path.stat()
    mark = f"{stat.st_size}:{stat.st_mtime}:{feed.mark}"
    return Delivery(kind, str(path), frames, feed, mark)


def _files(book: Book, feed: Feed) -> Iterator[UPath]:
    """The files that lie there now, by name. Raises SourceError where not even a folder does."""
    parts = resolved(book, str(feed.path)).split("/")
    fixed = next((n for n, part in enumerate(parts) if "*" in part), len(parts) - 1)
    folder, pattern = UPath("/".join(parts[:fixed])), "/".join(parts[fixed:])
    # A store has no folders: where nothing was left yet, there is nothing to be seen.
    if "://" not in str(folder) and not folder.exists():
        raise SourceError(
            f"{book.name}: there is no folder {folder}; make it, or mend the path in portfolio.yaml"
        )
    found = folder.glob(pattern.replace("[", "[[]"))
    yield from (path for path in sorted(found, key=str) if path.is_file() and _is_meant(path))


def _is_meant(path: UPath) -> bool:
    """What is hidden is no delivery, nor is what Excel leaves beside a workbook that is open."""
    return not path.name.startswith((".", "~$"))
