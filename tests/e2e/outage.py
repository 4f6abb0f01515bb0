"""Two portfolios whose Airflow stood still for five business dates, by the real clock.

Days can't be let pass. So their newest date is the one that closed last, and the last date before
the outage was run by the command's own code, at the time that it had then.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from sqlalchemy import Engine, text

from dunflow import day as stages
from dunflow.config.book import read_book
from dunflow.report.audit import audit

DAY = dt.timedelta(days=1)
MISSED = 5
CATCHING_UP, BACKFILLED = "catching_up_shop", "backfilled_shop"
ACCOUNTS = ("A0", "A1", "A2")


def _zone() -> str:
    """Where no midnight comes within hours: one of these two is half a day from the other."""
    hour = dt.datetime.now(ZoneInfo("Asia/Shanghai")).hour
    return "Asia/Shanghai" if 1 <= hour < 20 else "America/New_York"


@dataclass(frozen=True)
class Outage:
    """`before` was run in time. Then the scheduler stood still, and came back on `last`'s day."""

    zone: str
    last: dt.date

    @property
    def before(self) -> dt.date:
        return self.last - MISSED * DAY

    @property
    def missed(self) -> list[dt.date]:
        return [self.before + n * DAY for n in range(1, MISSED)]

    @property
    def dates(self) -> list[dt.date]:
        return [*self.missed, self.last]


def plan_outage() -> Outage:
    zone = _zone()
    return Outage(zone, dt.datetime.now(ZoneInfo(zone)).date() - DAY)


def write_portfolios(place: Path, outage: Outage) -> None:
    """Both have the same three accounts, which became due together the day before `before`.

    Letters have no hours, so that it does not matter at which time of which day this runs.
    """
    due_on = outage.before - DAY
    header = "account,customer,due_on,overdue,name,address\n"
    rows = [f"{ref},C{ref},{due_on},120.50,王丽,青禾路 {ref} 号\n" for ref in ACCOUNTS]
    for name, starts_on in ((CATCHING_UP, outage.missed[0]), (BACKFILLED, None)):
        folder = place / name
        folder.mkdir()
        portfolio = _PORTFOLIO | {"portfolio": name, "time_zone": outage.zone}
        if starts_on:
            portfolio["starts_on"] = starts_on.isoformat()
        (folder / "portfolio.yaml").write_text(yaml.safe_dump(portfolio, allow_unicode=True))
        (folder / "policy.yaml").write_text(yaml.safe_dump(_POLICY))
        for date in (outage.before, *outage.dates):
            (folder / f"{date}.csv").write_text(header + "".join(rows), encoding="utf-8")


def run_in_time(portfolio: str, business_date: dt.date) -> None:
    """As it was run then: with the clock at the date's usual time."""
    usual = read_book(portfolio).portfolio.calendar.usual_time_of(business_date)
    day = stages.open_day(portfolio, business_date, now=usual)
    stages.run(day)
    day.engine.dispose()


def decided(engine: Engine, portfolio: str) -> dict[dt.date, list[tuple[Any, ...]]]:
    """Business date → (account, action, reason, step) of the rows that stand."""
    rows = _read(
        engine,
        "SELECT business_date, account_ref, action, reason, step FROM decision "
        "JOIN account USING (account_id) WHERE decision.portfolio_id = :of "
        "ORDER BY business_date, account_ref",
        portfolio,
    )
    told: dict[dt.date, list[tuple[Any, ...]]] = {}
    for date, *row in rows:
        told.setdefault(date, []).append(tuple(row))
    return told


def contacted(engine: Engine, portfolio: str) -> list[tuple[Any, ...]]:
    """(business date, account, step, state) of every contact there ever was."""
    return _read(
        engine,
        "SELECT business_date, account_ref, contact_account.step, state FROM contact "
        "JOIN contact_account USING (contact_id) "
        "JOIN account ON account.account_id = contact_account.account_id "
        "WHERE contact.portfolio_id = :of ORDER BY business_date, account_ref",
        portfolio,
    )


def broken_promises(engine: Engine, portfolio: str) -> list[str]:
    with engine.begin() as conn:
        checked = audit(conn, read_book(portfolio), _number(engine, portfolio))
    return [f"{each.promise}: {each.accounts}" for each in checked if each.broken]


def _read(engine: Engine, query: str, portfolio: str) -> list[tuple[Any, ...]]:
    with engine.connect() as conn:
        found = conn.execute(text(query), {"of": _number(engine, portfolio)})
        return [tuple(row) for row in found]


def _number(engine: Engine, portfolio: str) -> int:
    with engine.connect() as conn:
        found = conn.execute(
            text("SELECT portfolio_id FROM portfolio WHERE name = :name"), {"name": portfolio}
        )
        return int(found.scalar_one())


_PORTFOLIO: dict[str, Any] = {
    "region": "CN",
    "language": "zh",
    "currency": "CNY",
    "run_at": "00:00",
    "source": {"kind": "files", "path": "{business_date}.csv"},
    "lender": {
        "name": {"zh": "街角小店", "en": "Corner Shop"},
        "phone": "021-0000 0100",
        "pay_url": "https://pay.corner.example/",
        "complaints": "complaints@corner.example",
    },
}
_POLICY = {
    "policy": "after-an-outage",
    "packs": ["cn-consumer"],
    "tiers": [
        {
            "tier": "courtesy",
            "from_dpd": 1,
            "steps": [
                {"step": f"step{at_dpd}", "at_dpd": at_dpd, "channel": "letter", **more}
                for at_dpd, more in (
                    (1, {"template": "courtesy"}),
                    (2, {"template": "courtesy"}),
                    (3, {"template": "gentle", "mandatory": True}),
                    (4, {"template": "gentle"}),
                    (6, {"template": "firm"}),
                )
            ],
        }
    ],
}
