import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine

from dunflow.errors import LedgerDown
from dunflow.ledger.engine import URL_VARIABLE
from dunflow.ledger.migrate import open_ledger
from dunflow.ledger.tables import metadata


def test_the_migrated_database_equals_the_metadata(ledger: Engine) -> None:
    with ledger.connect() as conn:
        context = MigrationContext.configure(
            conn, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_a_server_that_is_not_there_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(URL_VARIABLE, "postgresql://dun:secret@127.0.0.1:1/ledger")
    with pytest.raises(LedgerDown, match="ledger can't be reached") as told:
        open_ledger()
    assert "secret" not in str(told.value)
