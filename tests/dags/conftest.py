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

WritePortfolio = Callable[..., Path]


@pytest.fixture
def write_portfolio(tmp_path: Path) -> WritePortfolio:
    """Writes a portfolio below the test's own root; what differs from the usual is given by key."""

    def write(name: str, **changes: object) -> Path:
        folder = tmp_path / "include/portfolios" / name
        folder.mkdir(parents=True)
        document = yaml.safe_dump({"portfolio": name, **_PORTFOLIO, **changes}, allow_unicode=True)
        (folder / "portfolio.yaml").write_text(document)
        return folder

    return write


@pytest.fixture
def parsing(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that parses DAGs, and that reaches no database."""
    nowhere = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    return {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(root() / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": nowhere,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": nowhere,
        "DUNFLOW_LEDGER_URL": nowhere,
        "DUNFLOW_ROOT": str(tmp_path),
        "DUNFLOW_PORTFOLIOS": "",
        "PYTHONPATH": str(root()),
    }
