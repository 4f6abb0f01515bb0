"""Which ledger a command works on."""

from pathlib import Path

import pytest

from dunflow.errors import ConfigError
from dunflow.ledger.engine import URL_VARIABLE, ledger_url, remember_stack_ledger, require_embedded

SERVER = "postgresql://dunflow:hidden@ledger.example:6432/dunflow?password=hidden&sslmode=require"


@pytest.fixture(autouse=True)
def started_on_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUNFLOW_HOME", str(tmp_path))
    monkeypatch.setenv(URL_VARIABLE, SERVER)
    remember_stack_ledger()


def test_a_shell_that_names_no_ledger_is_refused_where_the_stack_works_on_a_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(URL_VARIABLE)
    with pytest.raises(ConfigError, match=r"@ledger\.example:6432/dunflow") as refused:
        ledger_url()
    assert "hidden" not in str(refused.value)


def test_a_stack_that_was_started_on_the_embedded_ledger_asks_for_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(URL_VARIABLE)
    remember_stack_ledger()
    require_embedded()
