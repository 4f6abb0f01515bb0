"""Brings a ledger's schema to the newest migration."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError

from dunflow.errors import DunflowError, LedgerDown
from dunflow.ledger import locks
from dunflow.ledger.engine import URL_VARIABLE, is_embedded, ledger_url, make_engine

_SCRIPTS = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def migrate(engine: Engine) -> str:
    """Apply what is missing, once even if several do it at the same time; the newest revision."""
    config = _config()
    with engine.begin() as conn:
        conn.execute(select(func.pg_advisory_xact_lock(locks.SCHEMA, locks.MIGRATION)))
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
    return newest()


def newest() -> str:
    """The newest revision that this code knows."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def require_current(engine: Engine) -> None:
    """Refuse to work on a ledger whose schema is not the one that this code knows."""
    with engine.connect() as conn:
        found = MigrationContext.configure(conn).get_current_revision()
    if found != newest():
        raise DunflowError(
            f"the ledger's schema is at {found or 'nothing'}, this version needs {newest()}: "
            "run 'dunflow migrate'"
        )


def open_ledger() -> Engine:
    """The ledger that the environment names, ready to work on.

    The embedded one is migrated on the way; a server's schema is only checked, since others may
    work on it. Raises LedgerDown where the server does not answer.
    """
    engine = make_engine(ledger_url())
    if is_embedded():
        migrate(engine)
        return engine
    with answering(engine):
        require_current(engine)
    return engine


@contextmanager
def answering(engine: Engine) -> Iterator[None]:
    """Raises LedgerDown where the server turns out not to answer."""
    try:
        yield
    except OperationalError as error:
        raise LedgerDown(
            f"{URL_VARIABLE}: {engine.url.render_as_string()} can't be reached: "
            f"{' '.join(str(error.orig).split())}"
        ) from None
