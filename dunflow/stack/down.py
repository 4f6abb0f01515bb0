"""Stops the local stack; what it knows stays on disk."""

from collections.abc import Callable

from dunflow.ledger import embedded
from dunflow.stack import process
from dunflow.stack.databases import folder, stop_server
from dunflow.stack.lock import stack_lock
from dunflow.stack.parts import Part, parts
from dunflow.stack.ports import Ports


def down(progress: Callable[[str], None] = lambda _: None) -> tuple[str, ...]:
    """Stop all parts, their children too, those last that the others need; names what ran."""
    stopped = []
    with stack_lock():
        for part in _stopping_order():
            if process.remains(part.name):
                progress(part.name)
                stopped.append(part.name)
            process.stop(part.name, part.patience_s)
        if embedded.is_running(folder()):
            progress("database")
            stopped.append("database")
            stop_server()
    return tuple(stopped)


def _stopping_order() -> list[Part]:
    """Those last that the others need: running tasks may finish, and talk to the API server.

    On whichever ports they run.
    """
    return list(reversed(parts(Ports())))
