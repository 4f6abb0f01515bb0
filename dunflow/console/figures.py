"""The figures of each portfolio's latest business dates: counts and amounts, nobody's data."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from dunflow.ledger.tables import portfolio
from dunflow.remind.brake import standing
from dunflow.report.trend import Line, trend

DATES = 14


@dataclass(frozen=True)
class Dates:
    """A portfolio's latest business dates, the newest first."""

    portfolio: str
    dates: list[Line]
    stopped: list[str]
    """What a person stopped, and since when."""

    def used(self, meanings: Mapping[str, str]) -> dict[str, str]:
        """Those of these actions or states that some date has: a table of them is narrow."""
        found = {name for date in self.dates for name in (*date.decide, *date.remind)}
        return {name: meaning for name, meaning in meanings.items() if name in found}


def latest(conn: Connection) -> list[Dates]:
    """Every portfolio that the ledger knows, by name."""
    known = select(portfolio.c.portfolio_id, portfolio.c.name).order_by(portfolio.c.name)
    return [
        Dates(name, trend(conn, number, DATES), _stops(conn, number))
        for number, name in conn.execute(known)
    ]


def _stops(conn: Connection, portfolio_id: int) -> list[str]:
    """Why and by whom is for those who may ask the ledger."""
    return [
        f"{each['channel']} since {each['stopped_at']:%Y-%m-%d %H:%M} UTC"
        for each in standing(conn, portfolio_id)
    ]
