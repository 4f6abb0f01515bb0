"""Histories of accounts as a source shows them, and the episodes that the design sees in them."""

import datetime as dt
from dataclasses import dataclass

ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Sighting:
    """What one date's snapshot says of one account: owed since `due_on`, or unreadable."""

    due_on: dt.date | None
    unreadable: bool = False


Days = dict[dt.date, Sighting | None]
"""One account's accepted dates; None: the snapshot leaves it out."""

Episode = tuple[dt.date, dt.date | None]
"""`started_on`, and the date on which it was over."""


def episodes_of(days: Days) -> list[Episode]:
    """Read off in the order of the calendar, by the rules for episodes."""
    episodes: list[Episode] = []
    started_on: dt.date | None = None
    last_on: dt.date | None = None
    last_due_on: dt.date | None = None
    for date, sighting in sorted(days.items()):
        if sighting is not None and sighting.unreadable:
            continue
        due_on = sighting.due_on if sighting else None
        overdue = due_on is not None and (date - due_on).days >= 1
        if started_on is not None and not overdue:
            episodes.append((started_on, date))
            started_on = None
        elif started_on is not None:
            assert last_on is not None
            assert due_on is not None
            if date - last_on > ONE_DAY and due_on != last_due_on and due_on > last_on:
                episodes.append((started_on, last_on + ONE_DAY))
                started_on = date
        elif overdue:
            started_on = date
        last_on, last_due_on = date, due_on
    return [*episodes, (started_on, None)] if started_on else episodes
