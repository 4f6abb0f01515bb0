"""The measurement from its beginning to its end."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from bench.core import Core
from bench.days import Ran, let_pass, run_day
from bench.floor import Floor, measure_floor
from dunflow.ledger.engine import ledger_url

LAST_DATE = dt.date(2026, 7, 8)
"""A Wednesday: its run and the one before may contact people."""

FLOORS = 2
"""The floor is measured so often, and the quickest one counts."""


@dataclass(frozen=True)
class Measured:
    """`last`: the date after the history, if one was asked for."""

    accounts: int
    first: Ran
    second: Ran
    last: Ran | None
    floor: Floor

    @property
    def days(self) -> dict[str, Ran]:
        days = {"first day": self.first, "second day": self.second}
        if self.last:
            gone = (self.last.business_date - self.second.business_date).days
            days[f"{gone} days later"] = self.last
        return days


def measure(accounts: int, history: int, told: Callable[[str], None]) -> Measured:
    """Run consecutive dates with so many accounts, and then the floor."""
    told(f"making {accounts:,} accounts")
    core = Core(accounts)
    dates = [LAST_DATE - dt.timedelta(days=back) for back in reversed(range(history + 2))]
    runs: list[Ran] = []
    for date in dates:
        if runs:
            let_pass(core, runs[-1])
        told(f"running {date}")
        runs.append(run_day(date))
    told("measuring the floor")
    floors = [measure_floor(ledger_url(), dates[-1]) for _ in range(FLOORS)]
    return Measured(
        accounts,
        runs[0],
        runs[1],
        runs[-1] if history else None,
        min(floors, key=lambda floor: floor.seconds),
    )
