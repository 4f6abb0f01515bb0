from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from dunflow.demo.core import ensure_core
from dunflow.home import local_secrets


def test_a_core_beside_the_ledger_is_known_to_later_processes(
    ledger: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUNFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("DUNFLOW_LEDGER_URL", ledger.url.render_as_string(hide_password=False))
    before = local_secrets()
    url = ensure_core("some_core", "SOME_CORE_URL")
    assert ensure_core("some_core", "SOME_CORE_URL") == url
    known = make_url(local_secrets()["SOME_CORE_URL"])
    with create_engine(known, poolclass=NullPool).connect() as conn:
        assert conn.execute(text("SELECT current_database()")).scalar_one() == "some_core"
    assert before.items() <= local_secrets().items()
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600
