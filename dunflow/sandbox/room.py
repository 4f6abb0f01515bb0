"""What every request handler of the sandbox needs, in one place."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from starlette.requests import Request

from dunflow.sandbox.credentials import Credentials
from dunflow.sandbox.store import Store

if TYPE_CHECKING:
    from dunflow.clock import Clock


class SystemClock:
    """This machine's clock; scenarios pass one that they move themselves."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class Room:
    credentials: Credentials
    clock: "Clock"
    store: Store


def room_of(request: Request) -> Room:
    return cast(Room, request.app.state.room)
