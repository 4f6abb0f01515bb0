"""A lender, a customer and accounts that a test can bend to its point."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dunflow.config.portfolio import Lender
from dunflow.remind.render.slots import Line, Slots

AS_OF = date(2026, 3, 10)
LENDER = Lender(
    name={"zh": "星桥消费金融", "en": "Starbridge Finance"},
    phone="400-820-1234",
    pay_url="https://pay.starbridge.example/r?a=1&b=2",
    complaints="complaints@starbridge.example",
)


def make_line(number: int = 423, amount: str = "1300.00", dpd: int = 8) -> Line:
    return Line(f"LN-2025-{number:04d}", Decimal(amount), AS_OF - timedelta(days=dpd), dpd)


def make_slots(**changes: Any) -> Slots:
    facts: dict[str, Any] = {
        "reference": "K7Q2XH",
        "language": "en",
        "customer_name": "Wang Fang",
        "lender": LENDER,
        "currency": "CNY",
        "accounts": (make_line(),),
        "as_of": AS_OF,
    }
    return Slots(**facts | changes)


@pytest.fixture
def line() -> Callable[..., Line]:
    return make_line


@pytest.fixture
def slots() -> Callable[..., Slots]:
    return make_slots


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portfolio without templates of its own."""
    return tmp_path_factory.mktemp("plain")


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    """A portfolio that has templates of its own, once `write` wrote them."""
    return tmp_path / "demo"


@pytest.fixture
def write(own_folder: Path) -> Callable[[str, str], None]:
    """Writes a template of the portfolio's own."""

    def _write(name: str, source: str) -> None:
        file = own_folder / "templates" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")

    return _write
