"""What the stack tells Airflow before it starts."""

import datetime as dt
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from dunflow.cli import main
from dunflow.errors import ConfigError
from dunflow.stack.backfill import NotUp, backfill
from dunflow.stack.databases import open_databases
from dunflow.stack.down import down
from dunflow.stack.environment import password_file, stack_environment, write_password
from dunflow.stack.ports import Ports, remember, remembered
from dunflow.stack.status import status

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


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"airflow": "x"}', '{"printer": 1}'])
def test_ports_that_are_damaged_are_told_and_keep_nothing_running(home: Path, text: str) -> None:
    (home / "stack.json").write_text(text)
    for look in (remembered, status):
        with pytest.raises(
            ConfigError, match=r"stack\.json: .* run 'dunflow down', remove the file"
        ):
            look()
    assert down() == ()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"receiver": 99999}, "--receiver-port: is 99999; give one from 1 to 65535"),
        ({"airflow": 0}, "--airflow-port: is 0; give one"),
        ({"sandbox": 8080}, "--sandbox-port: is 8080, and so is --airflow-port; give each its own"),
    ],
)
def test_ports_that_cannot_be_are_refused(wrong: dict[str, int], told: str) -> None:
    options = [word for part, port in wrong.items() for word in (f"--{part}-port", str(port))]
    done = CliRunner().invoke(main, ["up", *options])
    assert done.exit_code == 1
    assert f"Error: {told}" in done.output


def test_a_backfill_without_a_stack_says_how_to_start_one() -> None:
    date = dt.date(2026, 3, 1)
    with pytest.raises(NotUp, match="dunflow up"):
        backfill("corner_shop", date, date)
