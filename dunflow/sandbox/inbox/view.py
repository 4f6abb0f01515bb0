"""One accepted message, put into what the page shows of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from dunflow.sandbox.store import Message

PX_PER_LINE = 26
MIN_FRAME_PX, MAX_FRAME_PX = 160, 460


@dataclass(frozen=True, repr=False)
class Entry:
    """`frame_px` is the height of the HTML's frame: no script may run there to measure it, so it
    is guessed from the length of the plain text and scrolls if that was too little."""

    id: int
    channel: str
    recipient: str
    sender: str
    subject: str
    body: str
    html: str
    frame_px: int
    time: str
    instant: str
    notes: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Day:
    name: str
    entries: list[Entry]


def by_day(messages: Iterable[Message]) -> list[Day]:
    """The messages under the UTC date of their acceptance, in the order given."""
    days = groupby(messages, key=lambda message: _instant(message).date())
    return [Day(f"{day:%A, %-d %B %Y}", [_entry(m) for m in group]) for day, group in days]


def _instant(message: Message) -> datetime:
    return datetime.fromtimestamp(message.created_at, UTC)


def _entry(message: Message) -> Entry:
    instant = _instant(message)
    return Entry(
        id=message.id,
        channel=message.channel,
        recipient=message.recipient,
        sender=_sender(message),
        subject=message.subject or "",
        body=(message.body or "").strip(),
        html=message.html or "",
        frame_px=_frame_px(message.body or ""),
        time=f"{instant:%H:%M:%S}",
        instant=instant.isoformat(),
        notes=tuple(_notes(message)),
    )


def _sender(message: Message) -> str:
    if message.sender is None:
        return "messaging service"
    if message.sender_name:
        return f"{message.sender_name} <{message.sender}>"
    return message.sender


def _notes(message: Message) -> Iterable[str]:
    if message.segments:
        yield "1 segment" if message.segments == 1 else f"{message.segments} segments"
    if message.reference:
        yield message.reference
    yield message.status


def _frame_px(text: str) -> int:
    # A line of the frame holds about 60 Latin characters, or half as many Chinese ones.
    widths = [sum(2 if ord(char) > 0x2E80 else 1 for char in line) for line in text.splitlines()]
    lines = sum(1 + width // 60 for width in widths)
    return min(MAX_FRAME_PX, max(MIN_FRAME_PX, 60 + lines * PX_PER_LINE))
