"""What an intake takes in between two snapshots: which kinds of rows, and from where."""

import re
from collections.abc import Iterator
from typing import Final

from pydantic import Field, field_validator

from dunflow.config.base import Model
from dunflow.config.policy import Channel
from dunflow.config.reading import Reading, Strptime

FEEDS: Final[dict[str, dict[str, bool]]] = {
    "payments": {
        "ref": False,
        "account": True,
        "amount": True,
        "currency": False,
        "booked_at": True,
    },
    "credits": {
        "ref": True,
        "customer": True,
        "amount": True,
        "currency": False,
        "booked_at": True,
        "changed_at": False,
        "cancelled": False,
    },
    "holds": {
        "ref": True,
        "account": False,
        "customer": False,
        "kind": True,
        "from": True,
        "to": False,
        "released_at": False,
        "reason": False,
    },
    "promises": {
        "ref": True,
        "account": True,
        "amount": True,
        "currency": False,
        "by": True,
        "made_at": True,
        "cancelled_at": False,
        "reason": False,
    },
    "plans": {
        "ref": True,
        "account": True,
        "currency": False,
        "due_on": True,
        "amount": True,
        "grace_days": False,
        "agreed_at": True,
        "cancelled_at": False,
        "reason": False,
    },
    "consents": {
        "customer": True,
        "channel": True,
        "basis": True,
        "given_at": True,
        "address": False,
        "revoked_at": False,
        "reason": False,
    },
    "opt_outs": {
        "ref": False,
        "customer": True,
        "channel": True,
        "address": False,
        "since_at": False,
        "reason": False,
    },
    "contact_points": {
        "ref": False,
        "customer": True,
        "point": True,
        "value": True,
        "bad": False,
        "changed_at": True,
        "reason": False,
    },
    "merged_customers": {"customer": True, "into": True, "reason": False},
}
"""Kind of row → its columns, and whether each must be there and filled."""

BEFORE: Final[dict[str, dict[str, bool]]] = {
    "earlier_contacts": {
        "ref": True,
        "account": True,
        "customer": True,
        "channel": True,
        "sent_at": True,
        "step": False,
        "address": False,
        "arrived": False,
    },
    "earlier_placements": {
        "ref": True,
        "account": True,
        "destination": True,
        "amount": True,
        "currency": False,
        "placed_at": True,
        "state": False,
        "ended_at": False,
    },
}
"""What only the system before knows, taken in once before a portfolio goes live."""

KINDS: Final[dict[str, dict[str, bool]]] = FEEDS | BEFORE

FILLED_IN: Final[dict[str, Channel]] = {"calls": "call", "visits": "visit"}
"""Lists that people were given and fill in → the channel of their lines."""


class Feed(Reading):
    """Where rows of one kind come from, again and again; each row is taken in once.

    `path` may hold `*`. `query` may bind `:since`, `:until` and `:business_date`.
    """

    instants: Strptime | None = None
    """How an instant in text is written; none: ISO 8601, without an offset in the portfolio's zone,
    without a time the first moment of the day."""
    overlap_days: int = Field(3, ge=0)
    """sql: `:since` lies so far before the last time, for rows that become visible late."""
    columns: dict[str, str] = {}

    @field_validator("path")
    @classmethod
    def _is_no_path_of_a_date(cls, value: str | None) -> str | None:
        if re.search(r"[{}]", (value or "").replace("{home}", "")):
            raise ValueError(
                f"is {value!r}; of a feed all files are read that lie there, so write * for what "
                "differs between their names"
            )
        return value


class Intake(Model):
    """The feeds of a portfolio, by kind of row."""

    payments: Feed | None = None
    credits: Feed | None = None
    holds: Feed | None = None
    promises: Feed | None = None
    plans: Feed | None = None
    consents: Feed | None = None
    opt_outs: Feed | None = None
    contact_points: Feed | None = None
    merged_customers: Feed | None = None

    @field_validator("*")
    @classmethod
    def _known_columns(cls, value: Feed | None, info: object) -> Feed | None:
        kind = str(getattr(info, "field_name", ""))
        unknown = sorted(set(value.columns) - set(FEEDS[kind])) if value else []
        if unknown:
            raise ValueError(f"columns names {unknown[0]!r}; {kind} have {', '.join(FEEDS[kind])}")
        return value

    def feeds(self) -> Iterator[tuple[str, Feed]]:
        """The declared kinds, in the order in which they are taken in."""
        for kind in FEEDS:
            feed: Feed | None = getattr(self, kind)
            if feed is not None:
                yield kind, feed
