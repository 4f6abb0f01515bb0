"""Portfolios made for a test, and the environment in which Airflow parses their DAGs."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from dunflow.config.book import root

_PORTFOLIO = {
    "owner": "risk",
    "description": "A book made for a test",
    "time_zone": "Asia/Shanghai",
    "region": "CN",
    "language": "zh",
    "currency": "CNY",
    "run_at": "06:30",
    "source": {"kind": "sql", "connection": "CORE_URL"},
    "lender": {
        "name": {"zh": "测试"},
        "phone": "000",
        "pay_url": "https://pay.example/",
        "complaints": "complaints@pay.example",
    },
}


@pytest.fixture(scope="session")
def write_portfolio() -> Callable[[Path, str, dict[str, object]], Path]:
    """Writes a portfolio below a root; what differs from the usual is given by key."""

    def write(place: Path, name: str, changes: dict[str, object]) -> Path:
        folder = place / "include/portfolios" / name
        folder.mkdir(parents=True)
        document = yaml.safe_dump({"portfolio": name, **_PORTFOLIO, **changes}, allow_unicode=True)
        (folder / "portfolio.yaml").write_text(document)
        return folder

    return write


@pytest.fixture(scope="session")
def parsing() -> Callable[[Path], dict[str, str]]:
    """The environment of a process that parses the DAGs of a root, and reaches no database."""
    nowhere = "postgresql+psycopg://nobody@127.0.0.1:1/none"

    def environment(place: Path) -> dict[str, str]:
        return {
            **os.environ,
            "AIRFLOW_HOME": str(place / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(root() / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": nowhere,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": nowhere,
            "DUNFLOW_LEDGER_URL": nowhere,
            "DUNFLOW_ROOT": str(place),
            "DUNFLOW_PORTFOLIOS": "",
            "PYTHONPATH": str(root()),
        }

    return environment
