"""One ledger for a whole property: each example has a portfolio of its own in it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import URL, Engine

from dunflow.ledger import throwaway


@pytest.fixture(scope="module")
def shared_ledger(server: URL, template: str) -> Iterator[Engine]:
    with throwaway.clone(server, template) as url, throwaway.engine_on(url) as engine:
        yield engine
