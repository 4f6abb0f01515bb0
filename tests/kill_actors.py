"""The processes of the kill rounds, run as scripts: a worker that forks, and a sandbox.

Both take their time from a file, which the test moves: minutes pass between rounds, in no time.
"""

import datetime as dt
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from dunflow import day as stages
from dunflow.config.book import Book, read_book
from dunflow.home import local_secrets
from dunflow.ledger.engine import ledger_url, make_engine
from dunflow.remind import dispatch  # noqa: F401 - so that a fork has it already
from dunflow.sandbox.app import create_app
from dunflow.sandbox.credentials import read_credentials
from dunflow.sandbox.serve import bind, make_config


@dataclass(frozen=True)
class FileClock:
    file: Path

    def now(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.file.read_text())


def work(clock: FileClock, portfolio: str, date: dt.date) -> None:
    """For each line on stdin fork a worker that drains the outbox; print its process id.

    Whatever it prints on its way goes to stderr. A worker that ends by itself leaves 0.
    """
    book, environ = read_book(portfolio), local_secrets() | os.environ
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            _drain(clock, book, date, environ)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _drain(clock: FileClock, book: Book, date: dt.date, environ: dict[str, str]) -> None:
    code = 1
    try:
        stages.remind(stages.Day(make_engine(ledger_url()), book, date, clock, environ))
        code = 0
    finally:
        os._exit(code)


def sandbox(clock: FileClock, port: int, state: Path) -> None:
    app = create_app(state, credentials=read_credentials(local_secrets()), clock=clock)
    uvicorn.Server(make_config(app)).run(sockets=[bind(port)])


if __name__ == "__main__":
    _, role, file, *rest = sys.argv
    if role == "work":
        work(FileClock(Path(file)), rest[0], dt.date.fromisoformat(rest[1]))
    else:
        sandbox(FileClock(Path(file)), int(rest[0]), Path(rest[1]))
