"""Twilio's lists of messages and calls: filters, and pages that hold while new messages arrive.

A page token names the message at the edge of the page that it was given with, so that a page holds
the same messages whenever it is asked for: `PA…` those older than it, `PB…` those newer.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from dunflow.sandbox.life import LEAVES_S
from dunflow.sandbox.store import Filter, Message, Store
from dunflow.sandbox.twilio import Refusal

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
TOKEN = re.compile(r"P([AB])((?:SM|CA)[0-9a-f]{32})", re.ASCII)
WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)
NARROWING = ("To", "From", "DateSent", "DateSent<", "DateSent>")
DAY = timedelta(days=1)


class Page(NamedTuple):
    """One page of messages, newest first, and the paths to its neighbours."""

    messages: list[Message]
    number: int
    size: int
    uri: str
    first_uri: str
    previous_uri: str | None
    next_uri: str | None


def read_page(
    store: Store,
    path: str,
    query: Mapping[str, str],
    wanted: Filter | Refusal,
    narrowing: Sequence[str],
) -> Page | Refusal:
    """The page that `query` asks for, or why Twilio would not give it.

    `wanted` is what its parameters of the names `narrowing` mean.
    """
    size = _whole(query.get("PageSize", str(DEFAULT_PAGE_SIZE)))
    number = _whole(query.get("Page", "0"))
    if isinstance(wanted, Refusal):
        return wanted
    if size is None or not 1 <= size <= MAX_PAGE_SIZE:
        return Refusal(20001, f"PageSize must be between 1 and {MAX_PAGE_SIZE}")
    if number is None:
        return Refusal(20001, "Page must be a whole number")
    token = query.get("PageToken")
    if token is None:
        if number > 0:
            return Refusal(20001, "Page number out of range: a PageToken is required")
        found = store.newest(wanted, limit=size + 1)
        older, newer = len(found) > size, False
        found = found[:size]
    else:
        edge = _edge(store, token)
        if edge is None:
            return Refusal(20001, "PageToken is invalid")
        found, older, newer = _beside(store, wanted, edge, size)

    def link(page: int, mark: str | None) -> str:
        kept = {name: query[name] for name in narrowing if name in query}
        kept |= {"PageSize": str(size), "Page": str(page)}
        return f"{path}?{urlencode(kept | ({'PageToken': mark} if mark else {}))}"

    return Page(
        messages=found,
        number=number,
        size=size,
        uri=link(number, token),
        first_uri=link(0, None),
        previous_uri=link(max(0, number - 1), f"PB{found[0].provider_id}") if newer else None,
        next_uri=link(number + 1, f"PA{found[-1].provider_id}") if older else None,
    )


def _beside(
    store: Store, wanted: Filter, edge: tuple[str, int], size: int
) -> tuple[list[Message], bool, bool]:
    """The messages on one side of an edge, and whether there are older and newer ones still."""
    side, at = edge
    if side == "A":
        found = store.newest(wanted, limit=size + 1, older_than=at)
        return found[:size], len(found) > size, bool(found)
    found = store.just_newer(wanted, limit=size + 1, newer_than=at)
    return found[-size:], bool(found), len(found) > size


def _edge(store: Store, token: str) -> tuple[str, int] | None:
    match = TOKEN.fullmatch(token)
    if match is None:
        return None
    found = store.newest(Filter(provider_id=match[2], answers=True), limit=1)
    return (match[1], found[0].id) if found else None


def filter_of(query: Mapping[str, str], now: float) -> Filter | Refusal:
    """What has not left yet has no DateSent, and so matches none of the three.

    Days are GMT and both bounds are included, as the parameters' page says; of a timestamp only its
    day counts (twilio-python #289)."""
    days: dict[str, datetime] = {}
    for name in ("DateSent", "DateSent<", "DateSent>"):
        if name in query:
            day = day_of(query[name])
            if day is None:
                return Refusal(20001, f"{name} must be a date such as 2026-03-01")
            days[name] = day
    since = [day for day in (days.get("DateSent"), days.get("DateSent>")) if day]
    until = [day + DAY for day in (days.get("DateSent"), days.get("DateSent<")) if day]
    ends = [day.timestamp() for day in until] + ([now] if days else [])
    return Filter(
        channel="sms",
        recipient=query.get("To"),
        sender=query.get("From"),
        sent_from=max(since).timestamp() - LEAVES_S if since else None,
        sent_until=min(ends) - LEAVES_S if ends else None,
        answers=True,
    )


def day_of(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text[:10]), time(), UTC)
    except ValueError:
        return None


def _whole(text: str) -> int | None:
    return int(text) if WHOLE.fullmatch(text) else None
