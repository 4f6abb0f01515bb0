"""`python -m dunflow.intake.receiver --port 9802`: the receiver as its own process."""

import argparse
import os
import sys

import uvicorn

from dunflow.clock import DatabaseClock
from dunflow.config.book import Book, folders, read_book
from dunflow.errors import ConfigError, DunflowError
from dunflow.home import local_secrets
from dunflow.intake.receiver.app import create_app
from dunflow.intake.receiver.desk import Desk
from dunflow.intake.receiver.keys import read_keys
from dunflow.ledger.migrate import open_ledger


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dunflow.intake.receiver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="behind a proxy that speaks TLS")
    parser.add_argument("--port", type=int, default=9802)
    arguments = parser.parse_args()
    try:
        keys = read_keys(local_secrets() | os.environ)
        engine = open_ledger()
    except DunflowError as err:
        print(f"receiver: {err}", file=sys.stderr)
        return 2
    app = create_app(Desk(engine, DatabaseClock(engine), books), keys)
    # Without an access log: it would name contacts' references.
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        access_log=False,
        log_level="warning",
        server_header=False,
    )
    return 0


def books() -> dict[str, Book]:
    """The portfolios that can be read; one that is broken must not silence the others."""
    found = {}
    for name in folders():
        try:
            found[name] = read_book(name)
        except ConfigError as err:
            print(f"receiver: {err}", file=sys.stderr)
    return found


if __name__ == "__main__":
    sys.exit(main())
