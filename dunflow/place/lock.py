"""One worker at a time decides about a portfolio's placements, or delivers them."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, func, select

from dunflow.ledger import locks


@contextmanager
def placement_lock(engine: Engine, name: str) -> Iterator[None]:
    """Held by a session of its own, so that no transaction is open while files are delivered.

    Whoever dies loses it with the session; what was left half done is found by the next one.
    """
    key = (locks.PLACEMENTS, locks.key_of(name))
    with engine.connect() as conn:
        conn.execute(select(func.pg_advisory_lock(*key)))
        conn.commit()
        try:
            yield
        finally:
            conn.execute(select(func.pg_advisory_unlock(*key)))
            conn.commit()
