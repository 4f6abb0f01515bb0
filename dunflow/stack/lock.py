"""One `up` or `down` at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from dunflow.home import home


@contextmanager
def stack_lock() -> Iterator[None]:
    """Waits for whoever starts or stops this stack; the system frees it when its holder dies."""
    with (home() / "stack.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
