"""A ledger with a story on it, played through the production code once for all tests here."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, Engine, make_url, select

from dunflow.config.book import Book
from dunflow.ledger.engine import make_engine
from dunflow.ledger.tables import portfolio
from dunflow.scenario.run import book_of, find_stories, run_story


@dataclass(frozen=True)
class Told:
    """What was played, and the ledger that it left."""

    engine: Engine
    book: Book
    portfolio_id: int


@pytest.fixture(scope="session")
def told(server: URL, template: str) -> Iterator[Told]:
    (story,) = find_stories([Path(__file__).parent / "story.yaml"])
    ending = run_story(story, server, template, keep=True)
    assert ending.differences == []
    assert ending.ledger
    engine = make_engine(make_url(ending.ledger))
    with engine.connect() as conn:
        number = conn.execute(select(portfolio.c.portfolio_id)).scalar_one()
    yield Told(engine, book_of(story), number)
    engine.dispose()


@pytest.fixture
def conn(told: Told) -> Iterator[Connection]:
    """A transaction on the story's ledger; whatever a test does in it is undone."""
    with told.engine.connect() as conn:
        yield conn
