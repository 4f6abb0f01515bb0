"""On whose clock contact hours are counted: every zone in which a customer may be.

Each pack says what it goes by. What several packs find counts together, and an hour is open only if
it is so in all of these zones, so that packs together allow no more than each of them does.
"""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Text, func, literal

from dunflow.clock import time_zones
from dunflow.config.pack import Floor, PackClock, ZoneSource
from dunflow.config.policy import Channel
from dunflow.decide.windows import WITHOUT_HOURS
from dunflow.ledger.tables import customer

SOURCES: dict[ZoneSource, ColumnElement[str]] = {
    "customer": customer.c.time_zone,
    "address": customer.c.address_zones,
    "phone": customer.c.phone_zones,
}
_BETWEEN = "|"


@dataclass(frozen=True)
class Places:
    """What is known of where a customer is, as their row has it: names with blanks between them."""

    customer: str | None
    """The zone that the lender gives."""
    address: str | None = None
    phone: str | None = None


def wall_zones(
    floor: Floor, home: ZoneInfo, places: Places, channel: Channel, at: dt.datetime
) -> tuple[ZoneInfo, ...]:
    """The zones in all of which it must be an hour for the channel; empty: no hour is allowed.

    The first of them counts the customer's days. `home` is the portfolio's own. Letters have no
    hours, so they go out to those whose zone is unknown, too.
    """
    found: set[str] = set()
    for pack in floor.packs:
        of_pack = _candidates(pack.clock, places, home.key)
        if not of_pack or (pack.clock.on_conflict == "deny" and _differ(of_pack, at)):
            return (home,) if channel in WITHOUT_HOURS else ()
        found |= of_pack
    return tuple(ZoneInfo(name) for name in sorted(found)) or (home,)


def _candidates(clock: PackClock, places: Places, home: str) -> set[str]:
    if "customer" in clock.tz_from and places.customer in time_zones():
        return {str(places.customer)}
    found = {
        name
        for source in ("address", "phone")
        if source in clock.tz_from
        for name in (getattr(places, source) or "").split()
        if name in time_zones()
    }
    if "portfolio" in clock.tz_from or (not found and clock.on_unknown == "portfolio"):
        found.add(home)
    return found


def _differ(zones: set[str], at: dt.datetime) -> bool:
    return len({at.astimezone(ZoneInfo(name)).utcoffset() for name in zones}) > 1


def place_key(floor: Floor) -> ColumnElement[str]:
    """What the packs go by of a customer's row, as one text: a book has few different ones."""
    key: ColumnElement[str] = literal("", Text)
    for number, source in enumerate(_sources(floor)):
        known = func.coalesce(SOURCES[source], "")
        key = known if number == 0 else key + _BETWEEN + known
    return key


def places_of(floor: Floor, key: str) -> Places:
    """What a key was made of."""
    known = dict(zip(_sources(floor), key.split(_BETWEEN), strict=False))
    return Places(known.get("customer"), known.get("address"), known.get("phone"))


def _sources(floor: Floor) -> list[ZoneSource]:
    return [source for source in SOURCES if source in floor.zone_sources]
