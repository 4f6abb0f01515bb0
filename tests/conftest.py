"""Real PostgreSQL for every test that wants one: a clone of a migrated template each."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine

# The wheel's server keeps its lock beside the runtime folder; in a container there is none.
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())

from dunflow.ledger import embedded, throwaway
from dunflow.ledger.engine import make_engine


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """A PostgreSQL server of this test process's own."""
    folder = Path(tempfile.mkdtemp(prefix="dunflow-test-"))
    yield throwaway.start_server(folder / "postgres")
    embedded.stop(folder / "postgres")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server: URL) -> str:
    return throwaway.ensure_template(server)


@pytest.fixture
def ledger(server: URL, template: str) -> Iterator[Engine]:
    """An empty, migrated ledger."""
    with throwaway.clone(server, template) as url:
        engine = make_engine(url)
        yield engine
        engine.dispose()
