"""The way to the ledger: which database, which engine, and the lock that runs share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, func, make_url, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import ArgumentError

from dunflow.errors import ConfigError
from dunflow.home import home
from dunflow.ledger import embedded, locks
from dunflow.ledger.bulk import put_heads
from dunflow.ledger.scratch import close_scratch, open_scratch
from dunflow.ledger.tables import portfolio

URL_VARIABLE = "DUNFLOW_LEDGER_URL"
DATABASE = "dunflow"


def is_embedded() -> bool:
    """Whether the ledger is the local embedded server's."""
    return not os.environ.get(URL_VARIABLE)


def ledger_url() -> URL:
    """DUNFLOW_LEDGER_URL, or the database of the embedded server (which this starts).

    Raises ConfigError where it is not named, and the stack here works on a server's.
    """
    given = os.environ.get(URL_VARIABLE)
    if not given:
        require_embedded()
        return embedded.ensure_database(embedded.start(home() / "postgres"), DATABASE)
    try:
        url = make_url(given)
    except ArgumentError:
        raise ConfigError(
            f"{URL_VARIABLE}: can't be read; write postgresql://user@host/database"
        ) from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigError(
            f"{URL_VARIABLE}: names a {url.get_backend_name()} database; the ledger is PostgreSQL: "
            "write postgresql://user@host/database"
        )
    return url.set(drivername="postgresql+psycopg")


def require_embedded() -> None:
    """Refuse the embedded ledger where the stack of this home works on a server's.

    A shell that does not name it would stop, hold or take in what nobody acts upon.
    """
    if server := stack_ledger():
        raise ConfigError(
            f"{URL_VARIABLE}: is not set, and the stack of this DUNFLOW_HOME works on {server}: "
            f"set it. To begin anew on the embedded ledger, remove {_server_file()}"
        )


def stack_ledger() -> str | None:
    """The server's ledger that the local stack was started on, without its password; None: the
    embedded one."""
    return _server_file().read_text() if _server_file().exists() else None


def remember_stack_ledger() -> None:
    """Keep which ledger the environment names, for the commands that come later."""
    server = named_server()
    if server is None:
        _server_file().unlink(missing_ok=True)
    else:
        _server_file().write_text(server)


def named_server() -> str | None:
    """The server's ledger that the environment names, its password hidden."""
    if is_embedded():
        return None
    url = ledger_url().set(drivername="postgresql")
    return url.difference_update_query(["password"]).render_as_string()


def _server_file() -> Path:
    return home() / "ledger-server"


def make_engine(url: URL) -> Engine:
    """An engine whose sessions speak UTC, so that instants come back as such."""
    engine = create_engine(
        url,
        connect_args={"options": "-c timezone=UTC -c jit=off"},
        pool_pre_ping=True,
        hide_parameters=True,  # a failing statement's values are personal data
    )
    put_heads(engine)
    return engine


_ROOM = {
    "work_mem": "192MB",  # joins over all accounts stay in memory
    "maintenance_work_mem": "192MB",  # so do the sorts of new indexes
    # A day's statements are few and large: a second core pays, and a small sample tells the planner
    # enough.
    "parallel_setup_cost": "100",
    "parallel_tuple_cost": "0.01",
    "random_page_cost": "1.1",  # of today's disks: looking up a few thousand rows is cheap
    "default_statistics_target": "10",
}


def give_room(conn: Connection) -> None:
    """Settings for a transaction that works on all accounts at once."""
    conn.execute(select(*[func.set_config(name, value, True) for name, value in _ROOM.items()]))


def make_durable(conn: Connection) -> None:
    """This transaction is on disk once it is committed, however the server is set.

    With `synchronous_commit = off` a crash of PostgreSQL takes the latest commits along. A claim
    that is forgotten after the provider was called would be made again.
    """
    conn.execute(
        text(
            "SELECT set_config('synchronous_commit', 'on', true) "
            "WHERE current_setting('synchronous_commit') = 'off'"
        )
    )


def portfolio_id_of(conn: Connection, name: str) -> int:
    """The number of portfolio `name`, given on first use."""
    known = conn.execute(select(portfolio.c.portfolio_id).where(portfolio.c.name == name)).scalar()
    if known is not None:
        return int(known)
    conn.execute(insert(portfolio).values(name=name).on_conflict_do_nothing())
    number: int = conn.execute(
        select(portfolio.c.portfolio_id).where(portfolio.c.name == name)
    ).scalar_one()
    return number


def lock_portfolio(conn: Connection, name: str) -> None:
    """Take the portfolio's advisory lock for the rest of this transaction."""
    conn.execute(select(func.pg_advisory_xact_lock(locks.PORTFOLIO, locks.key_of(name))))


@contextmanager
def portfolio_lock(engine: Engine, name: str) -> Iterator[Connection]:
    """One transaction under the portfolio's advisory lock; commits at the end.

    Assess, decide and planning together are one such transaction, and so is loading from the moment
    on at which the core has delivered: a backfill, a scheduled run and the command line may meet.
    """
    with engine.begin() as conn:
        lock_portfolio(conn, name)
        with _prepared(conn):
            yield conn


@contextmanager
def at_work(engine: Engine) -> Iterator[Connection]:
    """The same without the lock, which whoever works takes when it is needed."""
    with engine.begin() as conn, _prepared(conn):
        yield conn


@contextmanager
def taken_back(engine: Engine) -> Iterator[Connection]:
    """The same, and nothing of it stays: the transaction ends without a commit."""
    with engine.connect() as conn, _prepared(conn):
        yield conn


@contextmanager
def _prepared(conn: Connection) -> Iterator[None]:
    give_room(conn)
    open_scratch(conn)
    yield
    close_scratch(conn)


def clear_scratch(conn: Connection) -> None:
    """Let the next part of a transaction begin as one of its own does."""
    close_scratch(conn)
    open_scratch(conn)
