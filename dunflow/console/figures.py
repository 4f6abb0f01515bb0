"""The figures of each portfolio's latest business dates: counts and amounts, nobody's data."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from dunflow.ledger.tables import portfolio
from dunflow.report.trend import Line, trend

DATES = 14


@dataclass(frozen=True)
class Dates:
    """A portfolio's latest business dates, the newest first."""

    portfolio: str
    dates: list[Line]

    def used(self, meanings: Mapping[str, str]) -> dict[str, str]:
        """Those of these actions or states that some date has: a table of them is narrow."""
        found = {name for date in self.dates for name in (*date.decide, *date.remind)}
        return {name: meaning for name, meaning in meanings.items() if name in found}


def latest(conn: Connection) -> list[Dates]:
    """Every portfolio that the ledger knows, by name."""
    known = select(portfolio.c.portfolio_id, portfolio.c.name).order_by(portfolio.c.name)
    return [Dates(row.name, trend(conn, row.portfolio_id, DATES)) for row in conn.execute(known)]
