"""What somebody may have to look at before a date is trusted, and what a person vouched for."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from dunflow.errors import DunflowError
from dunflow.ledger.tables import acceptance

ROOM = Decimal("1.05")
"""A source that is asked again may have moved a little since the person looked."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what was seen, what is allowed.

    `off` says how far off it is, with a sign for the direction.
    """

    about: str
    seen: str
    allowed: str
    passed: bool
    off: Decimal

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"off": str(self.off)}


def told(findings: Iterable[Finding]) -> str:
    """What is wrong, for the person who has to decide."""
    return "; ".join(
        f"{each.about}: seen {each.seen}, allowed {each.allowed}"
        for each in findings
        if not each.passed
    )


def from_json(kept: Sequence[dict[str, Any]]) -> tuple[Finding, ...]:
    """What `as_json` made. Raises DunflowError for what a version before this one kept."""
    if any("off" not in each for each in kept):
        raise DunflowError(
            "what was seen of this date was written down by an older version; run the date again, "
            "and then accept it"
        )
    return tuple(Finding(**each | {"off": Decimal(each["off"])}) for each in kept)


def vouched_for(conn: Connection, portfolio_id: int, business_date: dt.date) -> tuple[Finding, ...]:
    """What persons saw of the date and accepted, knowing."""
    kept = conn.execute(
        select(acceptance.c.findings).where(
            acceptance.c.portfolio_id == portfolio_id,
            acceptance.c.business_date == business_date,
        )
    ).scalars()
    return tuple(finding for findings in kept for finding in from_json(findings))


def are_covered(findings: Iterable[Finding], vouched: Sequence[Finding]) -> bool:
    """Whether a person accepted each that did not pass, as far off as it is now.

    Whoever accepts a date vouches for what they saw of it, not for the next file that comes.
    """
    return all(
        each.passed or any(_is_no_worse(each, known) for known in vouched) for each in findings
    )


def _is_no_worse(now: Finding, known: Finding) -> bool:
    if now.about != known.about:
        return False
    return (now.off > 0) == (known.off > 0) and abs(now.off) <= abs(known.off) * ROOM
