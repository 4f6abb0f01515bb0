"""Writes the lists of calls and visits: each contact on one list, each list whole or not at all.

A list is written down first and delivered by one rename. Interrupted and run again it goes on under
the same reference; what was delivered stays as it is.
"""

import datetime as dt
import json
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from dunflow.config.destination import Format
from dunflow.config.policy import Channel
from dunflow.day import Day
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import (
    DONE,
    account,
    contact,
    customer,
    result,
    snapshot,
    worklist,
    worklist_line,
)
from dunflow.place.deliver import place_of
from dunflow.place.files import MANIFEST, SUFFIX, WRITERS, sha256
from dunflow.place.lock import placement_lock
from dunflow.place.seal import encryption, seal
from dunflow.placements import Desk
from dunflow.remind.overtaken import give_up, leave_out, waiting_in
from dunflow.worklists.hours import are_over
from dunflow.worklists.lines import FIELDS, lead_of, order, rows_of
from dunflow.worklists.orders import write_orders
from dunflow.worklists.teams import belongs_to, names_of

Figures = dict[str, Any]
FORMATS: tuple[Format, ...] = ("csv", "excel")
LISTED: tuple[Channel, ...] = ("call", "visit")
NEVER_LISTED = "never_listed"
"""The code of a contact that was over, or forbidden, before anybody had it on a list."""


def hand_out(desk: Desk) -> list[Figures]:
    """Write every list that is due, of calls and of visits; their manifests."""
    wanted = [each for each in LISTED if each in desk.book.policy.channels]
    return [made for channel in wanted for made in write_lists(desk, channel)]


def hand_out_day(day: Day) -> list[Figures]:
    """The same on the clock of one day's run."""
    with day.engine.begin() as conn:
        number = portfolio_id_of(conn, day.book.name)
    return hand_out(Desk(day.engine, day.book, number, day.clock, day.environ))


def write_lists(desk: Desk, channel: Channel) -> list[Figures]:
    """Write the lists of one channel for what is on none yet; the manifests of those written."""
    with placement_lock(desk.engine, f"{desk.book.name}/{channel}s"):
        with desk.engine.begin() as conn:
            _give_up(conn, desk, channel, waiting_in(_waits(desk, channel)))
            teams = dict.fromkeys(
                [*_open_teams(conn, desk, channel), *names_of(desk.book, channel)]
            )
        made = [_write(desk, channel, team) for team in teams]
    return [each for some in made for each in some]


def give_up_late(desk: Desk, channel: Channel) -> int:
    """Give up what is on no list and is over, or forbidden by now; how many.

    Before writing lists, which does the same: so that somebody hears of it.
    """
    lock = placement_lock(desk.engine, f"{desk.book.name}/{channel}s")
    with lock, desk.engine.begin() as conn:
        return len(_give_up(conn, desk, channel, waiting_in(_waits(desk, channel))))


def lists_of(desk: Desk, channel: Channel) -> list[Figures]:
    """The manifests of the newest day that has lists of this channel."""
    day = (
        select(func.max(worklist.c.listed_on))
        .where(worklist.c.portfolio_id == desk.portfolio_id, worklist.c.channel == channel)
        .scalar_subquery()
    )
    with desk.engine.connect() as conn:
        found = conn.execute(
            select(worklist.c.manifest)
            .where(
                worklist.c.portfolio_id == desk.portfolio_id,
                worklist.c.channel == channel,
                worklist.c.listed_on == day,
                worklist.c.delivered_at.is_not(None),
            )
            .order_by(worklist.c.worklist_id)
        )
        return list(found.scalars())


def _give_up(conn: Connection, desk: Desk, channel: Channel, waiting: Select[int]) -> set[int]:
    """What no list had in its time is not done, nor what is forbidden by now."""
    now = desk.clock.now()
    over = or_(contact.c.expires_at <= now, are_over(conn, desk.book, channel, waiting, now))
    return give_up(conn, desk.book, desk.portfolio_id, waiting, over, NEVER_LISTED, now)


def _open_teams(conn: Connection, desk: Desk, channel: Channel) -> list[str]:
    """Whose lists were begun and not delivered, whether the portfolio still has them or not."""
    return list(conn.execute(select(worklist.c.team).where(_is_open(desk, channel))).scalars())


def _is_open(desk: Desk, channel: Channel) -> ColumnElement[bool]:
    return and_(
        worklist.c.portfolio_id == desk.portfolio_id,
        worklist.c.channel == channel,
        worklist.c.delivered_at.is_(None),
    )


def _waits(desk: Desk, channel: Channel) -> Any:
    return and_(
        contact.c.portfolio_id == desk.portfolio_id,
        contact.c.channel == channel,
        contact.c.state.in_(DONE),
        contact.c.run_id.is_not(None),  # what others did needs no list any more
        ~exists().where(worklist_line.c.contact_id == contact.c.contact_id),
        ~exists().where(result.c.contact_id == contact.c.contact_id),
    )


def _write(desk: Desk, channel: Channel, team: str) -> list[Figures]:
    made: list[Figures] = []
    while True:
        with desk.engine.begin() as conn:
            begun = _open(conn, desk, channel, team) or _begin(conn, desk, channel, team)
        if begun is None:
            return made
        number, reference, listed_on = begun
        place = place_of(desk.book, f"{channel}s", desk.environ)
        place.sweep(reference)
        arrived = place.find(reference)
        if arrived is None and not _leave_out(desk, channel, number):
            continue
        if arrived is None:
            head = {"reference": reference, "team": team, "day": listed_on.isoformat()}
            arrived = place.deliver(reference, partial(_make, desk, channel, number, head))
        with desk.engine.begin() as conn:
            conn.execute(
                update(worklist)
                .where(worklist.c.worklist_id == number)
                .values(delivered_at=desk.clock.now(), manifest=arrived)
            )
        made.append(arrived)


Begun = tuple[int, str, dt.date]


def _open(conn: Connection, desk: Desk, channel: Channel, team: str) -> Begun | None:
    found = conn.execute(
        select(worklist.c.worklist_id, worklist.c.reference, worklist.c.listed_on).where(
            _is_open(desk, channel), worklist.c.team == team
        )
    ).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


def _leave_out(desk: Desk, channel: Channel, number: int) -> bool:
    """Take what may no longer be done out of a list that nobody has; whether any is left."""
    listed = select(worklist_line.c.contact_id).where(worklist_line.c.worklist_id == number)
    with desk.engine.begin() as conn:
        gone = _give_up(conn, desk, channel, waiting_in(contact.c.contact_id.in_(listed)))
        return leave_out(conn, worklist, worklist_line, number, gone)


def _begin(conn: Connection, desk: Desk, channel: Channel, team: str) -> Begun | None:
    """A list of what this team's waits; its lines are fixed from now on."""
    waiting = (
        select(
            contact.c.contact_id,
            contact.c.accepted_at,
            func.row_number().over(order_by=order()).label("position"),
        )
        .join(customer, customer.c.customer_id == contact.c.customer_id)
        .join(account, account.c.account_id == contact.c.account_id)
        .join(snapshot, lead_of())
        .where(_waits(desk, channel), contact.c.expires_at > desk.clock.now())
        .where(belongs_to(desk.book, channel, team))
        .subquery("waiting")
    )
    newest = conn.execute(select(func.max(waiting.c.accepted_at))).scalar()
    if newest is None:
        return None
    # A replayed day's clock stands before its own calls.
    made_at = max(newest, desk.clock.now())
    number: int = conn.execute(select(func.nextval("worklist_worklist_id_seq"))).scalar_one()
    listed_on = desk.book.portfolio.calendar.local_date(made_at)
    reference = f"{desk.book.name}-{channel}s-{team}-{listed_on:%Y%m%d}-{number:06d}"
    conn.execute(
        insert(worklist).values(
            worklist_id=number,
            portfolio_id=desk.portfolio_id,
            channel=channel,
            team=team,
            listed_on=listed_on,
            reference=reference,
            made_at=made_at,
        )
    )
    lines = select(waiting.c.contact_id, literal(number), waiting.c.position)
    columns = ["contact_id", "worklist_id", "position"]
    conn.execute(insert(worklist_line).from_select(columns, lines))
    return number, reference, listed_on


def _make(desk: Desk, channel: Channel, number: int, head: Mapping[str, str], folder: Path) -> None:
    """The files of a list, and the manifest last."""
    with desk.engine.connect() as conn:
        _write_files(conn, desk, channel, number, head, folder)


def _write_files(
    conn: Connection,
    desk: Desk,
    channel: Channel,
    number: int,
    head: Mapping[str, str],
    folder: Path,
) -> None:
    fields = list(FIELDS[channel])
    names = {f"{channel}s.{SUFFIX[each]}": WRITERS[each] for each in FORMATS}
    lines = 0
    with ExitStack() as stack:
        writers = [make(folder / name, fields) for name, make in names.items()]
        for writer in writers:
            stack.callback(writer.close)
        for currency, values in rows_of(conn, desk.book, channel, number):
            lines += 1
            for writer in writers:
                writer.row(values, currency)
    pages = {}
    by_code: list[str] = []
    if channel == "visit":
        told = (
            dict(zip(fields, values, strict=True))
            for _, values in rows_of(conn, desk.book, channel, number)
        )
        pages = dict(write_orders(folder, desk.book, told, by_code))
    made = [*names, *pages]
    keys = desk.book.portfolio.destination(f"{channel}s").encrypt_to
    manifest = {
        **head,
        "channel": channel,
        "lines": lines,
        "fields": fields,
        # Whose name or address the paper spells in part by numbers: it can't be read at a door.
        **({"by_code": by_code} if channel == "visit" else {}),
        "encryption": encryption(keys),
        "files": [
            {
                "name": name,
                "bytes": (folder / name).stat().st_size,
                "sha256": sha256(folder / name),
                **({"pages": pages[plain]} if plain in pages else {}),
            }
            for plain, name in zip(made, seal(folder, made, keys), strict=True)
        ],
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
