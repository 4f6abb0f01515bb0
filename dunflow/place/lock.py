"""One worker at a time decides about a portfolio's placements, or delivers them."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, func, select

_LOCK_SPACE = 0x706C61  # "pla"


@contextmanager
def placement_lock(engine: Engine, name: str) -> Iterator[None]:
    """Held by a session of its own, so that no transaction is open while files are delivered.

    Whoever dies loses it with the session; what was left half done is found by the next one.
    """
    key = (_LOCK_SPACE, zlib.crc32(name.encode()) >> 1)
    with engine.connect() as conn:
        conn.execute(select(func.pg_advisory_lock(*key)))
        conn.commit()
        try:
            yield
        finally:
            conn.execute(select(func.pg_advisory_unlock(*key)))
            conn.commit()
