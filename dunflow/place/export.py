"""Takes back what must come back, and delivers what is to be told to each receiver.

Begin, deliver, record, and never a transaction across the delivery. Interrupted anywhere and run
again it goes on under the same reference, so one package lies at the destination and never two.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select

from dunflow.clock import DAY, Clock
from dunflow.config.book import Book
from dunflow.errors import DunflowError
from dunflow.ledger.engine import give_room, portfolio_id_of
from dunflow.ledger.loads import newest_decided
from dunflow.ledger.scratch import has_rows
from dunflow.ledger.tables import placement
from dunflow.place import lines
from dunflow.place.content import fields_of, rows
from dunflow.place.deliver import DeliveryError, Place, place_of
from dunflow.place.evidence.paper import write_evidence
from dunflow.place.files import write, write_manifest
from dunflow.place.life import Chosen, active, take_back, withdraw_refused
from dunflow.place.lines import Package
from dunflow.place.lock import placement_lock
from dunflow.place.seal import seal
from dunflow.place.standing import UNKNOWN


@dataclass(frozen=True)
class Exported:
    """What an export did. `packages`: as their manifests say; `withdrawn`: reason → count;
    `failed`: destination → what stood in the way, while the others had their turn."""

    recalled: int
    withdrawn: dict[str, int]
    packages: list[dict[str, Any]]
    failed: dict[str, str]

    def raise_if_failed(self) -> None:
        """Raises DeliveryError that names each destination."""
        if self.failed:
            raise DeliveryError("; ".join(self.failed.values()))


def export(engine: Engine, book: Book, clock: Clock, environ: Mapping[str, str]) -> Exported:
    """Recall what was paid or is held; deliver recalls, approved placements and changed balances.

    In shadow mode nothing is given away, and a receiver that was given accounts before still hears
    what has become of these. Approved accounts that may no longer leave are withdrawn.
    """
    with placement_lock(engine, book.name):
        return _export(engine, book, clock, environ)


def _export(engine: Engine, book: Book, clock: Clock, environ: Mapping[str, str]) -> Exported:
    with engine.begin() as conn:
        number = portfolio_id_of(conn, book.name)
        business_date = newest_decided(conn, number)
        if business_date is None:
            return Exported(0, {}, [], {})
        begun = lines.open_packages(conn, number)
        known = select(placement.c.destination).where(placement.c.portfolio_id == number)
        destinations = sorted(set(conn.execute(known.distinct()).scalars()))
    done = Exported(0, {}, [], {})
    courier = _Courier(engine, book, number, clock, environ, done)
    for each in begun:
        courier.try_to(each.destination, partial(courier.resume, each, business_date))
    # Only now is it known what has left, and may have to come back.
    with engine.begin() as conn:
        kinds = _kinds_that_leave(conn, book, number)
        if not kinds:
            return done
        give_room(conn)
        recalled = take_back(conn, book, number, business_date, clock.now())
    for kind in kinds:
        for destination in destinations:
            courier.try_to(destination, partial(courier.send, destination, kind, business_date))
    return replace(done, recalled=recalled)


def _kinds_that_leave(conn: Connection, book: Book, portfolio_id: int) -> tuple[str, ...]:
    """In their order. Who has an account of somebody who paid or died must hear of it, whatever the
    mode is now; but one that never was live speaks to nobody."""
    if book.portfolio.mode == "live":
        return lines.KINDS
    if not lines.has_delivered(conn, portfolio_id):
        return ()
    return tuple(kind for kind in lines.KINDS if kind != "placement")


class _Courier:
    """Delivers one portfolio's packages, and notes in `done` what came of it."""

    def __init__(
        self,
        engine: Engine,
        book: Book,
        portfolio_id: int,
        clock: Clock,
        environ: Mapping[str, str],
        done: Exported,
    ) -> None:
        self._engine, self._book, self._portfolio_id = engine, book, portfolio_id
        self._clock, self._environ, self._done = clock, environ, done

    def try_to(self, destination: str, deliver: Callable[[], None]) -> None:
        """One receiver that can't be reached does not keep the others waiting."""
        if destination in self._done.failed:
            return
        try:
            deliver()
        except DunflowError as error:
            self._done.failed[destination] = str(error)

    def resume(self, begun: Package, business_date: dt.date) -> None:
        """Go on with a package of which nobody wrote down whether it arrived.

        What has not arrived may leave only if it still may by now, as of `business_date`.
        """
        place = place_of(self._book, begun.destination, self._environ)
        if begun.place not in (None, place.shown):
            raise DeliveryError(
                f"package {begun.reference} for {begun.destination} was begun for {begun.place}, "
                "and nobody knows yet whether it arrived there; now portfolio.yaml says "
                f"{place.shown}. Put destinations.{begun.destination} back, export, and change it "
                "then"
            )
        place.sweep(begun.reference)
        arrived = place.find(begun.reference)
        if arrived is not None:
            self._record(begun, place, arrived)
            return
        with self._engine.begin() as conn:
            now = self._clock.now()
            shadow = self._book.portfolio.mode == "shadow"
            if begun.kind == "placement" and (shadow or _too_old(self._book, business_date, now)):
                lines.drop(conn, begun)
                return
            give_room(conn)
            lines.check_again(conn, self._book, self._portfolio_id, begun, business_date, now)
            ended = begun.kind == "placement" and _disagreement(self._book, begun.destination, now)
            if ended or lines.is_empty(conn, begun):
                lines.drop(conn, begun)
                return
        self._deliver(begun, place)

    def send(self, destination: str, kind: str, business_date: dt.date) -> None:
        """The next package of this kind, if there is anything to tell."""
        if kind == "placement" and not self._may_leave(destination, business_date):
            return
        place = place_of(self._book, destination, self._environ)
        with self._engine.begin() as conn:
            give_room(conn)
            begun = lines.begin(
                conn,
                self._book,
                self._portfolio_id,
                destination,
                kind,
                business_date,
                place.shown,
                self._clock.now(),
            )
            if begun is not None:
                self._require_entry(conn, destination, place)
        if begun is not None:
            self._deliver(begun, place)

    def _require_entry(self, conn: Connection, destination: str, place: Place) -> None:
        """Raises DeliveryError where portfolio.yaml has lost the receiver's place: in another one
        nobody would look, and the ledger would say that it was told."""
        if destination in self._book.portfolio.destinations:
            return
        last = lines.last_place(conn, self._portfolio_id, destination)
        if last not in (None, place.shown):
            raise DeliveryError(
                f"portfolio.yaml: destinations.{destination}: is missing, and its packages went to "
                f"{last}; put it back until it was told of all that it has. If {place.shown} is "
                f"where it looks now, write {destination}: {{}}"
            )

    def _may_leave(self, destination: str, business_date: dt.date) -> bool:
        """Withdraw what may no longer leave; whether anything is left that may."""
        now = self._clock.now()
        which = active(self._portfolio_id, Chosen(destination), ("approved",))
        with self._engine.begin() as conn:
            if not has_rows(conn, which):
                return False
            give_room(conn)
            gone = withdraw_refused(conn, self._book, self._portfolio_id, business_date, which, now)
            left = has_rows(conn, which)
        for reason, count in gone.items():
            if reason == UNKNOWN:
                continue  # it waits until its row can be read
            self._done.withdrawn[reason] = self._done.withdrawn.get(reason, 0) + count
        if left:
            if why := _too_old(self._book, business_date, now):
                raise DeliveryError(why)
            _require_agreement(self._book, destination, now)
        return left

    def _deliver(self, begun: Package, place: Place) -> None:
        arrived = place.deliver(begun.reference, partial(self._make, begun))
        self._record(begun, place, arrived)

    def _make(self, begun: Package, draft: Path) -> None:
        """The files of a package, and the manifest last."""
        to = self._book.portfolio.destination(begun.destination)
        fields = fields_of(self._book, begun)
        with self._engine.connect() as conn:
            told = rows(conn, self._book, self._portfolio_id, begun, fields)
            counted = write(draft, begun, to.formats, fields, told)
            if to.evidence and begun.kind == "placement":
                counted.names += write_evidence(
                    conn, self._book, self._portfolio_id, begun, fields, draft, self._clock.now()
                )
        counted.names = seal(draft, counted.names, to.encrypt_to)
        write_manifest(draft, begun, self._book.name, fields, counted, to.encrypt_to)

    def _record(self, begun: Package, place: Place, arrived: dict[str, Any]) -> None:
        with self._engine.begin() as conn:
            _compare(conn, begun, place, arrived)
            lines.delivered(conn, begun, place.shown, arrived, self._clock.now())
        self._done.packages.append(arrived)


def _compare(conn: Connection, begun: Package, place: Place, arrived: dict[str, Any]) -> None:
    """Raises DeliveryError if what lies at the destination is not what the ledger says was sent."""
    count, totals = lines.sums(conn, begun)
    if arrived["rows"] != count or arrived["totals"] != totals:
        raise DeliveryError(
            f"{place.shown}: package {begun.reference} holds {arrived['rows']} rows and "
            f"{arrived['totals']}, and the ledger says {count} and {totals}: two workers delivered "
            "it at once. Move it away before it is fetched, then export again"
        )


def _too_old(book: Book, business_date: dt.date, now: dt.datetime) -> str | None:
    """Why nobody may be given away by the newest decided date: too much may have been paid since;
    None: they may. One date may be missing: the newest may just be on its way."""
    newest_closed = book.portfolio.calendar.newest_closed(now)
    if business_date >= newest_closed - DAY:
        return None
    return (
        f"{book.name}: the newest date that is decided is {business_date}, and {newest_closed} has "
        "closed: nobody is given away on figures so old. Run the newest date first"
    )


def _require_agreement(book: Book, destination: str, now: dt.datetime) -> None:
    """Raises DeliveryError unless accounts may be given to `destination` today."""
    if why := _disagreement(book, destination, now):
        raise DeliveryError(why)


def _disagreement(book: Book, destination: str, now: dt.datetime) -> str | None:
    """Why no account may be given to `destination` today; None: they may."""
    config = book.portfolio.destination(destination)
    today = book.portfolio.calendar.local_date(now)
    where = f"portfolio.yaml: destinations.{destination}.agreement"
    if config.agreement is None:
        if book.floor.needs_agreement(config.kind):
            return f"{where}: is missing, and a pack asks for one; add it once it is signed"
    elif not config.agreement.covers(today):
        return (
            f"{where}: {config.agreement.since} to {config.agreement.until or 'open'} does not "
            f"cover {today}; renew it, or reject what is approved"
        )
    return None
