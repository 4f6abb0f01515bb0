"""Airflow as it is, with a metadata database of its own and portfolios made for a test."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from sqlalchemy import URL

from dunflow.config.book import root
from dunflow.ledger import embedded

PORTFOLIO = {
    "owner": "risk",
    "description": "A book made for a test",
    "time_zone": "Asia/Shanghai",
    "region": "CN",
    "language": "zh",
    "currency": "CNY",
    "run_at": "06:30",
    "starts_on": "2026-03-01",
    "source": {"kind": "sql", "connection": "CORE_URL"},
    "lender": {
        "name": {"zh": "测试"},
        "phone": "000",
        "pay_url": "https://pay.example/",
        "complaints": "complaints@pay.example",
    },
}
POLICY = {
    "policy": "for-a-test",
    "packs": [],
    "tiers": [
        {
            "tier": "courtesy",
            "from_dpd": 1,
            "steps": [{"step": "first", "at_dpd": 1, "channel": "sms", "template": "courtesy"}],
        }
    ],
}

WritePortfolio = Callable[..., Path]


@pytest.fixture
def write_portfolio(tmp_path: Path) -> WritePortfolio:
    """Writes a portfolio folder below the test's own root; what differs is given by key."""

    def write(name: str, **changes: object) -> Path:
        folder = tmp_path / "include/portfolios" / name
        folder.mkdir(parents=True)
        document = {"portfolio": name, **PORTFOLIO, **changes}
        kept = {key: value for key, value in document.items() if value is not None}
        (folder / "portfolio.yaml").write_text(yaml.safe_dump(kept, allow_unicode=True))
        (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY))
        return folder

    return write


def airflow_environment(home: Path, url: str, dunflow_root: Path) -> dict[str, str]:
    return {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(root() / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(root() / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": url,
        "DUNFLOW_ROOT": str(dunflow_root),
        "PYTHONPATH": str(root()),
    }
