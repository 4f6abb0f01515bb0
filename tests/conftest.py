"""Real PostgreSQL for every test that wants one: a clone of a migrated template each."""

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings
from sqlalchemy import URL, Engine
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# The wheel's server keeps its lock beside the runtime folder; in a container there is none.
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())

from dunflow.ledger import throwaway

# The same examples each time, so that a change is not blamed for what it did not do. To look at
# others, say so.
settings.register_profile("same", derandomize=True)
settings.load_profile("default" if os.environ.get("DUNFLOW_EXPLORE") else "same")

STACKS = ("e2e/test_stack.py", "e2e/test_hand_over.py", "real/test_real_run.py")


class ByFile(LoadScopeScheduling):
    """The tests of a file stay together, as they share what is dear to make; stories don't.

    Whatever runs an Airflow stays together too: one at a time is enough for two cores.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        if file.endswith(STACKS):
            return "stack"
        return nodeid if file.endswith("test_scenarios.py") else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest ones first, so that no worker is left alone with them in the end."""
    longest = (*STACKS, "test_kill_rounds.py")
    items.sort(key=lambda item: not str(item.path).endswith(longest))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """What a test puts into the environment ends with it.

    A command reads the local stack's secrets into it, and a later test's senders would then show
    the credentials of a sandbox that is another's.
    """
    before = dict(os.environ)
    yield
    if os.environ != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def server() -> Iterator[URL]:
    """A PostgreSQL server of this test process's own."""
    with throwaway.own_server() as url:
        yield url


@pytest.fixture(scope="session")
def template(server: URL) -> str:
    return throwaway.ensure_template(server)


@pytest.fixture
def ledger(server: URL, template: str) -> Iterator[Engine]:
    """An empty, migrated ledger."""
    with throwaway.clone(server, template) as url, throwaway.engine_on(url) as engine:
        yield engine
