"""A worker that dies at a named point: what it had not committed is gone, as after SIGKILL."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

from sqlalchemy import Connection, Engine, event

from dunflow.config.book import Book
from dunflow.ledger.tables import decision
from dunflow.remind.claim import Batch
from dunflow.remind.dispatch import Calls, Dispatcher
from dunflow.remind.drained import Drained
from dunflow.remind.settle import Settled


class Died(BaseException):
    """Nothing of production may catch it, just as nothing catches SIGKILL."""


class MortalDispatcher(Dispatcher):
    """Dies with what it next claims: before any call, or with all calls made and none recorded."""

    dies_after: Literal["claim", "accept"] | None = None

    @property
    def book(self) -> Book:
        return self._book

    @book.setter
    def book(self, edited: Book) -> None:
        """In production each run and each dispatch reads the files anew."""
        self._book, self.asking = edited, replace(self.asking, book=edited)

    def call(self, batch: Batch, asked: int, now: Any, drained: Drained) -> Calls:
        if self.dies_after == "claim":
            self.dies_after = None
            raise Died
        return super().call(batch, asked, now, drained)

    def record(self, settled: list[Settled], drained: Drained) -> None:
        if self.dies_after == "accept":
            self.dies_after = None
            raise Died
        super().record(settled, drained)


@contextmanager
def dying(engine: Engine, stage: str | None) -> Iterator[None]:
    """Die in this stage: `assess` as deciding begins, `snapshot`, `decide` before they commit."""
    if stage is None:
        yield
        return

    def as_decisions_are_written(_: object, __: object, statement: str, *___: object) -> None:
        if statement.lstrip().startswith(f"INSERT INTO {decision.name} "):
            raise Died

    def before_commit(_: Connection) -> None:
        raise Died

    hook = ("commit", before_commit)
    if stage == "assess":
        hook = ("before_cursor_execute", as_decisions_are_written)  # type: ignore[assignment]
    event.listen(engine, *hook)
    try:
        yield
    finally:
        event.remove(engine, *hook)
