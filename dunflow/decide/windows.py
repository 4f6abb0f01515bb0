"""Contact hours: when the packs let a channel be used, on the customer's own clock.

Pure functions over instants and zones. A wall time that a clock change leaves out is closed, and
one that it repeats is open both times.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dunflow.config.days_off import is_day_off
from dunflow.config.pack import HOLIDAYS, WEEKDAYS, Floor, Pack
from dunflow.config.policy import Channel

LOOK_AHEAD_DAYS = 4
"""Further than any contact lives (two days), so that a longer look would change nothing."""

WITHOUT_HOURS: frozenset[Channel] = frozenset({"letter"})
FOREVER = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True)
class Span:
    """A stretch of time [opens_at, closes_at), as UTC instants."""

    opens_at: dt.datetime
    closes_at: dt.datetime


def next_opening(
    floor: Floor, channel: Channel, zones: Sequence[ZoneInfo], region: str, at: dt.datetime
) -> Span | None:
    """The span that is open at `at`, else the first after it; None if there is none for days.

    Open is what is so on the clocks of all `zones`; none: nothing is. A span that is open already
    begins at `at`. Letters have no hours. A channel for which no pack gives hours is closed.
    """
    if channel in WITHOUT_HOURS:
        return Span(at, FOREVER)
    if not zones:
        return None
    for span in _in_all(floor, channel, zones, region, at):
        if span.closes_at > at:
            return Span(max(span.opens_at, at), span.closes_at)
    return None


def _in_all(
    floor: Floor, channel: Channel, zones: Sequence[ZoneInfo], region: str, at: dt.datetime
) -> Iterator[Span]:
    """What is open on every clock, for some days from the one that `at` falls on."""
    first, *others = (_ahead(floor, channel, zone, region, at) for zone in zones)
    if not others:
        yield from first
        return
    spans = list(first)
    for other in others:
        spans = _both(spans, list(other))
    yield from spans


def _ahead(
    floor: Floor, channel: Channel, zone: ZoneInfo, region: str, at: dt.datetime
) -> Iterator[Span]:
    today = at.astimezone(zone).date()
    for ahead in range(LOOK_AHEAD_DAYS):
        yield from _open_spans(floor, channel, zone, region, today + dt.timedelta(days=ahead))


def _open_spans(
    floor: Floor, channel: Channel, zone: ZoneInfo, region: str, day: dt.date
) -> list[Span]:
    """The day's spans in which every pack that gives hours allows the channel."""
    giving_hours = [pack for pack in floor.packs if pack.windows]
    if not giving_hours or any(_is_quiet(pack, region, day) for pack in floor.packs):
        return []
    spans = _whole_day(zone, day)
    for pack in giving_hours:
        allowed = [
            span
            for window in pack.windows
            if channel in window.channels and WEEKDAYS[day.weekday()] in window.days
            for span in _on_the_wall(zone, day, window.open, window.close)
        ]
        spans = _both(spans, sorted(allowed, key=lambda span: span.opens_at))
    return spans


def _is_quiet(pack: Pack, region: str, day: dt.date) -> bool:
    if WEEKDAYS[day.weekday()] in pack.quiet_days:
        return True
    return HOLIDAYS in pack.quiet_days and is_day_off(region, day)


def _whole_day(zone: ZoneInfo, day: dt.date) -> list[Span]:
    start = _instant(zone, day, dt.time(0))
    return [Span(start, _instant(zone, day + dt.timedelta(days=1), dt.time(0)))]


def _on_the_wall(zone: ZoneInfo, day: dt.date, opens: dt.time, closes: dt.time) -> list[Span]:
    """The instants at which the day's wall clock shows a time in [opens, closes)."""
    end = day if closes != dt.time(0) else day + dt.timedelta(days=1)
    spans = []
    for start, stop, offset in _constant_offsets(zone, day):
        wall_opens = dt.datetime.combine(day, opens, tzinfo=dt.UTC) - offset
        wall_closes = dt.datetime.combine(end, closes, tzinfo=dt.UTC) - offset
        span = Span(max(start, wall_opens), min(stop, wall_closes))
        if span.opens_at < span.closes_at:
            spans.append(span)
    return spans


def _constant_offsets(
    zone: ZoneInfo, day: dt.date
) -> list[tuple[dt.datetime, dt.datetime, dt.timedelta]]:
    """The day cut where the clocks change: `(start, stop, offset from UTC)`, mostly one."""
    [whole] = _whole_day(zone, day)
    pieces = []
    start = whole.opens_at
    while start < whole.closes_at:
        offset = _offset(zone, start)
        stop = whole.closes_at
        if _offset(zone, stop - _SECOND) != offset:
            stop = _change(zone, start, stop)
        pieces.append((start, stop, offset))
        start = stop
    return pieces


_SECOND = dt.timedelta(seconds=1)


def _change(zone: ZoneInfo, start: dt.datetime, stop: dt.datetime) -> dt.datetime:
    """The second at which the offset changes between two instants, by halving."""
    before = _offset(zone, start)
    while stop - start > _SECOND:
        middle = (start + (stop - start) / 2).replace(microsecond=0)
        if _offset(zone, middle) == before:
            start = middle
        else:
            stop = middle
    return stop


def _offset(zone: ZoneInfo, instant: dt.datetime) -> dt.timedelta:
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _instant(zone: ZoneInfo, day: dt.date, wall: dt.time) -> dt.datetime:
    return dt.datetime.combine(day, wall, tzinfo=zone).astimezone(dt.UTC)


def _both(left: list[Span], right: list[Span]) -> list[Span]:
    """The stretches that lie in both lists (each sorted); touching ones are joined."""
    common = [
        Span(max(a.opens_at, b.opens_at), min(a.closes_at, b.closes_at))
        for a in left
        for b in right
        if max(a.opens_at, b.opens_at) < min(a.closes_at, b.closes_at)
    ]
    joined: list[Span] = []
    for span in sorted(common, key=lambda span: span.opens_at):
        if joined and span.opens_at <= joined[-1].closes_at:
            joined[-1] = Span(joined[-1].opens_at, max(joined[-1].closes_at, span.closes_at))
        else:
            joined.append(span)
    return joined
