"""What every request handler of the sandbox needs, in one place."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from dunflow.sandbox.credentials import Credentials
from dunflow.sandbox.faults import Faults
from dunflow.sandbox.store import Reader, Store, open_reader
from dunflow.sandbox.webhooks import Webhooks

if TYPE_CHECKING:
    from dunflow.clock import Clock

T = TypeVar("T")


class SystemClock:
    """This machine's clock; scenarios pass one that they move themselves."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class Room:
    credentials: Credentials
    clock: "Clock"
    state: Path
    store: Store
    webhooks: Webhooks
    faults: Faults = field(default_factory=Faults)
    activity_turns: deque[float] = field(default_factory=deque)
    """When the latest Email Activity queries were asked, in Unix seconds."""


def room_of(request: Request) -> Room:
    return cast(Room, request.app.state.room)


async def read_aside(request: Request, read: Callable[[Reader], T]) -> T:
    """Read in a thread: a look through all messages takes a while, and others are sending."""
    state = room_of(request).state

    def run() -> T:
        with open_reader(state) as reader:
            return read(reader)

    return await run_in_threadpool(run)
