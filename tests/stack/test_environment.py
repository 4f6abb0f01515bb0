"""What the stack tells Airflow before it starts."""

import datetime as dt
import json
import stat
from pathlib import Path

import pytest

from dunflow.errors import ConfigError
from dunflow.stack.backfill import NotUp, backfill
from dunflow.stack.databases import open_databases
from dunflow.stack.environment import password_file, stack_environment, write_password
from dunflow.stack.ports import Ports, remember, remembered

LEDGER = "postgresql://collector:secret@db.example/ledger"
METADATA = "postgres://airflow@db.example/airflow"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DUNFLOW_HOME", str(tmp_path))
    return tmp_path


def test_databases_that_are_named_are_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUNFLOW_LEDGER_URL", LEDGER)
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", METADATA)
    found = open_databases()
    assert found.ledger == "postgresql+psycopg://collector:secret@db.example/ledger"
    assert found.metadata == "postgresql+psycopg://airflow@db.example/airflow"
    assert not (home / "postgres").exists()


def test_another_kind_of_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUNFLOW_LEDGER_URL", LEDGER)
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "sqlite:///airflow.db")
    with pytest.raises(ConfigError, match="SQL_ALCHEMY_CONN: names a sqlite database"):
        open_databases()


def test_a_proxy_of_the_user_stays_for_the_world_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    told = stack_environment(Ports(), METADATA, LEDGER)
    assert told["NO_PROXY"] == "intranet.example,127.0.0.1"


def test_the_password_lies_in_a_file_of_its_owner_only() -> None:
    password = write_password()
    assert json.loads(password_file().read_text()) == {"admin": password}
    assert stat.S_IMODE(password_file().stat().st_mode) == 0o600


def test_the_ports_are_known_to_later_commands() -> None:
    assert remembered() is None
    remember(Ports(airflow=18080, sandbox=19801))
    assert remembered() == Ports(airflow=18080, sandbox=19801)


def test_a_backfill_without_a_stack_says_how_to_start_one() -> None:
    date = dt.date(2026, 3, 1)
    with pytest.raises(NotUp, match="dunflow up"):
        backfill("corner_shop", date, date)
